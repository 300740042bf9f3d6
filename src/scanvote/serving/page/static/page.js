"use strict";
// The pages work without this script. It replaces the shown page by the next one in place, so
// that the history of results lives as long as the open page does, and no longer.

const main = document.querySelector("main");
const history_ = document.querySelector("#history");
const progress = document.querySelector("#progress");
const status_ = document.querySelector("#status");
const asked = new Map();
let running = null;
let clock = 0;
document.documentElement.classList.add("scripted");

function say(words) {
  status_.textContent = words;
}

function begin(words) {
  running?.abort();
  running = new AbortController();
  const since = Date.now();
  const tell = () => {
    const seconds = Math.round((Date.now() - since) / 1000);
    say(seconds < 3 ? `${words}…` : `${words}, ${seconds} seconds so far…`);
  };
  clearInterval(clock);
  clock = setInterval(tell, 5000);
  tell();
  progress.hidden = false;
  main.setAttribute("aria-busy", "true");
  return running;
}

function end() {
  clearInterval(clock);
  progress.hidden = true;
  say("");
  main.removeAttribute("aria-busy");
  for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
}

function complain(words) {
  const box = document.createElement("div");
  box.className = "refused";
  box.setAttribute("role", "alert");
  const line = document.createElement("p");
  line.textContent = words;
  box.append(line);
  main.querySelector(".complaint")?.remove();
  box.classList.add("complaint");
  main.prepend(box);
  box.scrollIntoView({ block: "nearest" });
}

function show(page, focus) {
  const stay = new Map([...main.querySelectorAll("[data-stay]")].map((one) => [one.id, one.checked]));
  document.title = page.title;
  main.replaceChildren(...page.querySelector("main").childNodes);
  for (const one of main.querySelectorAll("[data-stay]")) {
    if (focus && stay.has(one.id)) one.checked = stay.get(one.id);
  }
  const links = page.querySelectorAll(".top nav a");
  document.querySelectorAll(".top nav a").forEach((link, at) => {
    if (links[at]?.hasAttribute("aria-current")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  const target = main.querySelector(focus || "h1") || main.querySelector("h1");
  if (!focus) scrollTo(0, 0);
  target.focus({ preventScroll: !focus });
  remember();
}

function remember() {
  const said = main.querySelector("[data-said]");
  if (!said || asked.has(said.dataset.kept)) return;
  asked.set(said.dataset.kept, said.dataset.said);
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = said.dataset.kept;
  link.textContent = said.dataset.said;
  item.append(link);
  history_.querySelector("ol").prepend(item);
  history_.hidden = false;
}

async function go(address, { body, words, focus, stays } = {}) {
  const mine = begin(words || "Loading");
  try {
    const answer = await fetch(address, { method: body ? "POST" : "GET", body, signal: mine.signal });
    const kind = answer.headers.get("Content-Type") || "";
    if (!kind.startsWith("text/html")) throw new Error("no page");
    const text = await answer.text();
    if (mine !== running) return;
    end();
    const shown = answer.redirected || !body ? answer.url : address;
    if (!stays) history.pushState(null, "", shown);
    place = location.pathname + location.search;
    show(new DOMParser().parseFromString(text, "text/html"), focus);
  } catch (error) {
    if (mine !== running) return;
    end();
    if (error.name !== "AbortError") complain("The server did not answer. Try again.");
  }
}

function busy(form, files) {
  const words = form.dataset.busy;
  if (words === "Explaining") {
    const method = form.querySelector("input:checked")?.closest("label").querySelector("strong");
    return `Explaining by ${method ? method.textContent : "the first method"}`;
  }
  return files > 1 ? `${words} ${files} files` : `${words} the scan`;
}

// a picture that is not loaded yet would be missing on paper
async function printed() {
  await Promise.allSettled([...document.images].filter((one) => one.loading !== "lazy").map((one) => one.decode()));
  print();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!("busy" in form.dataset)) return;
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  if (event.submitter) event.submitter.disabled = true;
  const words = busy(form, body.getAll("files").length);
  go(form.getAttribute("action"), { body, words, focus: form.dataset.focus });
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) printed();
  const link = event.target.closest("a[href]");
  const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button);
  if (!link || !plain || "whole" in link.dataset || link.origin !== location.origin) return;
  if (link.getAttribute("href").startsWith("#")) return;
  event.preventDefault();
  go(link.href, { focus: link.dataset.focus });
});

document.addEventListener("change", (event) => {
  if (event.target.name !== "zoom") return;
  const view = main.querySelector(".view");
  view.scrollTo((view.scrollWidth - view.clientWidth) / 2, (view.scrollHeight - view.clientHeight) / 2);
});

document.querySelector("#stop").addEventListener("click", () => {
  running?.abort();
  main.querySelector("h1").focus();
});

// a link within the page also counts as a step back or forth
let place = location.pathname + location.search;
addEventListener("popstate", () => {
  if (place !== location.pathname + location.search) go(location.href, { stays: true });
});

let depth = 0;
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
function dragging(change) {
  depth = Math.max(0, depth + change);
  document.body.classList.toggle("dragging", depth > 0);
}
addEventListener("dragenter", (event) => carriesFiles(event) && dragging(1));
addEventListener("dragleave", (event) => carriesFiles(event) && dragging(-1));
addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  dragging(-depth);
  const files = [...event.dataTransfer.files];
  const form = main.querySelector("form.ask");
  if (!files.length || !form) return;
  const body = new FormData();
  for (const file of files) body.append("files", file);
  go(form.getAttribute("action"), { body, words: busy(form, files.length) });
});

remember();
