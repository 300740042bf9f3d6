"""NIfTI of other shapes, units and numbers, against nibabel, with its own files."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.volumes import nifti_channels, read_nifti, read_volume_file, volume_channels

SHIPPED = Path(nibabel.__file__).parent / "tests/data"
READ = {
    "anatomical.nii": 1,
    "example4d.nii.gz": 2,
    "example_nifti2.nii.gz": 2,
    "functional.nii": 20,
    "reoriented_anat_moved.nii": 1,
    "resampled_anat_moved.nii": 1,
    "standard.nii.gz": 1,
}
REFUSED = {
    "nifti1.hdr": "is the header of a pair of files; save both as one .nii file",
    "row_major.dconn.nii": r"holds values of a surface \(CIFTI\)",
    "analyze.hdr": "is no whole NIfTI volume",
    "minc1_4d.mnc": "is no whole NIfTI volume",
}
VOXELS = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)


def saved(path: Path, voxels: np.ndarray, unit: str = "mm") -> Path:
    image = nibabel.Nifti1Image(voxels, np.diag([0.5, 2, 3, 1]))
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("name", READ)
def test_every_volume_of_the_files_of_nibabel(name: str) -> None:
    image = nibabel.as_closest_canonical(nibabel.load(SHIPPED / name))
    volumes = np.asanyarray(image.dataobj).reshape(*image.shape[:3], -1, order="F")
    assert volume_channels(SHIPPED / name) == volumes.shape[3] == READ[name]
    for channel in {0, READ[name] - 1}:
        volume = read_volume_file(SHIPPED / name, channel)
        np.testing.assert_array_equal(volume.voxels, volumes[..., channel])
        np.testing.assert_allclose(volume.affine, image.affine)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_of_the_files_of_nibabel(name: str) -> None:
    with pytest.raises(InputError, match=REFUSED[name]):
        read_nifti(SHIPPED / name)


def test_a_channel_of_a_compressed_file_is_read_no_further(tmp_path: Path) -> None:
    path = saved(tmp_path / "v.nii", np.stack([VOXELS, VOXELS + 500, VOXELS + 900], axis=3))
    (tmp_path / "v.nii.gz").write_bytes(gzip.compress(path.read_bytes()))
    for name in ("v.nii", "v.nii.gz"):
        assert nifti_channels(tmp_path / name) == 3
        for channel, added in enumerate((0, 500, 900)):
            volume = read_nifti(tmp_path / name, VOXELS.size, channel)
            np.testing.assert_array_equal(volume.voxels, VOXELS + added)
            assert volume.count == 3
        with pytest.raises(InputError, match="holds 3 volumes, none with the index 3"):
            read_nifti(tmp_path / name, channel=3)
    content = (tmp_path / "v.nii").read_bytes()
    (tmp_path / "v.nii").write_bytes(content[: -VOXELS.nbytes])
    np.testing.assert_array_equal(read_nifti(tmp_path / "v.nii", channel=1).voxels, VOXELS + 500)
    with pytest.raises(InputError, match="is no whole NIfTI volume"):
        read_nifti(tmp_path / "v.nii", channel=2)


@pytest.mark.parametrize("thick", [0, 1, np.nan])
def test_a_plane_is_a_volume_of_one_slice(tmp_path: Path, thick: float) -> None:
    path = saved(tmp_path / "v.nii", VOXELS[:, :, 2])
    content = bytearray(path.read_bytes())
    content[88:92] = np.float32(thick).tobytes()  # pixdim[3]
    content[288:292] = content[304:308] = np.float32(0).tobytes()
    content[320:324] = np.float32(thick).tobytes()  # srow_z, its third
    path.write_bytes(content)
    volume = read_nifti(path)
    np.testing.assert_array_equal(volume.voxels, VOXELS[:, :, 2:3])
    assert volume.spacing == (0.5, 2, 1)


@pytest.mark.parametrize(
    ("unit", "mm"), [("mm", 1), ("micron", 1e-3), ("meter", 1e3), ("unknown", 1)]
)
def test_the_unit_of_length_is_applied(tmp_path: Path, unit: str, mm: float) -> None:
    volume = read_nifti(saved(tmp_path / "v.nii", VOXELS, unit))
    assert volume.spacing == pytest.approx((0.5 * mm, 2 * mm, 3 * mm))


@pytest.mark.parametrize(
    ("type", "said"),
    [
        (np.complex64, "holds complex numbers; save their magnitude"),
        ([("R", "u1"), ("G", "u1"), ("B", "u1")], r"holds colours \(RGB\); save it as grey values"),
    ],
)
def test_numbers_that_are_not_real_are_named(tmp_path: Path, type: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_nifti(saved(tmp_path / "v.nii", np.zeros((4, 4, 4), type)))  # type: ignore[call-overload]
