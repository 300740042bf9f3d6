"""Which DICOM files are scans, which belong together, and why others are left out."""

from pathlib import Path

import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.scan_tree import list_files
from scanvote.datasets.user_data.series import dicom_items
from scanvote.datasets.volumes import dicom_series, extract_slices, read_dicom
from scanvote.params import VolumesParams
from tests.making import write_dicom, write_series

HALF = VolumesParams(planes=["coronal"], slices=None, span=[0.25, 0.75], window=[0, 255])
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def image(path: Path, z: float | None = 0.0, **values: object) -> Path:
    place = {} if z is None else {"ImagePositionPatient": [0.0, 0.0, z]}
    if z is None:
        place = {"ImageOrientationPatient": None}
    pixels = values.pop("pixels", np.arange(30, dtype=np.uint16).reshape(6, 5))
    return write_dicom(path, pixels, **{"PatientID": "P-1"} | place | values)  # type: ignore[arg-type]


def counts(folder: Path) -> list[int]:
    return [len(one.paths) for one in dicom_series(folder.rglob("*.dcm")).series]


def reasons(folder: Path) -> dict[str, str]:
    left_out = dicom_series(folder.rglob("*.dcm")).left_out
    return {one.path.relative_to(folder).as_posix(): one.reason for one in left_out}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}, "a segmentation (SEG), no scan"),
        ({"Modality": "SEG"}, "a segmentation (SEG), no scan"),
        ({"Modality": "RTDOSE"}, "a radiotherapy dose (RTDOSE), no scan"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.3"}, "radiotherapy contours (RTSTRUCT), no"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1"}, "a presentation state (PR), no scan"),
        ({"Modality": "KO"}, "a list of key images (KO), no scan"),
        ({"Modality": "SR"}, "a structured report (SR), no scan"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "a localiser, which only plans"),
        ({"SeriesDescription": "3-plane Localizer"}, "a localiser, which only plans"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "a dose page or screen save"),
        ({"SeriesDescription": "Dose Report"}, "a dose page or screen save"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "a Siemens mosaic"),
        ({"SOPClassUID": CAPTURE, "ImageOrientationPatient": None}, "a secondary capture without"),
    ],
)
def test_what_is_no_scan_is_left_out_with_its_reason(
    tmp_path: Path, values: dict[str, object], reason: str
) -> None:
    write_series(tmp_path / "scan")
    z = None if "ImageOrientationPatient" in values else 0.0
    image(tmp_path / "other/x.dcm", z, **values)
    (only,) = reasons(tmp_path).items()
    assert only[0] == "other/x.dcm"
    assert only[1].startswith(reason)
    assert counts(tmp_path) == [12]


def test_captures_are_the_scans_where_nothing_has_a_position(tmp_path: Path) -> None:
    for at in range(3):
        image(tmp_path / f"{at}.dcm", None, SOPClassUID=CAPTURE, Modality="CR")
    assert counts(tmp_path) == [1, 1, 1]


@pytest.mark.parametrize("kind", ["SEG", "RTDOSE"])
def test_what_can_never_be_a_scan_is_refused_where_it_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match=rf"\({kind}\), no scan"):
        read_dicom([image(tmp_path / "x.dcm", Modality=kind)])


def test_rounding_of_an_orientation_parts_no_series(tmp_path: Path) -> None:
    for at in range(6):
        axes = ["1", "-0" if at % 2 else "0", "0", "0", "0.99499" if at % 3 else "0.99501", "0.1"]
        values = {"SeriesInstanceUID": "1.2.3", "ImageOrientationPatient": axes}
        position = [-400.0, 300.0, 5.0 * at - 700]
        image(tmp_path / f"{5 - at}.dcm", **values, ImagePositionPatient=position)
    (series,) = dicom_series(tmp_path.iterdir()).series
    assert [path.stem for path in series.paths] == ["5", "4", "3", "2", "1", "0"]
    assert read_dicom(series.paths).spacing == pytest.approx((1, 1, 5), abs=1e-3)


def test_stills_without_a_position_are_an_image_each_of_no_plane(tmp_path: Path) -> None:
    for at in range(4):
        image(tmp_path / f"{at}.dcm", None, Modality="US", SeriesInstanceUID="1.2.3")
    assert counts(tmp_path) == [1, 1, 1, 1]
    (one,) = extract_slices(read_dicom([tmp_path / "0.dcm"]), HALF)
    assert "plane" not in one.facts()


