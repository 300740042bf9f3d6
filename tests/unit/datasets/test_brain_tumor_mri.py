"""The tree of the 4-class set, as published and as mirrored."""

from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.brain_tumor_mri import LABELS, scans, slices


def tree(root: Path, *splits: str) -> Path:
    for split in splits:
        for name in LABELS:
            (root / split / name).mkdir(parents=True)
            for image in ("p (10).jpg", "p (2).jpg", "._p (2).jpg", "notes.txt"):
                (root / split / name / image).write_bytes(b"")
    return root


def test_the_mirrored_tree_has_training_only(tmp_path: Path) -> None:
    found = list(scans(tree(tmp_path, "Training"), "classification"))
    assert {scan.source_split for scan in found} == {"Training"}
    assert len(found) == 8


def test_the_published_tree_has_both_in_a_stable_order(tmp_path: Path) -> None:
    found = list(scans(tree(tmp_path, "Training", "Testing"), "classification"))
    assert [scan.source_split for scan in found] == ["Testing"] * 8 + ["Training"] * 8
    assert [scan.label for scan in found[:8:2]] == ["glioma", "meningioma", "no_tumor", "pituitary"]
    assert found[0].path == "Testing/glioma_tumor/p (2).jpg"
    assert found[1].path == "Testing/glioma_tumor/p (10).jpg"


def test_a_folder_above_is_passed_and_macos_ignored(tmp_path: Path) -> None:
    tree(tmp_path / "Brain-Tumor-Classification-DataSet-master", "Training")
    tree(tmp_path / "__MACOSX", "Testing")
    found = list(scans(tmp_path, "classification"))
    top = "Brain-Tumor-Classification-DataSet-master/Training/"
    assert all(scan.path.startswith(top) for scan in found)
    assert len(found) == 8


def test_patients_are_those_of_the_table(tmp_path: Path) -> None:
    found = {one.path: one for one in scans(tree(tmp_path, "Training"), "classification")}
    known = {path: scan for path, scan in found.items() if path in slices()}
    assert known
    assert all(scan.patient == slices()[path]["person"] for path, scan in known.items())
    assert all(
        scan.facts["source_label"] == slices()[path]["label"] for path, scan in known.items()
    )
    assert {scan.patient for path, scan in found.items() if path not in known} == {""}
    assert all(not scan.facts for path, scan in found.items() if path not in known)


def test_the_table_is_known_below_another_folder_too(tmp_path: Path) -> None:
    tree(tmp_path / "wrapped", "Training")
    found = {one.path for one in scans(tmp_path, "classification") if one.patient}
    assert found
    assert all(path.removeprefix("wrapped/") in slices() for path in found)


def test_the_table_has_the_counts_that_are_told_of_it() -> None:
    rows = slices().values()
    assert len(rows) == 2348
    assert len({row["person"] for row in rows}) == 202
    folders = {path: LABELS[path.split("/")[1]] for path in slices()}
    assert sum(folders[path] != row["label"] for path, row in slices().items()) == 17


def test_another_archive_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "chest_xray/train").mkdir(parents=True)
    with pytest.raises(InputError, match="neither Training/ nor Testing/"):
        list(scans(tmp_path, "classification"))


@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_or_empty_class_is_named(tmp_path: Path, empty: bool) -> None:
    folder = tree(tmp_path, "Training") / "Training/no_tumor"
    for path in folder.iterdir():
        path.unlink()
    if not empty:
        folder.rmdir()
    with pytest.raises(InputError, match="no images in Training/no_tumor/"):
        list(scans(tmp_path, "classification"))
