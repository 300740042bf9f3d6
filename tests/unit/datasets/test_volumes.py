"""Volumes of NIfTI: which way up, how bright, how wide; and files that are none."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.volumes import Slice, extract_slices, read_nifti, write_slices
from scanvote.params import VolumesParams

PLAIN = VolumesParams(planes=["axial"], slices=None, span=[0, 1], window=[0, 255])


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


def of(path: Path, **changes: object) -> list[Slice]:
    return list(extract_slices(read_nifti(path), params(**changes)))


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


@pytest.mark.parametrize(
    ("plane", "spacing"), [("axial", "0.5"), ("coronal", "0.5"), ("sagittal", "2")]
)
def test_a_slice_tells_the_mm_of_its_pixels_the_finer_side(
    tmp_path: Path, plane: str, spacing: str
) -> None:
    path = saved(tmp_path / "v.nii.gz", marked(), np.diag([0.5, 2, 3, 1]))
    assert {cut.facts()["spacing"] for cut in of(path, planes=[plane])} == {spacing}


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
    for cut in extract_slices(scan, params(planes=["coronal"]), mask):
        assert cut.image.shape == (18, 8)
        assert cut.mask is not None
        assert set(np.unique(cut.mask)) <= {0, 255}
        assert (cut.mask > 0).sum() == (3 * 2 * 3 if 3 <= cut.number < 7 else 0)


@pytest.mark.parametrize("thick", [1.4, 1.7, 2.6])
def test_a_mask_stays_on_its_image_where_pixels_do_not_divide(tmp_path: Path, thick: float) -> None:
    affine = np.diag([1.0, 1.0, thick, 1])
    voxels = np.zeros((30, 6, 30), np.float32)
    voxels[10:16, :, 18:23] = 255
    scan = read_nifti(saved(tmp_path / "v.nii", voxels, affine))
    for cut in extract_slices(scan, params(planes=["coronal"]), scan):
        assert cut.mask is not None
        (image_rows, image_columns), (rows, columns) = (
            np.nonzero(cut.image > 127),
            cut.mask.nonzero(),
        )
        assert image_rows.mean() == pytest.approx(rows.mean(), abs=0.26)
        assert image_columns.mean() == columns.mean()


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


@pytest.mark.parametrize("type", ["int8", "uint16", "int64", "uint64", "float64"])
def test_any_type_of_real_numbers_is_read(tmp_path: Path, type: str) -> None:
    voxels = (marked() / 2).astype(type)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4), dtype=type), tmp_path / "v.nii")
    np.testing.assert_array_equal(read_nifti(tmp_path / "v.nii").voxels, voxels)


def test_what_is_no_number_is_as_dark_as_the_darkest(tmp_path: Path) -> None:
    voxels = marked() - 1000
    voxels[0, 0], voxels[1, 0], voxels[2, 0] = np.nan, np.inf, -np.inf
    for cut in of(saved(tmp_path / "v.nii", voxels), window=[-950, -700]):
        assert set(cut.image[-1, -3:]) == {0}
        assert cut.image[5, 5] > 40


def test_of_several_volumes_the_first_is_taken(tmp_path: Path) -> None:
    both = np.stack([marked(), np.zeros_like(marked())], axis=3)
    np.testing.assert_array_equal(read_nifti(saved(tmp_path / "v.nii", both)).voxels, marked())


def test_the_same_volume_gives_the_same_bytes(tmp_path: Path) -> None:
    volume = read_nifti(saved(tmp_path / "v.nii", marked()))
    for name in ("one", "two"):
        written = write_slices(volume, params(slices=2), tmp_path / name, "v", volume)
        assert [path.name for path, _, _ in written] == ["v-axial-001.png", "v-axial-004.png"]
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_mask_beside_the_voxels_is_refused(tmp_path: Path) -> None:
    volume = read_nifti(saved(tmp_path / "v.nii", marked()))
    moved = np.eye(4)
    moved[0, 3] = 1
    turned = np.eye(4)
    turned[0, 1] = 0.09  # little at the first voxel, most of a voxel at the last
    for mask in (
        saved(tmp_path / "m.nii", marked()[:4]),
        saved(tmp_path / "n.nii", marked(), moved),
        saved(tmp_path / "o.nii", marked(), turned),
    ):
        with pytest.raises(InputError, match=rf"the mask .*{mask.name} .* does not lie on"):
            list(extract_slices(volume, PLAIN, read_nifti(mask)))


def test_a_mask_whose_place_was_rounded_is_taken(tmp_path: Path) -> None:
    volume = read_nifti(saved(tmp_path / "v.nii", marked(), np.diag([0.9375, 0.9375, 1.2, 1])))
    mask = read_nifti(saved(tmp_path / "m.nii", marked(), np.diag([0.938, 0.938, 1.2, 1])))
    assert all(cut.mask is not None for cut in extract_slices(volume, PLAIN, mask))


@pytest.mark.parametrize("row", [[0, 0, 0, 0], [np.nan, 0, 0, 0]])
def test_a_place_that_is_none_is_one_line(tmp_path: Path, row: list[float]) -> None:
    path = saved(tmp_path / "v.nii", marked())
    content = bytearray(path.read_bytes())
    content[312:328] = np.array(row, np.float32).tobytes()  # srow_z
    content[252:256] = np.array([0, 1], np.int16).tobytes()  # qform_code, sform_code
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"v\.nii gives no position of its voxels"):
        read_nifti(path)


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
    line = saved(tmp_path / "line.nii", np.ones(4))
    with pytest.raises(InputError, match=r"has the shape \(4,\), which is no image or volume"):
        read_nifti(line)
