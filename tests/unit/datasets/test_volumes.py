"""Volumes: which way up, how bright, how wide; and files that are none."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from scanvote.datasets.volumes import Cut, cuts, dicom_series, read_dicom, read_nifti, write_cuts
from scanvote.errors import InputError
from scanvote.params import VolumesParams
from tests.making import write_dicom

PLAIN = VolumesParams(planes=["axial"], slices=None, span=[0, 1], window=[0, 255])
FLAT = [1.0, 0, 0, 0, 1, 0]


def params(**changes: object) -> VolumesParams:
    return VolumesParams.model_validate(PLAIN.model_dump() | changes)


def marked() -> np.ndarray:
    """(8, 10, 6) in RAS+: all 100, brighter at the right, darker at the front, one voxel on top."""
    voxels = np.full((8, 10, 6), 100, np.float32)
    voxels[7] = 200  # the patient's right
    voxels[:, 9] = 50  # front
    voxels[4, 5, 5] = 255  # top
    return voxels


def saved(path: Path, voxels: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4) if affine is None else affine), path)
    return path


def of(path: Path, **changes: object) -> list[Cut]:
    return list(cuts(read_nifti(path), params(**changes)))


def test_an_axial_slice_has_the_front_up_and_the_right_on_the_left(tmp_path: Path) -> None:
    image = of(saved(tmp_path / "v.nii.gz", marked()))[0].image
    assert image.shape == (10, 8)
    assert set(image[0]) == {50}
    assert set(image[1:, 0]) == {200}


def test_coronal_and_sagittal_slices_have_the_top_up(tmp_path: Path) -> None:
    path = saved(tmp_path / "v.nii.gz", marked())
    coronal = of(path, planes=["coronal"])[5].image
    assert coronal.shape == (6, 8)
    assert coronal[0, 3] == 255  # x 4 of 8, counted from the right
    sagittal = of(path, planes=["sagittal"])[4].image
    assert sagittal.shape == (6, 10)
    assert sagittal[0, 4] == 255  # y 5 of 10, counted from the front
    assert set(sagittal[:, 0]) == {50}


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1), (-1, -1, 1)])
def test_the_stored_orientation_changes_nothing(
    tmp_path: Path, axes: tuple[int, int, int], flips: tuple[int, int, int]
) -> None:
    upright = marked()
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for stored, axis in enumerate(axes):
        affine[axis, stored] = flips[axis]
        affine[axis, 3] = 0 if flips[axis] > 0 else upright.shape[axis] - 1
    turned = upright[tuple(slice(None, None, flip) for flip in flips)].transpose(axes)
    for one, other in zip(
        of(saved(tmp_path / "a.nii", upright)),
        of(saved(tmp_path / "b.nii", turned, affine)),
        strict=True,
    ):
        np.testing.assert_array_equal(one.image, other.image)


def test_pixels_are_as_wide_as_high_and_the_mask_moves_along(tmp_path: Path) -> None:
    affine = np.diag([1.0, 1.0, 3.0, 1])
    scan = read_nifti(saved(tmp_path / "v.nii", marked(), affine))
    inside = np.zeros((8, 10, 6), np.uint8)
    inside[2:5, 3:7, 1:3] = 3
    mask = read_nifti(saved(tmp_path / "m.nii", inside, affine))
    for cut in cuts(scan, params(planes=["coronal"]), mask):
        assert cut.image.shape == (18, 8)
        assert cut.mask is not None
        assert set(np.unique(cut.mask)) <= {0, 255}
        assert (cut.mask > 0).sum() == (3 * 2 * 3 if 3 <= cut.number < 7 else 0)


def test_slices_are_spread_over_the_head_not_over_the_room(tmp_path: Path) -> None:
    voxels = np.zeros((8, 8, 100), np.float32)
    voxels[2:6, 2:6, 40:81] = 200
    path = saved(tmp_path / "v.nii", voxels)
    assert [cut.number for cut in of(path, slices=4)] == [45, 55, 65, 75]
    assert [cut.number for cut in of(path, slices=2, span=[0.5, 1])] == [65, 75]
    assert len(of(path)) == 41
    assert len(of(path, slices=500)) == 41


def test_without_a_window_all_slices_share_the_percentiles(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    voxels = random.normal(1000, 50, (20, 20, 10)).astype(np.float32)
    voxels[:, :, 5:] += 400
    voxels[0] = 0  # air
    voxels[3, 3, 3] = np.inf
    voxels[4, 4, 4] = np.nan
    images = [cut.image for cut in of(saved(tmp_path / "v.nii", voxels), window=None)]
    assert images[1].mean() + 100 < images[8].mean()
    assert min(image.min() for image in images) == 0
    assert max(image.max() for image in images) == 255


def test_of_several_volumes_the_first_is_taken(tmp_path: Path) -> None:
    both = np.stack([marked(), np.zeros_like(marked())], axis=3)
    np.testing.assert_array_equal(read_nifti(saved(tmp_path / "v.nii", both)).voxels, marked())


def test_the_same_volume_gives_the_same_bytes(tmp_path: Path) -> None:
    volume = read_nifti(saved(tmp_path / "v.nii", marked()))
    for name in ("one", "two"):
        written = write_cuts(volume, params(slices=2), tmp_path / name, "v", volume)
        assert [path.name for path, _, _ in written] == ["v-axial-001.png", "v-axial-004.png"]
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_mask_beside_the_voxels_is_refused(tmp_path: Path) -> None:
    volume = read_nifti(saved(tmp_path / "v.nii", marked()))
    moved = np.eye(4)
    moved[0, 3] = 1
    for mask in (
        saved(tmp_path / "m.nii", marked()[:4]),
        saved(tmp_path / "n.nii", marked(), moved),
    ):
        with pytest.raises(InputError, match=rf"the mask .*{mask.name} .* does not lie on"):
            list(cuts(volume, PLAIN, read_nifti(mask)))


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
def test_a_truncated_volume_is_one_line(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, np.random.default_rng(0).random((20, 20, 20)))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"is no whole NIfTI volume") as caught:
        read_nifti(path)
    assert "\n" not in str(caught.value)


def test_what_is_no_volume_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "v.nii").write_text("not at all")
    with pytest.raises(InputError, match="is no whole NIfTI volume"):
        read_nifti(tmp_path / "v.nii")
    with pytest.raises(InputError, match="does not exist"):
        read_nifti(tmp_path / "none.nii")
    flat = saved(tmp_path / "flat.nii", np.ones((4, 4)))
    with pytest.raises(InputError, match=r"of shape \(4, 4\), no volume"):
        read_nifti(flat)


# -- DICOM -----------------------------------------------------------------------------


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


def test_a_series_is_put_in_the_order_of_its_places(tmp_path: Path) -> None:
    (paths,) = dicom_series(series(tmp_path).iterdir())
    volume = read_dicom(paths)
    assert volume.voxels.shape == (8, 10, 6)
    assert volume.spacing == (1.0, 1.0, 5.0)
    images = [cut.image for cut in cuts(volume, PLAIN)]
    assert [int(image[5, 5]) for image in images] == [10, 20, 30, 40, 50, 60]
    assert set(images[0][0]) == {200}
    assert set(images[0][1:, 0]) == {150}


def test_of_the_header_only_a_digest_of_the_patient_is_kept(tmp_path: Path) -> None:
    volume = read_dicom(dicom_series(series(tmp_path / "dicom").iterdir())[0])
    assert volume.patient.startswith("p-")
    assert "4711" not in volume.patient
    write_cuts(volume, PLAIN, tmp_path / "out", "v")
    for path in (tmp_path / "out").iterdir():
        assert b"Doe" not in path.read_bytes()
    other = read_dicom(dicom_series(series(tmp_path / "other", PatientID="4712").iterdir())[0])
    assert other.patient != volume.patient
    nobody = read_dicom(dicom_series(series(tmp_path / "nobody", PatientID="").iterdir())[0])
    assert nobody.patient == ""


def test_rescaled_and_inverted_pixels_are_what_they_mean(tmp_path: Path) -> None:
    scaled = series(tmp_path / "a", count=1, RescaleSlope=2, RescaleIntercept=-20)
    assert read_dicom(dicom_series(scaled.iterdir())[0]).voxels.max() == 380
    inverted = series(tmp_path / "b", count=1, PhotometricInterpretation="MONOCHROME1")
    assert read_dicom(dicom_series(inverted.iterdir())[0]).voxels[:, 9, 0].max() == 10


def test_a_single_image_is_shown_as_it_is_stored(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 9)).astype(np.uint16)
    path = write_dicom(tmp_path / "x", pixels, ImageOrientationPatient=None)
    (cut,) = cuts(read_dicom([path]), params(planes=["coronal", "sagittal"], slices=12))
    np.testing.assert_array_equal(cut.image, pixels)


def test_frames_of_one_file_are_a_volume(tmp_path: Path) -> None:
    frames = np.arange(3 * 6 * 5, dtype=np.uint16).reshape(3, 6, 5)
    path = write_dicom(tmp_path / "x", frames[0], NumberOfFrames=3, PixelData=frames.tobytes())
    assert dicom_series(tmp_path.rglob("*")) == [[path]]
    assert read_dicom([path]).voxels.shape == (5, 6, 3)


def test_series_and_orientations_are_kept_apart(tmp_path: Path) -> None:
    series(tmp_path / "a")
    series(tmp_path / "b", SeriesInstanceUID="1.2.4")
    series(tmp_path / "c", count=2, ImageOrientationPatient=[0.0, 1, 0, 0, 0, -1])
    (tmp_path / "notes.txt").write_text("no DICOM")
    write_dicom(tmp_path / "report", None)
    found = dicom_series(path for path in tmp_path.rglob("*") if path.is_file())
    assert [(paths[0].parent.name, len(paths)) for paths in found] == [("a", 6), ("b", 6), ("c", 2)]


def broken(folder: Path, **values: object) -> Path:
    return write_dicom(folder / "x", np.ones((6, 5), np.uint16), **values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"SamplesPerPixel": 3}, "in colour"),
        ({"PixelData": b"few"}, "no whole DICOM image"),
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


def test_a_slice_without_pixels_or_of_another_size_is_named(tmp_path: Path) -> None:
    paths = dicom_series(series(tmp_path).iterdir())[0]
    empty = write_dicom(tmp_path / "empty", None)
    with pytest.raises(InputError, match="without pixels"):
        read_dicom([*paths, empty])
    larger = write_dicom(tmp_path / "larger", np.ones((20, 20), np.uint16))
    with pytest.raises(InputError, match=r"larger is 20x20, IM\d+ of the same series 8x10"):
        read_dicom([*paths, larger])
