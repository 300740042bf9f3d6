import csv
import io
import re

import cv2
import numpy as np
import pytest

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.serving.page.templating import statics
from tests.browser.watching import file, give, overflow
from tests.serving import empty_png, nifti_bytes, scan_png, tumour_png

WITHIN = """(selector) => [...document.querySelectorAll(selector)]
  .filter((one) => one.checkVisibility())
  .filter((one) => one.scrollWidth > one.clientWidth + 1
                   || one.getBoundingClientRect().right > innerWidth)
  .map((one) => one.outerHTML)"""
"""What runs out of its own room, or of the window."""

OUTLINE = "getComputedStyle(document.querySelector('.outline path')).stroke"

LOADED = "[...document.querySelectorAll('.paper img')].every((one) => one.naturalWidth)"


def print_page(page) -> None:
    """By the button; returns when the browser would be told to print."""
    page.evaluate("window.said = ''")
    page.click("[data-print]")
    page.wait_for_function("window.said === 'printed'")


def sheets(page) -> int:
    """Of paper, that the page takes."""
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))


@pytest.fixture
def page(watched):
    return watched.page()


def test_a_scan_that_is_given_is_answered_on_the_same_page(page) -> None:
    page.evaluate("document.body.dataset.same = 'yes'")
    give(page, file("slice.png", tumour_png()))
    assert page.inner_text("h1") == "Glioma"
    assert "of 3 members agree" in page.inner_text(".agreement")
    assert "Marked as tumour: " in page.inner_text(".tumour")
    assert page.locator(".bars tbody tr").count() == 4
    assert page.locator(".bars tr.chosen circle").count() == 3, "a mark for each member"
    assert page.evaluate("document.body.dataset.same") == "yes"
    assert page.evaluate("document.activeElement.tagName") == "H1"


def test_a_sample_is_answered(page, engine) -> None:
    page.click(".samples li:first-child button")
    page.wait_for_selector(".result")
    assert page.inner_text(".answer .file") == next(iter(engine.samples))


def test_where_nothing_is_marked_the_page_says_so_and_offers_no_outline(page) -> None:
    give(page, file("slice.png", empty_png()))
    assert page.inner_text(".tumour") == "No tumour found."
    assert page.locator("#outline").count() == 0
    assert page.locator(".view svg.outline").count() == 0
    assert "No tumour found." in page.get_attribute(".view img", "alt")


def test_the_switch_shows_hides_and_fills_the_outline(page) -> None:
    give(page, file("slice.png", tumour_png()))

    def drawn(what: str) -> str:
        return page.evaluate(f"getComputedStyle(document.querySelector('.outline path')).{what}")

    assert drawn("stroke") != "none"
    assert drawn("fill") == "none"
    page.uncheck("#outline")
    assert drawn("stroke") == "none"
    page.check("#filled")
    assert drawn("fill") != "none"


def test_the_outline_lies_where_the_mask_does(page) -> None:
    give(page, file("slice.png", tumour_png()))
    box, whole = (page.locator(one).bounding_box() for one in (".view .outline path", ".view img"))
    assert whole["x"] < box["x"] < box["x"] + box["width"] < whole["x"] + whole["width"]
    ratio = whole["width"] / 64
    area = int(page.inner_text(".tumour").split()[3])
    across = 2 * np.sqrt(area / np.pi) * ratio
    assert abs(box["width"] - across) < 2 * ratio + 4


def test_the_scan_is_enlarged_in_the_room_that_it_has(page) -> None:
    give(page, file("slice.png", tumour_png()))
    before, room = page.locator(".view img").bounding_box(), page.locator(".view").bounding_box()
    page.check("#zoom-2")
    after = page.locator(".view img").bounding_box()
    assert after["width"] == pytest.approx(2 * before["width"], rel=0.05)
    assert page.locator(".view").bounding_box() == room


def test_an_explanation_is_made_on_demand_and_shown_member_by_member(page) -> None:
    give(page, file("slice.png", tumour_png()))
    page.check("#filled")
    page.check("input[value=occlusion]")
    page.click(".ways button")
    page.wait_for_selector(".explained")
    assert page.evaluate("document.activeElement.id") == "explanation-title"
    assert page.is_checked("#filled"), "what was switched stays"
    assert page.locator(".whose a").count() == 4
    assert "Occlusion, vote: what speaks for glioma" in page.inner_text(".explained figcaption")
    first = page.get_attribute(".explained .layers img", "src")
    page.click(".whose li:nth-child(3) a")
    page.wait_for_selector(".whose li:nth-child(3) [aria-current]")
    assert page.get_attribute(".explained .layers img", "src") != first
    assert page.evaluate("document.querySelector('.explained .layers img').naturalWidth") == 64


