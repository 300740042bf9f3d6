"""The tree of the slices with masks, as published and as mirrored."""

from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.base import Scan
from scanvote.datasets.lgg_mri import scans
from tests.making import write_mask


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


HEAD = "Patient;neoplasm_histologic_grade;gender;age_at_initial_pathologic;race"


def of_site(root: Path, *lines: str) -> Scan:
    """The first scan of a tree whose only patient is ``TCGA_DU_7306``."""
    folder = root / "kaggle_3m/TCGA_DU_7306_19930512"
    folder.mkdir(parents=True)
    for name in ("s_1.TIF", "s_1_mask.TIF"):
        (folder / name).write_bytes(b"")
    if lines:
        (root / "kaggle_3m/data.csv").write_bytes("\r\n".join(lines).encode())
    return next(iter(scans(root, "segmentation")))


@pytest.mark.parametrize("delimiter", [";", ","])
def test_the_table_of_patients_is_joined(tmp_path: Path, delimiter: str) -> None:
    lines = (line.replace(";", delimiter) for line in (HEAD, "TCGA_DU_7306;1;2;67;"))
    assert of_site(tmp_path, *lines).facts == {
        "institution": "DU",
        "age": "67",
        "sex": "male",
        "grade": "II",
    }


def test_female_and_grade_three_are_the_other_codes(tmp_path: Path) -> None:
    facts = of_site(tmp_path, HEAD, "TCGA_DU_7306;2;1;40;3").facts
    assert (facts["sex"], facts["grade"]) == ("female", "III")


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((), id="no table"),
        pytest.param(("",), id="empty table"),
        pytest.param((HEAD, "TCGA_HT_A61B;1;1;50;"), id="another patient"),
        pytest.param((HEAD, "TCGA_DU_7306;;;;"), id="no values"),
        pytest.param((HEAD, "TCGA_DU_7306"), id="short row"),
        pytest.param((HEAD, "TCGA_DU_7306;9;0;;"), id="unknown codes"),
        pytest.param(("Patient;race", "TCGA_DU_7306;3"), id="other columns"),
    ],
)
def test_what_the_table_does_not_tell_is_left_out(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert of_site(tmp_path, *lines).facts == {"institution": "DU"}


def test_a_folder_without_a_code_has_no_facts(tmp_path: Path) -> None:
    (tree(tmp_path) / "kaggle_3m/TCGA_CS_2").rename(tmp_path / "kaggle_3m/another")
    last = list(scans(tmp_path, "segmentation"))[-1]
    assert (last.patient, last.facts) == ("another", {})


def test_the_table_beside_the_tree_that_is_read_counts(tmp_path: Path) -> None:
    deeper = tmp_path / "lgg-mri-segmentation"
    of_site(deeper, HEAD, "TCGA_DU_7306;1;2;10;")
    assert of_site(tmp_path, HEAD, "TCGA_DU_7306;1;2;67;").facts["age"] == "67"


def test_a_label_tells_whether_the_mask_marks_anything(tmp_path: Path) -> None:
    folder = tree(tmp_path) / "kaggle_3m/TCGA_CS_2"
    write_mask(folder / "TCGA_CS_2_1_mask.tif")
    write_mask(folder / "TCGA_CS_2_2_mask.tif", empty=True)
    found = list(scans(tmp_path, "classification"))
    assert [scan.label for scan in found[:2]] == ["tumor", "no_tumor"]
    assert all(scan.mask_path for scan in found)
    assert {scan.label for scan in scans(tmp_path, "segmentation")} == {""}


def test_a_mask_that_cannot_be_read_tells_no_label(tmp_path: Path) -> None:
    assert {scan.label for scan in scans(tree(tmp_path), "classification")} == {""}
