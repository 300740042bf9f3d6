"""IXI from generated archives: volumes go in, slices with what their names tell come out."""

import tarfile
from pathlib import Path

import nibabel
import numpy as np
import pytest

from scanvote.datasets.ixi import IXI
from scanvote.errors import InputError
from scanvote.images.decode import decode_image
from scanvote.params import Params

T1 = ("IXI002-Guys-0828-T1.nii.gz", "IXI012-HH-1211-T1.nii.gz")
T2 = ("IXI012-HH-1211-T2.nii.gz",)


def head(seed: int) -> np.ndarray:
    grid = np.meshgrid(*(np.linspace(-1, 1, side) for side in (20, 24, 16)), indexing="ij")
    inside = sum(axis**2 for axis in grid) < 0.8
    return (np.random.default_rng(seed).integers(200, 900, inside.shape) * inside).astype(np.int16)


def archive(folder: Path, contrast: str, names: tuple[str, ...]) -> None:
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / f"IXI-{contrast}.tar", "w") as tar:
        for seed, name in enumerate(names):
            path = folder / name
            if name.endswith(".txt"):
                path.write_text("no volume")
            else:
                nibabel.save(nibabel.Nifti1Image(head(seed), np.eye(4)), path)
            tar.add(path, name)
            path.unlink()


@pytest.fixture
def chosen(params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """T1 and T2 in three planes, from the mirror of the test."""
    monkeypatch.delenv("SCANVOTE_MIRROR", raising=False)
    archive(tmp_path / "mirror", "T1", T1)
    archive(tmp_path / "mirror", "T2", T2)
    planes = {"planes": ["axial", "coronal", "sagittal"], "slices": 3}
    return params.model_copy(
        update={
            "download": params.download.model_copy(update={"mirror": str(tmp_path / "mirror")}),
            "ixi": params.ixi.model_copy(update={"contrasts": ["T1", "T2"]}),
            "volumes": params.volumes.model_copy(update=planes),
        }
    )


def test_volumes_become_slices_of_known_people(chosen: Params, tmp_path: Path) -> None:
    IXI.bring(tmp_path / "ixi", "classification", chosen)
    found = list(IXI.scans(tmp_path / "ixi", "classification"))
    assert len(found) == 3 * 3 * 3
    assert {scan.patient for scan in found} == {"IXI002", "IXI012"}
    assert {scan.label for scan in found} == {"no_tumor"}
    last = found[-1]
    assert (last.series, last.facts["institution"]) == ("IXI012-HH-1211-T2", "HH")
    assert (last.facts["contrast"], last.facts["plane"]) == ("T2", "sagittal")
    for scan in found:
        assert decode_image(tmp_path / "ixi" / scan.path).max() > 200


def test_nothing_but_slices_stays(chosen: Params, tmp_path: Path) -> None:
    IXI.bring(tmp_path / "ixi", "classification", chosen)
    assert not list(tmp_path.rglob("*.nii*"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ixi", "mirror"]


def test_a_name_that_tells_no_person_is_refused(chosen: Params, tmp_path: Path) -> None:
    archive(tmp_path / "mirror", "T2", ("brain.nii.gz",))
    with pytest.raises(InputError, match=r"brain\.nii\.gz is not named as"):
        IXI.bring(tmp_path / "ixi", "classification", chosen)


def test_archives_without_volumes_are_refused(chosen: Params, tmp_path: Path) -> None:
    archive(tmp_path / "mirror", "T1", ("a.txt",))
    archive(tmp_path / "mirror", "T2", ("a.txt",))
    with pytest.raises(InputError, match=r"hold no \.nii\.gz"):
        IXI.bring(tmp_path / "ixi", "classification", chosen)


def test_a_missing_contrast_is_named(chosen: Params, tmp_path: Path) -> None:
    (tmp_path / "mirror/IXI-T2.tar").unlink()
    with pytest.raises(InputError, match=r"has no IXI-T2\.tar; put it there"):
        IXI.bring(tmp_path / "ixi", "classification", chosen)
    assert not (tmp_path / "ixi").exists()