def test_progress_is_said_aloud_and_can_be_stopped(page, engine) -> None:
    engine.seconds = 5
    try:
        page.set_input_files("#files", [file("slice.png", tumour_png())])
        page.click("form.ask button")
        page.wait_for_selector("#progress:not([hidden])")
        assert page.inner_text("#status") == "Examining the scan…"
        assert page.get_attribute("#status", "aria-live") == "polite"
        page.click("#stop")
        page.wait_for_selector("#progress", state="hidden")
        assert page.locator(".result").count() == 0
        assert page.is_enabled("form.ask button")
    finally:
        engine.seconds = 0


@pytest.mark.parametrize(
    ("name", "content"), [("notes.txt", b"no scan"), ("cut.png", scan_png()[:-20]), ("empty", b"")]
)
def test_a_wrong_file_is_refused_in_one_sentence_beside_its_name(page, name, content) -> None:
    give(page, file(name, content))
    alert = page.locator("main [role=alert]")
    assert alert.count() == 1
    assert alert.inner_text().count(name) == 1
    assert page.locator("#files").count() == 1, "another can be given at once"


def test_to_ask_without_a_file_is_answered_by_a_sentence(page) -> None:
    page.click("form.ask button")
    page.wait_for_selector("[role=alert]")
    assert page.inner_text("[role=alert]") == "Choose a scan first."


def test_several_files_become_a_gallery_with_what_was_refused(page) -> None:
    give(page, *(file(f"{n}.png", scan_png(n)) for n in range(5)), file("no.txt", b"text"))
    assert page.inner_text("h1") == "5 scans examined, 1 file refused"
    assert page.locator(".card").count() == 6
    assert "no.txt" in page.inner_text(".refused-card")
    page.click(".card:nth-child(3) a")
    page.wait_for_selector(".result")
    assert page.inner_text(".answer .file") == "2.png"
    page.click("text=Next")
    page.wait_for_selector(".answer .file:text-is('3.png')")
    page.go_back()
    page.wait_for_selector(".answer .file:text-is('2.png')")


def test_in_the_gallery_the_outline_lies_on_its_scan_whatever_its_shape(page) -> None:
    give(page, *(file(f"{n}.png", tumour_png()) for n in range(2)))
    found = page.evaluate(
        """() => {
          const card = document.querySelector(".card:has(.outline)");
          const image = card.querySelector("img"), outline = card.querySelector(".outline");
          image.width = 128; image.height = 64;
          outline.setAttribute("viewBox", "0 0 128 64");
          const box = image.getBoundingClientRect(), to = outline.getScreenCTM();
          return [box.x, box.y, box.width, box.height, to.e, to.f, to.a, to.d,
                  getComputedStyle(image).objectFit];
        }"""
    )
    x, y, width, height, left, top, across, down, fit = found
    scale = min(width / 128, height / 64)
    wanted = [x + (width - 128 * scale) / 2, y + (height - 64 * scale) / 2, scale, scale]
    assert fit == "contain"
    assert [left, top, across, down] == pytest.approx(wanted, abs=0.5)


def test_a_volume_is_a_gallery_of_its_slices_with_areas_in_millimetres(page) -> None:
    give(page, file("head.nii.gz", nifti_bytes()))
    assert page.locator(".card").count() == 3
    assert "head.nii.gz, axial slice 1" in page.inner_text(".card:nth-child(2)")
    assert "mm²" in page.inner_text(".cards")


def test_files_that_are_dropped_are_examined(page) -> None:
    page.evaluate(
        """content => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(content)], "dropped.png"));
          for (const kind of ["dragenter", "dragover", "drop"])
            document.body.dispatchEvent(
              new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: data}));
        }""",
        list(tumour_png()),
    )
    page.wait_for_selector(".result")
    assert page.inner_text(".answer .file") == "dropped.png"


def test_the_history_is_of_the_open_page_only(page) -> None:
    assert page.is_hidden("#history")
    give(page, file("first.png", tumour_png()))
    give(page, file("second.png", empty_png()))
    asked = page.locator("#history li")
    assert [one.split(":")[0] for one in asked.all_inner_texts()] == ["second.png", "first.png"]
    page.click("#history li:last-child a")
    page.wait_for_selector(".answer .file:text-is('first.png')")
    assert asked.count() == 2
    page.reload()
    assert asked.all_inner_texts()[0].startswith("first.png")
    assert asked.count() == 1, "what the page shows"
    page.goto(page.url.split("results/")[0])
    assert page.is_hidden("#history")


