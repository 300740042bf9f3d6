"""The page before a real package: what it says is what the package says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scanvote.serving.options import ServeOptions
from tests.browser.serving import served
from tests.browser.watching import file, give
from tests.making import picture
from tests.packing import changed, write_pipeline

pytestmark = pytest.mark.slow
LOADING = 180_000
"""Milliseconds that the networks may take to load."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from scanvote.core.backend import use_backend

    use_backend("tensorflow")
    from scanvote.pipeline.package.stage import build_package

    root = tmp_path_factory.mktemp("packed")
    build_package(*changed(write_pipeline(root), package={"onnx": False}), root / "package")
    return root / "package"


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    from scanvote.serving.engine import EngineOptions, start_engine

    options = ServeOptions()
    engine = EngineOptions(timeout=LOADING / 1000, explain_timeout=LOADING / 1000)
    with served(lambda: start_engine(folder, options.limits, engine), options) as url:
        yield url


def test_the_page_says_what_the_package_says_and_explains_it(watched, folder: Path) -> None:
    import cv2

    from scanvote.inputs import Limits, read_content
    from scanvote.pipeline.package import load_package
    from scanvote.predict.predictor import predict_one
    from scanvote.serving.page.texts import ResultText, percent

    package = load_package(folder)
    content = cv2.imencode(".png", picture(3, 64))[1].tobytes()
    scans = read_content(content, "scan.png", Limits(), package.contents.volumes)
    said = ResultText(predict_one(package, scans)[0], package.contents)
    page = watched.page()
    page.set_default_timeout(LOADING)
    give(page, file("scan.png", content))
    assert page.inner_text("h1") == said.heading
    shares = page.locator(".bars .share").all_inner_texts()
    assert shares == [percent(share) for _, share in said.shares]
    assert page.inner_text(".tumour") == said.tumour
    page.click(".ways button")
    page.wait_for_selector(".explained")
    assert page.locator(".whose a").count() == 1 + len(package.classifiers.members)
