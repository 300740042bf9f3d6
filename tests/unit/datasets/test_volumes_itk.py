"""NRRD and MetaImage: the same volume as NIfTI; and what ITK ignores, applied or refused."""

import itertools
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from scanvote.core.errors import InputError
from scanvote.datasets.volumes import (
    NamedBytes,
    TooLarge,
    read_itk,
    read_nifti,
    read_volume_file,
    volume_channels,
)

VOXELS = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
NRRD = "type: int16\nencoding: raw\nendian: little\n"
THREE = NRRD + "dimension: 3\nsizes: 6 5 4\n"
FOUR = NRRD + "dimension: 4\n"
META = "ObjectType = Image\nNDims = 3\nDimSize = 6 5 4\nBinaryData = True\n"


def nrrd(path: Path, header: str, voxels: np.ndarray = VOXELS) -> Path:
    path.write_bytes(f"NRRD0005\n{header}\n".encode() + voxels.tobytes())
    return path


def meta(path: Path, header: str, data: str = "LOCAL") -> Path:
    head = f"{META}{header}ElementType = MET_SHORT\nElementDataFile = {data}\n"
    path.write_bytes(head.encode() + (VOXELS.tobytes() if data == "LOCAL" else b""))
    return path


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_all_48_orientations_are_those_of_nifti(tmp_path: Path, ending: str) -> None:
    path, nifti = tmp_path / f"v.{ending}", tmp_path / "v.nii"
    for axes in itertools.permutations(range(3)):
        for flips in itertools.product((1, -1), repeat=3):
            direction = np.eye(3)[:, axes] * flips
            image = SimpleITK.GetImageFromArray(VOXELS)
            image.SetDirection(direction.ravel().tolist())
            image.SetSpacing((0.5, 2, 3))
            image.SetOrigin((10, -20, 30))
            SimpleITK.WriteImage(image, str(path))
            affine = np.eye(4)
            affine[:3, :3] = direction * (0.5, 2, 3)
            affine[:3, 3] = 10, -20, 30
            affine = np.diag([-1, -1, 1, 1]) @ affine
            nibabel.save(nibabel.Nifti1Image(VOXELS.T, affine), nifti)
            one, other = read_volume_file(path), read_nifti(nifti)
            np.testing.assert_array_equal(one.voxels, other.voxels)
            np.testing.assert_allclose(one.affine, other.affine, atol=1e-5)
            np.testing.assert_allclose(one.spacing, other.spacing, atol=1e-6)


@pytest.mark.parametrize("space", ["right-anterior-superior", "RAS", "LAS", "LPS"])
def test_the_space_of_an_nrrd_decides_its_orientation(tmp_path: Path, space: str) -> None:
    directions = "space directions: (1,0,0) (0,2,0) (0,0,3)\nspace origin: (10,20,30)\n"
    volume = read_itk(nrrd(tmp_path / "v.nrrd", f"{THREE}space: {space}\n{directions}"))
    flips = [1 if one == other else -1 for one, other in zip(space.upper(), "RAS", strict=False)]
    flips = [1, 1, 1] if space.startswith("right") else flips
    truth = VOXELS.T[:: flips[0], :: flips[1], :: flips[2]]
    np.testing.assert_array_equal(volume.voxels, truth)
    assert (volume.spacing, volume.placed, volume.measured) == ((1, 2, 3), True, True)


@pytest.mark.parametrize(
    ("unit", "mm"), [("mm", 1), ("um", 1e-3), ("\u00b5m", 1e-3), ("microns", 1e-3), ("cm", 10)]
)
def test_units_of_length_are_applied(tmp_path: Path, unit: str, mm: float) -> None:
    directions = "space: LPS\nspace directions: (1,0,0) (0,2,0) (0,0,3)\n"
    units = f'space units: "{unit}" "{unit}" "{unit}"\n'
    for path in (
        nrrd(tmp_path / "v.nrrd", THREE + directions + units),
        nrrd(tmp_path / "w.nrrd", f"{THREE}spacings: 1 2 3\n{units.removeprefix('space ')}"),
        meta(tmp_path / "v.mha", f"DistanceUnits = {unit}\nElementSpacing = 1 2 3\n"),
        meta(tmp_path / "w.mha", f"DistanceUnits = {unit}\nElementSize = 1 2 3\n"),
    ):
        assert read_itk(path).spacing == pytest.approx((mm, 2 * mm, 3 * mm))


def test_slope_and_offset_of_a_metaimage_are_applied(tmp_path: Path) -> None:
    told = "ElementToIntensityFunctionSlope = 0.5\nElementToIntensityFunctionOffset = -3\n"
    volume = read_itk(meta(tmp_path / "v.mha", told))
    np.testing.assert_array_equal(volume.voxels, VOXELS.T[::-1, ::-1] * 0.5 - 3)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("kind", ["list", "vector"])
