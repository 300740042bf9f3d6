"""What a keyboard, a screen reader and a careful eye need."""

from itertools import pairwise

from tests.browser.watching import file, give
from tests.serving import scan_png, tumour_png

CONTRAST = 4.5
"""WCAG 2.2, 1.4.3, of text."""

# of every text that shows: its own colour against the nearest background that is painted
CONTRASTS = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((one) => one / 255)
    .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const found = parse(getComputedStyle(node).backgroundColor);
      if (found.length < 4 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode, node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility() || node.closest(".hidden, .skip")) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
    found.push([text.data.trim(), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return found;
}"""

UNNAMED = """() => [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.labels?.[0]?.innerText || one.getAttribute("aria-label")
                     || one.innerText || "").trim())
  .map((one) => one.outerHTML)"""

MISSING = """() => ["aria-labelledby", "aria-describedby"]
  .flatMap((name) => [...document.querySelectorAll(`[${name}]`)]
    .map((one) => one.getAttribute(name)))
  .filter((id) => !document.getElementById(id))"""


def _visited(watched, **how):
    """Every kind of page, one after the other."""
    page = watched.page(**how)
    yield page
    give(page, file("slice.png", tumour_png()))
    page.click("summary")
    page.click(".ways button")
    page.wait_for_selector(".explained")
    yield page
    give(page, *(file(f"{n}.png", scan_png(n)) for n in range(12)), file("no.txt", b"text"))
    yield page
    for path in ("/model", "/results/unknown"):
        page.goto(watched.address + path)
        yield page


def test_every_kind_of_page_can_be_read_by_all(watched) -> None:
    for page in _visited(watched, color_scheme="light"):
        _check_contrast(page)
        page.emulate_media(color_scheme="dark")
        _check_contrast(page)
        page.emulate_media(color_scheme="light")
        _check_names(page)
        _check_headings(page)


def _check_contrast(page) -> None:
    """All text stands out from what is behind it."""
    measured = page.evaluate(CONTRASTS)
    assert len(measured) > 5
    assert [one for one in measured if one[1] < CONTRAST] == [], page.url


def _check_names(page) -> None:
    """Every control has a name, every picture a text, every page one heading."""
    assert page.evaluate(UNNAMED) == [], page.url
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == page.locator("header").count() == 1
    assert page.get_attribute("html", "lang") == "en"
    assert "Research use, not for diagnosis." in page.inner_text("header")


def _check_headings(page) -> None:
    """Headings stand in order, and ids are unique."""
    levels = page.evaluate(
        "[...document.querySelectorAll('main :is(h1,h2,h3,h4)')].map((one) => +one.tagName[1])"
    )
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    assert page.evaluate(MISSING) == []


def _tab_to(page, selector: str, most: int = 60) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"{selector} is not reached by Tab")


def test_a_keyboard_is_enough_for_everything(watched) -> None:
    page = watched.page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    _tab_to(page, "#files")
    page.set_input_files("#files", [file("slice.png", tumour_png())])  # the system's own dialogue
    _tab_to(page, "form.ask button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".result")
    _tab_to(page, ".view")
    _tab_to(page, "#outline")
    page.keyboard.press("Space")
    assert not page.is_checked("#outline")
    _tab_to(page, "[name=zoom]")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("#zoom-2")
    _tab_to(page, "summary")
    page.keyboard.press("Enter")
    assert page.is_visible(".members")
    _tab_to(page, "[name=method]")
    page.keyboard.press("ArrowDown")
    _tab_to(page, ".ways button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".explained")
    _tab_to(page, ".whose li:nth-child(2) a")
    page.keyboard.press("Enter")
    page.wait_for_selector(".whose li:nth-child(2) [aria-current]")
    assert page.evaluate("document.activeElement.matches('[aria-current]')"), "the place is kept"


def test_what_has_the_focus_can_be_seen(watched) -> None:
    page = watched.page()
    for _ in range(6):
        page.keyboard.press("Tab")
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert style != "none"
        assert width >= 2


def test_nothing_moves_for_those_who_asked_for_rest(watched) -> None:
    page = watched.page(reduced_motion="reduce")
    name = "getComputedStyle(document.querySelector('#status'), '::before').animationName"
    page.evaluate("document.querySelector('#progress').hidden = false")
    assert page.evaluate(name) == "none"
    moving = watched.page()
    moving.evaluate("document.querySelector('#progress').hidden = false")
    assert moving.evaluate(name) == "turn"


def test_the_way_past_the_header_leads_to_the_content_and_leaves_it_alone(watched) -> None:
    page = watched.page()
    give(page, file("slice.png", tumour_png()))
    page.check("#filled")
    page.focus(".skip")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.is_checked("#filled")
