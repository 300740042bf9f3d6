"""A real package in a real worker: the same answers as without a server, and no Keras beside it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scanvote.core.backend import use_backend
from scanvote.images.decode import decode_bytes
from scanvote.inputs import read_content
from scanvote.inputs.scan import Limits
from scanvote.pipeline.package import Package, load_package
from scanvote.pipeline.package.stage import build_package
from scanvote.predict.predictor import explain, predict_with_masks
from scanvote.serving.engine import EngineOptions, start_engine
from scanvote.serving.engine.model import Cancelled, LoadedModel
from scanvote.serving.engine.pictures import scan_png
from scanvote.serving.engine_api import Examined, Explained, Upload
from tests.making import picture
from tests.packing import changed, write_pipeline

use_backend("tensorflow")
SOURCES = Path(__file__).parents[4] / "src"
NAMES = ("a.png", "b.png", "c.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("packed")
    build_package(*changed(write_pipeline(root), package={"onnx": False}), root / "package")
    return root / "package"


@pytest.fixture(scope="module")
def package(folder: Path) -> Package:
    return load_package(folder)


def png(name: str) -> bytes:
    return scan_png(np.repeat(picture(ord(name[0]), 40)[..., None], 3, axis=2))


async def served(folder: Path) -> tuple[list[list[Examined]], Explained]:
    patient = EngineOptions(timeout=300, explain_timeout=300)  # to load counts, too
    async with start_engine(folder, Limits(), patient) as engine:
        assert engine.card == (folder / "card.md").read_text()
        uploads = [Upload(name, png(name)) for name in NAMES]
        found = await asyncio.gather(*(engine.predict(upload) for upload in uploads))
        return list(found), await engine.explain(uploads[0], "occlusion")


def test_the_server_says_what_the_package_says(folder: Path, package: Package):
    said, shown = asyncio.run(served(folder))
    volumes = package.contents.volumes
    scans = [read_content(png(name), name, Limits(), volumes)[0] for name in NAMES]
    for (one,), (finding, mask), scan in zip(
        said, predict_with_masks(package, scans), scans, strict=True
    ):
        assert one.finding == finding
        np.testing.assert_array_equal(decode_bytes(one.scan, "scan"), scan.image)
        np.testing.assert_array_equal(decode_bytes(one.mask, "mask")[..., 0] == 255, mask)
    maps = explain(package, scans[0], "occlusion")
    assert list(shown.maps) == list(maps)
    for name, heat in maps.items():
        drawn = decode_bytes(shown.maps[name], name)[..., 0]
        np.testing.assert_array_equal(drawn, heat)


def test_an_explanation_that_nobody_waits_for_ends_before_it_asks_a_network(folder: Path):
    packaged = LoadedModel(load_package(folder), Limits())
    scan = packaged.read(Upload("a.png", png("a.png")))[0]
    with pytest.raises(Cancelled):
        packaged.explain(scan, "occlusion", lambda: True)
    assert "vote" in packaged.explain(scan, "occlusion", lambda: False)


def test_the_web_process_knows_no_keras():
    script = (
        "import sys, scanvote.serving.engine\n"
        "print([name for name in ('keras', 'tensorflow', 'jax', 'skimage') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(SOURCES)}, capture_output=True
    )
    assert found.stdout.decode() == "[]\n"
