"""IXI from generated archives: volumes go in, slices with what their names tell come out."""

import csv
import os
import tarfile
from pathlib import Path

import nibabel
import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.datasets import ixi
from scanvote.datasets.ixi import IXI
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
            if name.endswith((".txt", "-0-T1.nii")):
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
    IXI.fetch(tmp_path / "ixi", "classification", chosen)
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
    IXI.fetch(tmp_path / "ixi", "classification", chosen)
    assert not list(tmp_path.rglob("*.nii*"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ixi", "mirror"]


def ignored(folder: Path) -> list[list[str]]:
    with (folder / "ignored.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def test_what_cannot_be_read_is_left_out_and_told(chosen: Params, tmp_path: Path) -> None:
    archive(tmp_path / "mirror", "T1", (*T1, "brain.nii.gz", "IXI013-HH-0-T1.nii"))
    IXI.fetch(tmp_path / "ixi", "classification", chosen)
    assert len(list(IXI.scans(tmp_path / "ixi", "classification"))) == 3 * 3 * 3
    (damaged, why), (other, rule) = ignored(tmp_path / "ixi")
    assert (damaged, other) == ("IXI013-HH-0-T1.nii", "brain.nii.gz")
    assert why.startswith("IXI013-HH-0-T1.nii is no whole NIfTI volume")
    assert "is not named as" in rule


def test_an_archive_of_which_nothing_can_be_read_is_refused(chosen: Params, tmp_path: Path) -> None:
    archive(tmp_path / "mirror", "T1", ("IXI013-HH-0-T1.nii", "a.nii.gz"))
    with pytest.raises(InputError, match=r"nothing in IXI-T1\.tar can be read: IXI013-HH-0-T1"):
        IXI.fetch(tmp_path / "ixi", "classification", chosen)
    assert [path.name for path in tmp_path.iterdir()] == ["mirror"]


def test_archives_without_volumes_are_refused(chosen: Params, tmp_path: Path) -> None:
    archive(tmp_path / "mirror", "T1", ("a.txt",))
    with pytest.raises(InputError, match=r"IXI-T1\.tar holds no \.nii\.gz"):
        IXI.fetch(tmp_path / "ixi", "classification", chosen)


def test_litter_and_second_copies_are_passed_over(chosen: Params, tmp_path: Path) -> None:
    archive(tmp_path / "mirror", "T1", T1)
    tree = tmp_path / "mirror/IXI-T1"
    with tarfile.open(tmp_path / "mirror/IXI-T1.tar") as tar:
        for place in (tree, tree / "again"):
            tar.extractall(place, filter="data")
    (tmp_path / "mirror/IXI-T1.tar").unlink()
    (tree / f"._{T1[0]}").write_text("macOS")
    IXI.fetch(tmp_path / "ixi", "classification", chosen)
    assert len(list(IXI.scans(tmp_path / "ixi", "classification"))) == 3 * 3 * 3
    assert ignored(tmp_path / "ixi") == []


def test_the_number_of_processes_changes_no_byte(
    chosen: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    IXI.fetch(tmp_path / "one", "classification", chosen)
    monkeypatch.setattr(ixi, "WORTH_A_POOL", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    IXI.fetch(tmp_path / "two", "classification", chosen)
    names = [path.relative_to(tmp_path / "one") for path in sorted(tmp_path.glob("one/**/*.*"))]
    assert len(names) == 27 + 2
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_missing_contrast_is_named_before_another_is_unpacked(
    chosen: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ixi, "unpack", lambda *given: pytest.fail("unpacked"))
    (tmp_path / "mirror/IXI-T2.tar").unlink()
    with pytest.raises(InputError, match=r"has no IXI-T2\.tar; put it there"):
        IXI.fetch(tmp_path / "ixi", "classification", chosen)
    assert [path.name for path in tmp_path.iterdir()] == ["mirror"]
