"""Draw the pictures of the report: `python -m docs.report_pictures [report.html]`.

Needs Chromium, and by default the report of the phantom that the last `make repro` wrote.
"""

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

DOCS = Path("docs")
WIDTH = 1280
"""Of the window, in pixels."""
SHOWN = {"answer": ("report.png", 900), "classification": ("report-results.png", 1400)}
"""Sections with the file of the picture and its height."""


def shoot(page: Page, section: str, name: str, height: int) -> None:
    """Take the page as it is seen in a window of this height, from a section on."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    top = "document.documentElement.scrollTop = 0"
    page.evaluate(top if section == "answer" else f"location.hash = {section!r}")
    page.wait_for_timeout(500)
    page.screenshot(path=DOCS / name)
    picture = Image.open(DOCS / name).convert("RGB")
    picture.quantize(128, Image.Quantize.MAXCOVERAGE).save(DOCS / name, optimize=True)


def main(report: Path) -> None:
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(reduced_motion="reduce")
        page.goto(report.resolve().as_uri())
        for section, (name, height) in SHOWN.items():
            shoot(page, section, name, height)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "metrics/report.html"))