def test_all_frames_of_a_film_are_images_of_no_plane(tmp_path: Path) -> None:
    frames = np.arange(1, 5, dtype=np.uint16)[:, np.newaxis, np.newaxis] * np.ones((6, 5))
    content = frames.astype(np.uint16).tobytes()
    path = image(tmp_path / "x.dcm", None, Modality="XA", NumberOfFrames=4, PixelData=content)
    slices = list(extract_slices(read_dicom([path]), HALF))
    assert [(one.plane, int(one.image[0, 0])) for one in slices] == [("", n) for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("patients", ["P", "P{}", ""])
def test_a_series_for_every_file_is_one_volume(tmp_path: Path, patients: str) -> None:
    for at in range(5):
        own = {"SeriesInstanceUID": f"1.2.{at}", "PatientID": patients.format(at)}
        image(tmp_path / f"{at}.dcm", 3.0 * at, InstanceNumber=at + 1, **own)
    (series,) = dicom_series(tmp_path.iterdir()).series
    assert len(series.paths) == 5
    assert bool(series.patient) == (patients == "P")
    assert read_dicom(series.paths).patient == series.patient


@pytest.mark.parametrize(
    ("heights", "numbers"),
    [([0, 3, 9, 10], [1, 2, 3, 4]), ([0, 0, 0], [1, 2, 3]), ([0, 3, 6], [1] * 3)],
)
def test_single_images_of_several_people_stay_single(
    tmp_path: Path, heights: list[int], numbers: list[int]
) -> None:
    for at, (z, number) in enumerate(zip(heights, numbers, strict=True)):
        own = {"SeriesInstanceUID": f"1.2.{at}", "PatientID": f"P{at}"}
        image(tmp_path / f"{at}.dcm", float(z), InstanceNumber=number, **own)
    assert counts(tmp_path) == [1] * len(heights)


def test_a_slice_of_another_size_and_a_second_echo_are_left_out(tmp_path: Path) -> None:
    for at in range(4):
        image(tmp_path / f"{at}.dcm", float(at), SeriesInstanceUID="1.2.3", InstanceNumber=at)
    image(tmp_path / "5.dcm", 1.0, SeriesInstanceUID="1.2.3", InstanceNumber=9)
    large = np.ones((8, 9), np.uint16)
    image(tmp_path / "6.dcm", 4.0, SeriesInstanceUID="1.2.3", pixels=large)
    assert counts(tmp_path) == [4]
    assert reasons(tmp_path) == {
        "5.dcm": "a second image at the position of 1.dcm, such as an echo",
        "6.dcm": "9x8 pixels, where its series has 5x6",
    }


def test_an_image_turned_against_its_series_is_left_out(tmp_path: Path) -> None:
    for at in range(4):
        image(tmp_path / f"{at}.dcm", float(at), SeriesInstanceUID="1.2.3", InstanceNumber=at)
    coronal = {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1], "SeriesInstanceUID": "1.2.3"}
    image(tmp_path / "scout.dcm", **coronal)
    assert counts(tmp_path) == [4]
    assert reasons(tmp_path) == {
        "scout.dcm": "turned against the 4 slices of its series, as a localiser is"
    }
    for at in range(3):  # as many as a stack has
        image(tmp_path / f"c{at}.dcm", **coronal, ImagePositionPatient=[0.0, float(at), 0.0])
    assert counts(tmp_path) == [4, 3]


STAND_INS = (
    *("", "ANONYMOUS", "Anon", "anonymized", "ANONYMISED^PATIENT", "0", "000-00", "Unknown"),
    *("N/A", "none", "XXXX", "Patient ID", "SUBJECT", "[Not Available]", "de-identified", "TEST"),
)


@pytest.mark.parametrize("name", STAND_INS)
def test_a_stand_in_names_no_patient(tmp_path: Path, name: str) -> None:
    image(tmp_path / "x.dcm", PatientID=name)
    assert [one.patient for one in dicom_series(tmp_path.iterdir()).series] == [""]


def test_items_know_the_patient_of_the_header_and_the_reasons(tmp_path: Path) -> None:
    image(tmp_path / "b/x.dcm", PatientID="ANON-0007")
    image(tmp_path / "a/x.dcm", Modality="SEG")
    image(tmp_path / "a/y.dcm")
    tree = list_files(tmp_path)
    items, skipped = dicom_items(tree.files)
    assert [one.name for one in items] == ["a/y.dcm", "b/x.dcm"]
    assert all(one.header_patient.startswith("p-") for one in items)
    assert [(one.name, one.reason) for one in skipped] == [
        ("a/x.dcm", "a segmentation (SEG), no scan")
    ]
