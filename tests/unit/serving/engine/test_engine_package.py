"""A package in real workers: the same answers as without a server, and no TensorFlow."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from scanvote.core.errors import InputError
from scanvote.images.decode import decode_bytes
from scanvote.inputs import read_content
from scanvote.inputs.scan import Limits, RejectedFile
from scanvote.pipeline.package import Package, load_package
from scanvote.predict.predictor import explain, predict_with_masks
from scanvote.serving.engine import EngineOptions, model, start_engine
from scanvote.serving.engine.engine import WorkerEngine
from scanvote.serving.engine.messages import Explain, Predict
from scanvote.serving.engine.model import CancelledTask, PackagedModel, TooLargeFile
from scanvote.serving.engine_api import Examined, Explained, Upload
from tests.graphs import write_graph_package
from tests.making import picture, write_dicom, write_nifti

SOURCES = Path(__file__).parents[4] / "src"
NAMES = ("a.png", "b.png", "large.png")
NETWORKS = ("keras", "tensorflow", "jax", "torch", "onnxruntime")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_graph_package(tmp_path_factory.mktemp("packed") / "package")


@pytest.fixture(scope="module")
def package(folder: Path) -> Package:
    return load_package(folder)


def png(name: str) -> bytes:
    side = 2050 if name == "large.png" else 60
    return cv2.imencode(".png", picture(ord(name[0]), side))[1].tobytes()


async def served(folder: Path) -> tuple[list[list[Examined]], Explained, dict[str, list[str]]]:
    async with start_engine(folder, Limits(), EngineOptions(workers=2)) as engine:
        assert isinstance(engine, WorkerEngine)
        assert engine.card == (folder / "card.md").read_text()
        uploads = [Upload(name, png(name)) for name in NAMES] * 3
        found = await asyncio.gather(*(engine.predict(upload) for upload in uploads))
        shown = await engine.explain(uploads[0], "occlusion")
        mapped = {
            lane.name: [one.path for pid in lane.pids for one in psutil.Process(pid).memory_maps()]
            for lane in engine.lanes
        }
        return list(found), shown, mapped


def test_the_server_says_what_the_package_says_in_every_lane(folder: Path, package: Package):
    said, shown, mapped = asyncio.run(served(folder))
    volumes = package.contents.volumes
    scans = [read_content(png(name), name, Limits(), volumes)[0] for name in NAMES]
    predicted = predict_with_masks(package, scans)
    assert any(mask.any() for _, mask in predicted)
    for (one,), (finding, mask), scan in zip(said, predicted * 3, scans * 3, strict=True):
        assert one.finding == finding
        np.testing.assert_array_equal(decode_bytes(one.scan, "scan"), scan.image)
        np.testing.assert_array_equal(decode_bytes(one.mask, "mask")[..., 0] == 255, mask)
    maps = explain(package, scans[0], "occlusion")
    assert list(shown.maps) == list(maps)
    for name, heat in maps.items():
        drawn = decode_bytes(shown.maps[name], name)[..., 0]
        np.testing.assert_array_equal(drawn, heat)
    for paths in mapped.values():
        assert any("onnxruntime" in path for path in paths)
        assert not any("tensorflow" in path for path in paths)


def answer(package: Package, lane: model.LaneName, content: bytes) -> Sequence[Examined]:
    task = Predict(Upload("a", content), pictures=False)
    found = PackagedModel(package, Limits(), lane).answer(task, lambda: None)
    assert isinstance(found, list)
    return found


def test_many_pixels_and_several_slices_are_too_large_for_the_lane_of_small_files(
    package: Package, tmp_path: Path
):
    for content in (png("large.png"), write_nifti(tmp_path / "a.nii").read_bytes()):
        with pytest.raises(TooLargeFile):
            answer(package, "small", content)
        assert answer(package, "large", content)
    one_slice = write_dicom(tmp_path / "a.dcm", picture(1, 40).astype(np.uint16)).read_bytes()
    for content in (png("a.png"), one_slice):
        (one,) = answer(package, "small", content)
        assert (one.scan, one.mask) == (b"", b"")
        assert one == answer(package, "large", content)[0]


def test_what_is_too_large_for_every_lane_is_refused(package: Package):
    task = Predict(Upload("a", png("large.png")), pictures=False)
    with pytest.raises(RejectedFile, match="million pixels"):
        PackagedModel(package, Limits(pixels=10**6), "large").answer(task, lambda: None)


def test_explanations_of_scans_that_there_are_not_are_refused(package: Package, tmp_path: Path):
    asked = PackagedModel(package, Limits(), "explain")
    upload = Upload("x.nii", write_nifti(tmp_path / "x.nii").read_bytes())
    for place in (4096, -1):
        with pytest.raises(RejectedFile, match=rf"x\.nii has \d+ findings.* none at {place}"):
            asked.answer(Explain(upload, "occlusion", place), lambda: None)


def test_an_explanation_that_nobody_waits_for_ends_before_it_asks_a_network(package: Package):
    def stop() -> None:
        raise CancelledTask

    task = Explain(Upload("a.png", png("a.png")), "occlusion", 0)
    asked = PackagedModel(package, Limits(), "explain")
    with pytest.raises(CancelledTask):
        asked.answer(task, stop)
    assert asked.answer(task, lambda: None).maps.keys() >= {"vote"}


def test_a_runtime_that_the_package_cannot_have_is_one_line(folder: Path, tmp_path: Path):
    from tests.asking import write_package

    async def start() -> None:
        async with start_engine(write_package(tmp_path), Limits(), EngineOptions("onnx")):
            pass

    with pytest.raises(InputError, match="--runtime onnx: this package has no ONNX graphs"):
        asyncio.run(start())


def test_the_fork_server_imports_no_networks_and_starts_no_thread():
    script = (
        "import os, sys, scanvote.serving.preload\n"
        f"print([name for name in {NETWORKS} if name in sys.modules],"
        " len(os.listdir('/proc/self/task')))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(SOURCES)}, capture_output=True
    )
    assert found.stdout.decode() == "[] 1\n"
