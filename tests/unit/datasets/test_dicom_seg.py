"""Masks of a DICOM Segmentation, placed on the voxels of its series."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.folders import read_folder
from scanvote.datasets.user_data.ingest import ingest
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout
from scanvote.datasets.volumes import Volume, dicom_series, read_dicom
from scanvote.datasets.volumes.dicom_seg import STORAGE, place_segments
from scanvote.params import Params
from tests.making import write_dicom, write_series

SIDE, SLICES, STEP = 24, 12, 5.0


def truth() -> NDArray[np.uint8]:
    """(slices, rows, columns): segments 1 and 2 on a few slices, which overlap."""
    masks = np.zeros((2, SLICES, SIDE, SIDE), np.uint8)
    masks[0, 3:6, 4:10, 5:14] = 1
    masks[1, 5:8, 8:16, 10:12] = 1
    return masks


def group(segment: int, number: int, shift: float) -> Dataset:
    one, place, which = Dataset(), Dataset(), Dataset()
    place.ImagePositionPatient = [shift, 0.0, number * STEP]
    which.ReferencedSegmentNumber = segment
    one.PlanePositionSequence = Sequence([place])
    one.SegmentIdentificationSequence = Sequence([which])
    return one


def write_segmentation(path: Path, bits: int = 1, shift: float = 0.0, **values: object) -> Path:
    """The frames of `truth` that mark anything, the last first."""
    places = [(s, z) for s in (0, 1) for z in range(SLICES) if truth()[s, z].any()][::-1]
    frames = np.stack([truth()[s, z] for s, z in places])
    packed = np.packbits(frames.ravel(), bitorder="little") if bits == 1 else frames * 255
    shared, turn, measures = Dataset(), Dataset(), Dataset()
    turn.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    measures.PixelSpacing = [1.0, 1.0]
    shared.PlaneOrientationSequence = Sequence([turn])
    shared.PixelMeasuresSequence = Sequence([measures])
    depth = {"BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1}
    groups = Sequence([group(s + 1, z, shift) for s, z in places])
    fractional = {"SegmentationType": "FRACTIONAL", "MaximumFractionalValue": 255}
    kind = fractional if bits == 8 else {"SegmentationType": "BINARY"}
    frames_of = {
        "SOPClassUID": STORAGE,
        "Modality": "SEG",
        "NumberOfFrames": len(places),
        "SharedFunctionalGroupsSequence": Sequence([shared]),
        "PerFrameFunctionalGroupsSequence": groups,
        "PixelData": packed.tobytes(),
    }
    return write_dicom(
        path, np.zeros((SIDE, SIDE), np.uint16), **(frames_of | depth | kind | values)
    )


@pytest.fixture
def scan(tmp_path: Path) -> Volume:
    return read_dicom(sorted(write_series(tmp_path / "mr").iterdir()))


def as_stored(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(slices, rows, columns) of a mask in RAS+, as the series has them."""
    return mask.transpose(2, 1, 0)[:, ::-1, ::-1] > 0


@pytest.mark.parametrize("bits", [1, 8])
@pytest.mark.parametrize(("chosen", "segments"), [(None, [0, 1]), ((2,), [1])])
def test_frames_lie_where_they_say(
    tmp_path: Path, scan: Volume, bits: int, chosen: tuple[int] | None, segments: list[int]
) -> None:
    mask = place_segments(write_segmentation(tmp_path / "seg.dcm", bits), scan, chosen)
    np.testing.assert_array_equal(as_stored(mask), truth()[segments].any(axis=0))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"shift": 40.0}, "does not lie on the voxels of .*mr"),
        ({"shift": 0.45}, "does not lie on the voxels of .*mr"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, "is no DICOM Segmentation"),
        ({"PixelData": b"1"}, "is no whole DICOM Segmentation"),
        ({"PerFrameFunctionalGroupsSequence": Sequence([])}, "does not say where its frames lie"),
    ],
)
def test_what_is_no_mask_of_the_scan_is_one_line(
    tmp_path: Path, scan: Volume, values: dict[str, object], said: str
) -> None:
    path = write_segmentation(tmp_path / "seg.dcm", **values)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=said) as caught:
        place_segments(path, scan)
    assert "\n" not in str(caught.value)


def test_a_segmentation_is_the_mask_of_its_series(tmp_path: Path, params: Params) -> None:
    (series,) = dicom_series(sorted(write_series(tmp_path / "mr").iterdir())).series
    seg = write_segmentation(tmp_path / "seg.dcm")
    assert dcmread(seg).NumberOfFrames == 6
    item = DatasetItem("mr/1.dcm", "dicom", tuple(series.paths), mask=seg, mask_name="seg.dcm")
    every = params.volumes.model_copy(update={"slices": None, "span": [0, 1], "planes": ["axial"]})
    done = ingest(
        DatasetLayout("a table", [item], []),
        [item],
        tmp_path,
        params.model_copy(update={"volumes": every}),
    )
    masks = [cv2.imread(str(tmp_path / scan.mask_path), -1) for scan in done.scans]
    assert sum(int((mask > 0).sum()) for mask in masks) == truth().any(axis=0).sum()
    assert len(masks) > 6
    assert "0, 1, 2: any but 0" in done.findings[0].detail


UIDS = "1.2.826.0.1.3680043.8.498"
"""Start of the names of the series of `write_series`."""


def of_series(uid: str) -> dict[str, object]:
    named = Dataset()
    named.SeriesInstanceUID = uid
    return {"ReferencedSeriesSequence": Sequence([named])}


@pytest.mark.parametrize("named", [True, False])
def test_a_segmentation_in_a_folder_is_the_mask_of_the_series_it_names(
    tmp_path: Path, params: Params, named: bool
) -> None:
    for at in range(2):
        patient = tmp_path / f"P{at}"
        write_series(patient / "t1", seed=at)
        if named:  # without a reference the two series leave it open
            write_series(patient / "t2", seed=at, number=2)
        write_segmentation(
            patient / "seg/1.dcm", **(of_series(f"{UIDS}.{at + 1}.1") if named else {})
        )
    layout = read_folder(tmp_path, "segmentation", params)
    masks = {one.name.rpartition("/")[0]: one.mask_name for one in layout.items}
    none = {"P0/t2": "", "P1/t2": ""} if named else {}
    assert masks == {"P0/t1": "P0/seg/1.dcm", "P1/t1": "P1/seg/1.dcm"} | none
    assert not layout.skipped


def test_a_segmentation_without_its_series_is_no_mask_and_several_are_refused(
    tmp_path: Path, params: Params
) -> None:
    write_series(tmp_path / "P0/t1")
    write_segmentation(tmp_path / "P0/seg/1.dcm", **of_series("9.9"))
    with pytest.raises(InputError, match=r"has no masks.*its 1 DICOM SEG can be the masks"):
        read_folder(tmp_path, "segmentation", params)
    for at in (2, 3):
        write_segmentation(tmp_path / f"P0/seg/{at}.dcm", **of_series(f"{UIDS}.1.1"))
    with pytest.raises(InputError, match=r"several masks \(P0/seg/2.dcm, P0/seg/3.dcm\)"):
        read_folder(tmp_path, "segmentation", params)