def test_what_is_outside_is_warned_of_above_the_answer(page) -> None:
    for number in range(40):
        give(page, file("slice.png", scan_png(number)))
        if page.locator(".outside").count():
            break
    assert "unlike the training scans" in page.inner_text(".warning")
    warning, heading = (page.locator(one).bounding_box() for one in (".warning", "h1"))
    assert warning["y"] + warning["height"] <= heading["y"]
    assert page.get_attribute("h1", "aria-describedby") == "warnings"
    assert "answer nevertheless" in page.inner_text("h1")
    larger, smaller = (
        page.evaluate(f"parseFloat(getComputedStyle(document.querySelector('{one}')).fontSize)")
        for one in (".warning p", "h1")
    )
    assert larger > smaller
    page.emulate_media(media="print")
    warning, heading = (page.locator(one).bounding_box() for one in (".warning", "h1"))
    assert warning["y"] + warning["height"] <= heading["y"]
    assert sheets(page) == 1


def test_downloads_hold_what_their_names_say(page) -> None:
    give(page, file("slice.png", tumour_png()))

    def downloaded(words: str) -> bytes:
        with page.expect_download() as begun:
            page.click(f".downloads a:has-text('{words}')")
        assert begun.value.suggested_filename.startswith("slice-")
        return begun.value.path().read_bytes()

    rows = list(csv.DictReader(io.StringIO(downloaded("CSV").decode())))
    assert [row["file"] for row in rows] == ["slice.png"]
    assert rows[0]["vote"] == page.inner_text("h1").lower()
    picture = cv2.imdecode(np.frombuffer(downloaded("PNG"), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] >= 640
    assert picture.shape[0] > picture.shape[1], "the caption stands below"


def test_the_report_is_the_page_printed(page) -> None:
    give(page, file("slice.png", tumour_png()))
    page.evaluate("window.print = () => { window.said = 'printed' }")
    print_page(page)
    assert sheets(page) == 1
    page.uncheck("#outline")
    page.check("#zoom-4")
    page.check(".ways input[value='lime']")
    page.click(".ways button")
    page.wait_for_selector(".explained")
    print_page(page)
    assert page.evaluate(LOADED)
    assert sheets(page) == 2
    page.emulate_media(media="print")
    assert page.locator(".look img:visible").count() == 2
    assert page.evaluate(OUTLINE) != "none", "though it was switched off"
    maps = page.locator(".maps img:visible")
    assert maps.count() == 4
    assert (
        page.locator(".maps figcaption").first.inner_text() == "LIME, vote: what speaks for glioma"
    )
    for words in ("0.6400", "ann/units128", "c" * 64, "keras 3.15", "64 × 64 pixels"):
        assert page.get_by_text(words).first.is_visible()
    for hidden in (".top", ".controls", ".ways", ".again", ".downloads"):
        assert not page.locator(hidden).first.is_visible()


def test_every_sheet_says_what_it_is_not_for() -> None:
    assert f'@bottom-left {{ content: "{DISCLAIMER}"' in statics()["page.css"].decode()


def test_a_narrow_screen_does_not_scroll_sideways(watched) -> None:
    page = watched.page(viewport={"width": 320, "height": 640})

    def narrow(within: str = "") -> None:
        for width in (320, 360, 768):
            page.set_viewport_size({"width": width, "height": 640})
            assert overflow(page) == 0, width
            assert not within or page.evaluate(WITHIN, within) == [], width

    narrow()
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.locator(".disclaimer").bounding_box()["y"] < 640
    give(page, file(f"{'long-name-' * 15}.png", tumour_png()))
    page.click("summary")
    assert page.locator(".members td:visible").count() == 16
    narrow(".members, .members :is(th, td), .names")
    page.click(".ways button")
    page.wait_for_selector(".explained")
    narrow()
    give(page, file("a.png", scan_png(1)), file(f"{'b' * 150}.txt", b"text"))
    narrow()
    for path, drawn in (("/model", "h1"), ("/docs", ".opblock")):
        page.goto(watched.address + path)
        page.wait_for_selector(drawn)
        narrow()


def test_without_a_script_everything_still_works(watched) -> None:
    page = watched.page(java_script_enabled=False)
    page.set_input_files("#files", [file("slice.png", tumour_png())])
    page.click("form.ask button")
    assert page.inner_text("h1") == "Glioma"
    page.check("#filled")
    page.check("input[value=lime]")
    page.click(".ways button")
    assert "LIME, vote" in page.inner_text(".explained figcaption")
    page.click(".whose li:nth-child(2) a")
    assert page.locator(".whose li:nth-child(2) [aria-current]").count() == 1
    page.set_input_files("#files", [file("no.txt", b"text")])
    page.click("form.ask button")
    assert "no.txt" in page.inner_text("[role=alert]")


def test_a_result_that_is_forgotten_is_said_to_be(watched) -> None:
    page = watched.page("/results/unknown")
    assert "no longer kept" in page.inner_text("[role=alert]")
    page.click("main a")
    page.wait_for_selector("#files")