def test_an_axis_of_contrasts_may_come_first_or_last(
    tmp_path: Path, first: bool, kind: str
) -> None:
    both = np.stack([VOXELS, VOXELS + 500], axis=-1 if first else 0)
    sizes = "sizes: 2 6 5 4\n" if first else "sizes: 6 5 4 2\n"
    kinds = [kind, *["domain"] * 3] if first else [*["domain"] * 3, kind]
    path = nrrd(tmp_path / "v.nrrd", f"{FOUR}{sizes}kinds: {' '.join(kinds)}\n", both)
    assert volume_channels(path) == 2
    for channel in (0, 1):
        volume = read_volume_file(path, channel)
        assert volume.count == 2
        np.testing.assert_array_equal(volume.voxels, VOXELS.T[::-1, ::-1] + 500 * channel)
    with pytest.raises(InputError, match="holds 2 volumes, none with the index 2"):
        read_itk(path, channel=2)


def test_a_plane_is_a_slice_without_an_orientation(tmp_path: Path) -> None:
    image = SimpleITK.GetImageFromArray(VOXELS[0])
    image.SetSpacing((0.5, 2))
    for ending in ("nrrd", "mha"):
        SimpleITK.WriteImage(image, str(tmp_path / f"v.{ending}"))
        volume = read_itk(tmp_path / f"v.{ending}")
        np.testing.assert_array_equal(volume.voxels[:, :, 0], VOXELS[0].T[::-1, ::-1])
        assert volume.spacing == (0.5, 2, 1)
    assert not read_itk(tmp_path / "v.mha").placed


def test_voxels_beside_the_header_are_read(tmp_path: Path) -> None:
    for ending in ("nhdr", "mhd"):
        image = SimpleITK.GetImageFromArray(VOXELS)
        SimpleITK.WriteImage(image, str(tmp_path / f"{ending}.{ending}"))
        volume = read_volume_file(tmp_path / f"{ending}.{ending}")
        np.testing.assert_array_equal(volume.voxels, VOXELS.T[::-1, ::-1])


PLACED = "space: LPS\nspace directions: (1,0,0) (0,2,0) (0,0,3)\n"
REFUSED = {
    FOUR + "sizes: 6 5 4 1\n": "has 4 axes; of more than three, name the one of its contrasts",
    FOUR + "sizes: 6 5 4 1\nkinds: domain domain domain time\n": "of the kind 'time'",
    FOUR + "sizes: 3 2 5 4\nkinds: RGB-color domain domain domain\n": "of the kind 'rgb-color'",
    THREE + 'space units: "mm" "mm" "um"\n': "gives its lengths in mm, um; give them all in mm",
    THREE + 'space units: "inch" "inch" "inch"\n': "gives its lengths in inch",
    THREE + "kinds: domain domain\n": "sizes and kinds do not agree",
    THREE + "data file: ../v.raw\n": "outside of its folder; put them beside it",
    THREE + "data file: /etc/passwd\n": "outside of its folder",
    THREE + "data file: LIST\n": "in several files; save it as one file",
    THREE + "data file: v%03d.raw 1 4 1\n": "in several files",
    THREE + "data file: gone.raw\n": "which is not beside it",
    THREE.replace("raw", "bzip2"): "is compressed by bzip2; save it with gzip",
    THREE.replace("6 5 4", "6 5 9"): "is no whole NRRD volume",
    NRRD + "dimension: 2\nsizes: 30 4\n" + PLACED: "has 2 axes in a space of 3",
}


@pytest.mark.parametrize("header", REFUSED)
def test_an_nrrd_that_is_not_read_says_why(tmp_path: Path, header: str) -> None:
    with pytest.raises(InputError, match=REFUSED[header]) as caught:
        read_itk(nrrd(tmp_path / "v.nrrd", header))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "data", "said"),
    [
        ("NDims = 4\n", "LOCAL", "has 4 axes; save each volume of it for itself"),
        ("DistanceUnits = furlong\n", "LOCAL", "gives its lengths in furlong"),
        ("ElementToIntensityFunctionSlope = 0\n", "LOCAL", "gives 0 as the slope"),
        ("ElementToIntensityFunctionSlope = x\n", "LOCAL", "which is no number"),
        ("ObjectType = Tube\n", "LOCAL", "that holds no image"),
        ("", "../v.raw", "outside of its folder"),
        ("", "v%d.raw 1 4 1", "in several files"),
        ("", "gone.raw", "which is not beside it"),
    ],
)
def test_a_metaimage_that_is_not_read_says_why(
    tmp_path: Path, header: str, data: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        read_itk(meta(tmp_path / "v.mha", header, data))


def test_a_metaimage_that_is_cut_off_is_one_line(tmp_path: Path) -> None:
    path = meta(tmp_path / "v.mha", "")
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(InputError, match=r"no whole MetaImage .*voxels are cut off"):
        read_itk(path)


def test_a_volume_too_large_is_refused_by_its_header(tmp_path: Path) -> None:
    huge = THREE.replace("6 5 4", "60000 50000 40000")
    with pytest.raises(TooLarge, match="declares 120,000,000 million voxels"):
        read_itk(nrrd(tmp_path / "v.nrrd", huge), 10**9)


def test_the_content_decides_not_the_ending_and_an_upload_is_refused(tmp_path: Path) -> None:
    path = nrrd(tmp_path / "v.mha", THREE)
    np.testing.assert_array_equal(read_volume_file(path).voxels, VOXELS.T[::-1, ::-1])
    with pytest.raises(InputError, match="read from a path alone; save it as NIfTI"):
        read_itk(NamedBytes(path.read_bytes(), "x"))
