"""The tree of the slices with masks, as published and as mirrored."""

from pathlib import Path

import pytest

from scanvote.datasets.lgg_mri import scans
from scanvote.errors import InputError


def tree(root: Path) -> Path:
    for patient in ("TCGA_DU_1", "TCGA_CS_2"):
        folder = root / "kaggle_3m" / patient
        folder.mkdir(parents=True)
        for number in (1, 2, 10):
            (folder / f"{patient}_{number}.tif").write_bytes(b"")
            (folder / f"{patient}_{number}_mask.tif").write_bytes(b"")
    (root / "kaggle_3m/data.csv").write_text("Patient;\n")
    return root


def test_slices_are_in_order_of_their_numbers_with_their_masks(tmp_path: Path) -> None:
    found = list(scans(tree(tmp_path), "segmentation"))
    numbers = [scan.path.rsplit("_", 1)[1] for scan in found]
    assert numbers == ["1.tif", "2.tif", "10.tif"] * 2
    assert found[2].mask_path == "kaggle_3m/TCGA_CS_2/TCGA_CS_2_10_mask.tif"


def test_patient_and_series_are_the_folder(tmp_path: Path) -> None:
    found = list(scans(tree(tmp_path), "segmentation"))
    keys = [(scan.patient, scan.series) for scan in found[::3]]
    assert keys == [("TCGA_CS_2", "TCGA_CS_2"), ("TCGA_DU_1", "TCGA_DU_1")]


def test_the_second_copy_of_the_tree_is_ignored(tmp_path: Path) -> None:
    once = list(scans(tree(tmp_path), "segmentation"))
    tree(tmp_path / "lgg-mri-segmentation")
    assert list(scans(tmp_path, "segmentation")) == once


def test_the_deeper_copy_alone_is_found(tmp_path: Path) -> None:
    tree(tmp_path / "lgg-mri-segmentation")
    found = list(scans(tmp_path, "segmentation"))
    assert found[0].path.startswith("lgg-mri-segmentation/kaggle_3m/")
    assert len(found) == 6


def test_another_archive_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no kaggle_3m/"):
        list(scans(tmp_path, "segmentation"))


def test_an_empty_tree_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "kaggle_3m/TCGA_CS_2").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no"):
        list(scans(tmp_path, "segmentation"))


def test_a_slice_without_its_mask_is_named(tmp_path: Path) -> None:
    (tree(tmp_path) / "kaggle_3m/TCGA_CS_2/TCGA_CS_2_2_mask.tif").unlink()
    with pytest.raises(InputError, match=r"TCGA_CS_2_2\.tif has no TCGA_CS_2_2_mask\.tif"):
        list(scans(tmp_path, "segmentation"))
