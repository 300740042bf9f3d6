"""A real browser before a real server; without a browser these tests are skipped."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanvote.serving.options import ServeOptions
from tests.browser.serving import served, starting
from tests.browser.watching import Watched
from tests.serving import FakeEngine

PREFIX = "/scanvote"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium(own: str) -> str | None:
    """Where it lies: as CHROMIUM says, in PATH, or playwright's own."""
    told = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES), own]
    return next((path for path in told if path and Path(path).exists()), None)


# of a module, not of the session: playwright's loop would run under the tests of other folders
@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        path = chromium(started.chromium.executable_path)
        if path is None:
            pytest.skip("no browser: install Chromium, or name it in CHROMIUM")
        launched = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="module")
def address(engine: FakeEngine) -> Iterator[str]:
    # below a prefix, so that an address that forgot it is one of another server (`Watched`)
    with served(starting(engine), ServeOptions(root_path=PREFIX)) as url:
        yield url + PREFIX


@pytest.fixture
def watched(browser, address: str) -> Iterator[Watched]:
    """A way to open pages, each of which has to keep to its own server and complain of nothing."""
    watching = Watched(browser, address)
    yield watching
    watching.close()
