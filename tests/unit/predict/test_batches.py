"""From files to findings, a batch after the other."""

import weakref
from pathlib import Path

import numpy as np
import pytest

from scanvote.inputs import DiscoveredInput, InputScan, discover_inputs
from scanvote.predict import batches
from scanvote.predict.batches import ScanResult, predict_stream
from scanvote.predict.schema import FileError
from tests.asking import Oracle, of_adjacent_slices
from tests.making import write_image, write_nifti


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Five scans, and two files among them that are none."""
    for number in range(5):
        write_image(tmp_path / f"scan-{number}.png", number)
    (tmp_path / "scan-1-b.png").write_bytes((tmp_path / "scan-1.png").read_bytes()[:200])
    (tmp_path / "scan-3-b.png").write_text("no scan")
    return tmp_path


def told(one: ScanResult | FileError) -> object:
    return one.model_dump() if isinstance(one, FileError) else one.finding.model_dump()


def test_what_is_said_is_in_the_order_of_the_files(scans: Path):
    files = list(discover_inputs([scans / "scan-4.png", scans]))
    found = list(predict_stream(Oracle(), files, batch=3))
    names = [one.file if isinstance(one, FileError) else one.finding.file for one in found]
    assert names == [file.name for file in files]
    refused = [Path(one.file).name for one in found if isinstance(one, FileError)]
    assert refused == ["scan-1-b.png", "scan-3-b.png"]
    assert [one.status for one in found if isinstance(one, FileError)] == [422, 415]


@pytest.mark.parametrize("batch", [1, 2, 7, 32])
def test_the_batch_changes_nothing_that_is_said(scans: Path, batch: int):
    write_nifti(scans / "scan-2-b.nii", 1)  # among images, twice, and cut across its middle
    write_nifti(scans / "scan-2-c.nii", 2, (20, 22, 9))
    oracle = Oracle(of_adjacent_slices(2, planes=["axial", "sagittal"], slices=None))
    files = list(discover_inputs([scans, scans / "scan-2-b.nii"]))
    whole = [one for file in files for one in predict_stream(oracle, [file], 1000)]
    parts = list(predict_stream(oracle, files, batch))
    assert [told(one) for one in parts] == [told(one) for one in whole]
    for one, other in zip(parts, whole, strict=True):
        assert isinstance(one, FileError) or np.array_equal(one.mask, other.mask)


def test_scans_of_several_files_are_examined_together(scans: Path):
    oracle = Oracle()
    list(predict_stream(oracle, discover_inputs([scans]), batch=4))
    assert sum(oracle.asked) == 5
    assert len(oracle.asked) == 2


def test_of_a_volume_every_slice_is_said_which_it_is(tmp_path: Path):
    path = write_nifti(tmp_path / "a.nii.gz")
    found = list(predict_stream(Oracle(), discover_inputs([path, path]), batch=2))
    places = [(one.finding.file, one.finding.slice, one.finding.plane) for one in found]
    assert len(places) == 2 * len(set(places))
    assert {place[2] for place in places} == {"axial"}
    assert all(one.mask.shape == one.scan.image.shape[:2] for one in found)


def test_a_large_scan_fills_a_batch(scans: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "_PIXELS", 2 * 48 * 48)
    oracle = Oracle()
    list(predict_stream(oracle, discover_inputs([scans]), batch=100))
    assert oracle.asked == [2, 2, 1]


def test_a_name_is_told_whole(tmp_path: Path):
    folder = tmp_path.joinpath(*["a" * 90] * 4)
    path = write_image(folder / "scan.png")
    (one,) = predict_stream(Oracle(), discover_inputs([path]))
    assert one.finding.file == str(path)


def test_memory_does_not_grow_with_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, batch, count = write_image(tmp_path / "scan.png", side=8), 8, 300
    alive = set[int]()
    read = batches.read_discovered

    def watched(*arguments: object) -> list[InputScan]:
        (scan,) = read(*arguments)  # type: ignore[arg-type]
        alive.add(id(scan.image))
        weakref.finalize(scan.image, alive.discard, id(scan.image))
        return [scan]

    monkeypatch.setattr(batches, "read_discovered", watched)
    most = 0
    for _ in predict_stream(Oracle(), [DiscoveredInput(str(path), (path,))] * count, batch):
        most = max(most, len(alive))
    assert batch <= most <= 3 * batch
