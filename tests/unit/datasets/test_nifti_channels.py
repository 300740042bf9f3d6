"""The volumes of a 4-D NIfTI file, one after another."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.volumes import read_nifti
from scanvote.datasets.volumes.nifti_channels import count_volumes, volumes_of

VOXELS = np.random.default_rng(0).integers(-99, 999, (5, 4, 3, 6), np.int16)


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
def test_each_volume_is_that_of_nibabel(tmp_path: Path, name: str, kind: type, order: str) -> None:
    header = kind.header_class(endianness=order)  # type: ignore[attr-defined]
    header.set_data_dtype(np.int16)
    header.set_slope_inter(0.5, 3)
    nibabel.save(kind(VOXELS, np.diag([-2, 3, 4, 1]), header), tmp_path / name)
    expected = nibabel.as_closest_canonical(nibabel.load(tmp_path / name)).get_fdata()
    assert count_volumes(tmp_path / name) == 6
    found = dict(volumes_of(tmp_path / name, [1, 4]))
    assert [*found] == [1, 4]
    for number, source in found.items():
        volume = read_nifti(source)
        np.testing.assert_allclose(volume.voxels, expected[..., number])
        assert volume.spacing == (2, 3, 4)


@pytest.mark.parametrize(("shape", "count"), [((5, 4, 3), 1), ((5, 4, 3, 1, 3), 3), ((5, 4), 1)])
def test_volumes_are_counted(tmp_path: Path, shape: tuple[int, ...], count: int) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4)), tmp_path / "v.nii")
    assert count_volumes(tmp_path / "v.nii") == count


@pytest.mark.parametrize("length", [0, 100, 600])
def test_a_truncated_file_is_one_line(tmp_path: Path, length: int) -> None:
    path = tmp_path / "v.nii"
    nibabel.save(nibabel.Nifti1Image(VOXELS, np.eye(4)), path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"v\.nii is no whole NIfTI volume") as caught:
        [read_nifti(source) for _, source in volumes_of(path, [5])]
    assert "\n" not in str(caught.value)
