"""DICOM: which files make a series, where its slices lie, what is kept; and broken files."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import UID, HTJ2KLossless, JPEG2000Lossless, RLELossless

from scanvote.core.errors import InputError
from scanvote.datasets.volumes import dicom_series, extract_slices, read_dicom, write_slices
from scanvote.params import VolumesParams
from tests.making import write_dicom

PLAIN = VolumesParams(planes=["axial"], slices=None, span=[0, 1], window=[0, 255])
CROSSWISE = PLAIN.model_copy(update={"planes": ["coronal", "sagittal"], "slices": 12})
FLAT = [1.0, 0, 0, 0, 1, 0]
SAGITTAL = [0.0, 1, 0, 0, 0, -1]


def found(paths: Iterable[Path]) -> list[list[Path]]:
    return [list(one.paths) for one in dicom_series(paths).series]


def series(folder: Path, count: int = 6, **values: object) -> Path:
    """Axial slices in a random order of names, the lowest the darkest."""
    order = np.random.default_rng(0).permutation(count)
    for at in range(count):
        pixels = np.full((10, 8), 10 * at + 10, np.uint16)
        pixels[0] = 200  # the front
        pixels[1:, 0] = 150  # the patient's right
        write_dicom(
            folder / f"IM{order[at]:03d}",
            pixels,
            **{
                "PatientID": "4711",
                "SeriesInstanceUID": "1.2.3",
                "ImagePositionPatient": [0.0, 0.0, float(at * 5)],
            }
            | values,
        )
    return folder


@pytest.mark.parametrize("told", [True, False])
def test_a_spacing_that_is_not_told_is_not_made_up(tmp_path: Path, told: bool) -> None:
    path = write_dicom(tmp_path / "one", np.full((10, 8), 7, np.uint16))
    if not told:
        header = dcmread(path)
        del header.PixelSpacing
        header.save_as(path)
    (cut,) = extract_slices(read_dicom([path]), PLAIN)
    assert ("spacing" in cut.facts()) == told


def test_a_series_is_put_in_the_order_of_its_places(tmp_path: Path) -> None:
    (paths,) = found(series(tmp_path).iterdir())
    places = [dcmread(path).ImagePositionPatient[2] for path in paths]
    assert places == [0, 5, 10, 15, 20, 25]
    volume = read_dicom(paths)
    assert volume.voxels.shape == (8, 10, 6)
    assert volume.spacing == (1.0, 1.0, 5.0)
    images = [cut.image for cut in extract_slices(volume, PLAIN)]
    assert [int(image[5, 5]) for image in images] == [10, 20, 30, 40, 50, 60]
    assert set(images[0][0]) == {200}
    assert set(images[0][1:, 0]) == {150}


def test_of_the_header_only_a_digest_of_the_patient_is_kept(tmp_path: Path) -> None:
    volume = read_dicom(found(series(tmp_path / "dicom").iterdir())[0])
    assert volume.patient.startswith("p-")
    assert "4711" not in volume.patient
    write_slices(volume, PLAIN, tmp_path / "out", "v")
    for path in (tmp_path / "out").iterdir():
        assert b"Doe" not in path.read_bytes()
    other = read_dicom(found(series(tmp_path / "other", PatientID="4712").iterdir())[0])
    assert other.patient != volume.patient
    nobody = read_dicom(found(series(tmp_path / "nobody", PatientID="").iterdir())[0])
    assert nobody.patient == ""


def test_rescaled_and_inverted_pixels_are_what_they_mean(tmp_path: Path) -> None:
    scaled = series(tmp_path / "a", count=1, RescaleSlope=2, RescaleIntercept=-20)
    assert read_dicom(found(scaled.iterdir())[0]).voxels.max() == 380
    inverted = series(tmp_path / "b", count=1, PhotometricInterpretation="MONOCHROME1")
    assert read_dicom(found(inverted.iterdir())[0]).voxels[:, 9, 0].max() == 10


@pytest.mark.parametrize(("slope", "intercept"), [("", ""), (0, 7), (None, 7)])
def test_a_slope_without_a_number_or_of_0_scales_nothing(
    tmp_path: Path, slope: object, intercept: object
) -> None:
    values = {"RescaleSlope": slope, "RescaleIntercept": intercept}
    told = {name: value for name, value in values.items() if value is not None}
    path = write_dicom(tmp_path / "x", np.arange(30, dtype=np.uint16).reshape(6, 5), **told)
    assert read_dicom([path]).voxels.max() == 29
    only_slope = series(tmp_path / "a", count=1, RescaleSlope=2)
    assert read_dicom(found(only_slope.iterdir())[0]).voxels.max() == 400


def test_a_single_image_is_shown_as_it_is_stored(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 9)).astype(np.uint16)
    path = write_dicom(tmp_path / "x", pixels, ImageOrientationPatient=None)
    (cut,) = extract_slices(read_dicom([path]), CROSSWISE)
    np.testing.assert_array_equal(cut.image, pixels)

    assert cut.plane == ""
    ((written, _, _),) = write_slices(read_dicom([path]), PLAIN, tmp_path / "out", "x")
    assert written.name == "x-000.png"


def test_inverted_slices_keep_one_scale_and_do_not_overflow(tmp_path: Path) -> None:
    paths = [
        write_dicom(
            tmp_path / str(at),
            np.full((6, 5), level, np.int64).astype(np.uint16),
            PixelRepresentation=1,  # signed
            PhotometricInterpretation="MONOCHROME1",
            ImagePositionPatient=[0.0, 0, at],
        )
        for at, level in enumerate((32767, 5, -32768))
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        voxels = read_dicom(paths).voxels
    assert voxels[0, 0].tolist() == [-32768, -6, 32767]


def test_of_several_images_at_one_place_the_first_is_taken(tmp_path: Path) -> None:
    for at in range(6):
        write_dicom(
            tmp_path / f"{at}",
            np.full((6, 5), at, np.uint16),
            InstanceNumber=at + 1,
            ImagePositionPatient=[0.0, 0, at // 2 * 4],
        )
    (paths,) = found(tmp_path.iterdir())
    volume = read_dicom(paths)
    assert volume.voxels[0, 0].tolist() == [0, 2, 4]
    assert volume.spacing == (1, 1, 4)


def test_frames_of_one_file_are_a_volume(tmp_path: Path) -> None:
    frames = np.arange(3 * 6 * 5, dtype=np.uint16).reshape(3, 6, 5)
    path = write_dicom(
        tmp_path / "x",
        frames[0],
        NumberOfFrames=3,
        PixelData=frames.tobytes(),
        ImagePositionPatient=[0.0, 0, 0],  # of the first
        SpacingBetweenSlices=2.5,
    )
    assert found(tmp_path.rglob("*")) == [[path]]
    volume = read_dicom([path])
    assert volume.voxels.shape == (5, 6, 3)
    assert volume.spacing == (1, 1, 2.5)


def enhanced(path: Path, orientations: list[list[float]]) -> Path:
    """Frames whose numbers and places stand in functional groups, not in their order."""
    count = len(orientations)
    frames = np.stack([np.full((6, 5), at + 1, np.uint16) for at in range(count)])

    def group(name: str, **values: object) -> Dataset:
        inner, outer = Dataset(), Dataset()
        for key, value in values.items():
            setattr(inner, key, value)
        setattr(outer, name, [inner])
        return outer

    shared = group("PixelMeasuresSequence", PixelSpacing=[2.0, 0.5], SliceThickness=3.0)
    shared.update(group("PixelValueTransformationSequence", RescaleSlope=10, RescaleIntercept=5))
    each = []
    for at, orientation in enumerate(orientations):
        frame = group("PlanePositionSequence", ImagePositionPatient=[-4.0 * (at * 2 % 3), 0, 0])
        frame.update(group("PlaneOrientationSequence", ImageOrientationPatient=orientation))
        each.append(frame)
    return write_dicom(
        path,
        frames[0],
        NumberOfFrames=count,
        PixelData=frames.tobytes(),
        ImageOrientationPatient=None,
        PixelSpacing=None,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=each,
    )


def test_frames_of_an_enhanced_file_lie_where_their_groups_tell(tmp_path: Path) -> None:
    volume = read_dicom([enhanced(tmp_path / "x", [SAGITTAL] * 3)])
    assert volume.voxels.shape == (3, 5, 6)
    assert volume.spacing == (4.0, 0.5, 2.0)
    assert volume.voxels[:, 0, 0].tolist() == [15, 35, 25]  # to the patient's right


def test_an_enhanced_file_of_two_orientations_is_one_line(tmp_path: Path) -> None:
    path = enhanced(tmp_path / "x", [SAGITTAL, SAGITTAL, FLAT])
    with pytest.raises(InputError, match="of another orientation"):
        read_dicom([path])


def test_radiographs_of_one_series_are_views_not_slices(tmp_path: Path) -> None:
    series(tmp_path, count=2, Modality="DX")
    assert [len(paths) for paths in found(tmp_path.iterdir())] == [1, 1]


@pytest.mark.parametrize(
    "values",
    [
        {"ImagePositionPatient": [1.0, 2.0]},
        {"ImageOrientationPatient": [1.0, 0.0]},
        {"PixelSpacing": [0, 0]},
        {"PixelSpacing": 2.0},
        {"SliceThickness": 0},
        {"InstanceNumber": None},
    ],
)
def test_a_malformed_place_counts_as_not_told(tmp_path: Path, values: dict[str, object]) -> None:
    (paths,) = found([broken(tmp_path, **values)])
    assert read_dicom(paths).voxels.shape == (5, 6, 1)


def test_series_and_orientations_are_kept_apart(tmp_path: Path) -> None:
    series(tmp_path / "a")
    series(tmp_path / "b", SeriesInstanceUID="1.2.4")
    series(tmp_path / "c", count=2, ImageOrientationPatient=[0.0, 1, 0, 0, 0, -1])
    (tmp_path / "notes.txt").write_text("no DICOM")
    write_dicom(tmp_path / "report", None)
    all_series = found(path for path in tmp_path.rglob("*") if path.is_file())
    assert [(paths[0].parent.name, len(paths)) for paths in all_series] == [
        ("a", 6),
        ("b", 6),
        ("c", 2),
    ]


def broken(folder: Path, **values: object) -> Path:
    return write_dicom(folder / "x", np.ones((6, 5), np.uint16), **values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"SamplesPerPixel": 4}, "is DICOM of 4 channels; convert it to PNG first"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "in colour by a palette"),
        ({"PixelData": b"few"}, "no whole DICOM image"),
        ({"ImageOrientationPatient": [0.0] * 6}, "gives no position of its voxels"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    tmp_path: Path, values: dict[str, object], said: str
) -> None:
    path = broken(tmp_path, **values)
    with pytest.raises(InputError, match=said) as caught:
        read_dicom([path])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def recompressed(folder: Path, syntax: UID) -> Path:
    path = broken(folder)
    data = dcmread(path)
    data.file_meta.TransferSyntaxUID = syntax
    data.PixelData = encapsulate([bytes(40)])
    data["PixelData"].VR = "OB"
    data.save_as(path)
    return path


def test_a_compression_that_nothing_decodes_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is compressed \(High-Throughput.*decompress it first"):
        read_dicom([recompressed(tmp_path, HTJ2KLossless)])


def test_a_damaged_image_is_told_alike_on_every_run(tmp_path: Path) -> None:
    path = recompressed(tmp_path, JPEG2000Lossless)
    with pytest.raises(InputError, match="compressed image that is damaged") as caught:
        read_dicom([path])
    assert "0x" not in str(caught.value)


def test_lossless_runs_are_decoded(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", np.arange(30, dtype=np.uint16).reshape(6, 5))
    before = read_dicom([path]).voxels
    data = dcmread(path)
    data.compress(RLELossless)
    data.save_as(path)
    np.testing.assert_array_equal(read_dicom([path]).voxels, before)


def test_a_slice_without_pixels_or_of_another_size_is_named(tmp_path: Path) -> None:
    paths = found(series(tmp_path).iterdir())[0]
    empty = write_dicom(tmp_path / "empty", None)
    with pytest.raises(InputError, match="without pixels"):
        read_dicom([*paths, empty])
    larger = write_dicom(tmp_path / "larger", np.ones((20, 20), np.uint16))
    with pytest.raises(InputError, match=r"larger is 20x20, IM\d+ of the same series 8x10"):
        read_dicom([*paths, larger])
