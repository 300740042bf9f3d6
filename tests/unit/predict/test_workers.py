"""Prediction over workers leaves what one process leaves, byte for byte."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from typer.testing import CliRunner

from scanvote.cli import app
from scanvote.core.parallel import use_compute
from scanvote.inputs import DiscoveredInput
from scanvote.pipeline.package import Package
from scanvote.predict import answers as answers_of
from scanvote.predict import workers
from scanvote.predict.answers import Answer, Wanted
from tests.clusters import Scheduler, need_mounts, scheduler
from tests.graphs import write_graph_package
from tests.making import write_image, write_nifti, write_series

SCANS = 9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package, and scans of each kind: also broken, empty, and in two files."""
    folder = tmp_path_factory.mktemp("predict")
    write_graph_package(folder / "model")
    for seed in range(SCANS):
        write_image(folder / f"scans/{seed}.png", seed, side=40)
    write_nifti(folder / "scans/volume.nii.gz")
    write_series(folder / "scans/series")
    voxels = np.random.default_rng(0).integers(0, 900, (6, 20, 20)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), folder / "scans/pair.mhd")
    cut = (folder / "scans/volume.nii.gz").read_bytes()[:900]
    (folder / "scans/cut.nii.gz").write_bytes(cut)
    (folder / "scans/empty.png").touch()
    return folder


@pytest.fixture(scope="module")
def apart(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduler]:
    """Two workers that do not see the folder."""
    need_mounts()
    with scheduler(tmp_path_factory.mktemp("cluster")) as started:
        for name in ("one", "two"):
            started.worker(name, apart=folder)
        yield started


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(workers, "BLOCK", 4)
    yield
    use_compute("processes", None)


def left(*words: str) -> tuple[int, str, dict[str, bytes]]:
    """Return exit code, table and pictures of a run."""
    for path in Path("masks").rglob("*.png"):
        path.unlink()
    common = ["predict", "--model=model", "--masks=masks", "--batch=4"]
    done = CliRunner().invoke(app, [*common, *words])
    assert "Traceback" not in done.stderr
    masks = {str(path): path.read_bytes() for path in Path("masks").rglob("*.png")}
    return done.exit_code, done.stdout, masks


def test_workers_without_our_disk_leave_what_one_process_leaves(
    apart: Scheduler, monkeypatch: pytest.MonkeyPatch
):
    answered_here = list[str]()

    def answers(package: Package, files: list[DiscoveredInput], wanted: Wanted) -> Iterator[Answer]:
        answered_here.extend(file.name for file in files)
        return answers_of.answers(package, files, wanted)

    monkeypatch.setattr(workers, "answers", answers)
    words = ["scans", str(Path("scans/1.png").resolve())]
    code, table, masks = alone = left(*words)
    assert left(*words, "--scheduler", apart.address) == alone
    assert answered_here == ["scans/cut.nii.gz", "scans/empty.png"]
    assert code == 1
    assert len(masks) > SCANS + 1
    assert [name in table for name in ("pair.mhd,", "series/", "cut.nii.gz is no")] == [True] * 3


def test_an_explanation_is_the_same(apart: Scheduler):
    words = ["scans/2.png", "scans/3.png", "--explain=occlusion", "--explanations=why"]
    alone = left(*words), Path("why/2-occlusion.png").read_bytes()
    again = left(*words, "--scheduler", apart.address), Path("why/2-occlusion.png").read_bytes()
    assert again == alone


def test_a_model_that_was_replaced_meanwhile_is_not_asked(folder: Path):
    with pytest.raises(workers.InputError, match="was replaced meanwhile"):
        workers._loaded(folder / "model", "onnx", "another")
