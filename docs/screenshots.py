"""Draw the pictures of the served page: `python -m docs.screenshots [package]`.

Needs Chromium, and the phantom that the last `make repro` drew; the scan is one of the test's.
"""

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from scanvote.serving.engine import EngineOptions, start_engine
from scanvote.serving.options import ServeOptions
from tests.browser.serving import served
from tests.browser.watching import give

SCAN = Path("data/raw/classification/phantom/scans/meningioma/patient-113-slice-00.png")
DOCS = Path("docs")
LOADING = 180.0
"""Seconds that the networks may take to load."""


def shoot(browser: Browser, address: str, size: tuple[int, int], explained: bool, to: Path) -> None:
    """The answer as it is seen in a window of this size, from the top."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.set_default_timeout(1000 * LOADING)
    page.goto(address)
    give(page, SCAN)
    page.wait_for_selector(".result")
    if explained:
        page.click(".ways button")
        page.wait_for_selector(".explained")
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.screenshot(path=to)
    Image.open(to).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(to, optimize=True)


def main(folder: Path) -> None:
    options, engine = ServeOptions(), EngineOptions(timeout=LOADING, explain_timeout=LOADING)
    start = lambda: start_engine(folder, options.limits, engine)  # noqa: E731
    with served(start, options) as address, sync_playwright() as playwright:
        path = shutil.which("chromium") or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        shoot(browser, address, (1280, 1610), True, DOCS / "page.png")
        shoot(browser, address, (390, 900), False, DOCS / "page-phone.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "models/package"))
