"""The tree of the yes/no set, as published and as mirrored."""

from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.base import Scan
from scanvote.datasets.brain_tumor_yes_no import scans

NAMES = {
    "no": ("1 no.jpeg", "N17.jpg", "No13.JPG", "no 2.png", ".DS_Store"),
    "yes": ("Y1.jpg", "Y10.JPG", "Y2.jpeg", "._Y1.jpg", "Thumbs.db"),
}


def tree(root: Path) -> Path:
    for folder, names in NAMES.items():
        (root / folder).mkdir(parents=True)
        for name in names:
            (root / folder / name).write_bytes(b"")
    return root


def found(root: Path) -> list[Scan]:
    return list(scans(root, "classification"))


def test_all_endings_are_read_and_litter_is_not(tmp_path: Path) -> None:
    names = [scan.path for scan in found(tree(tmp_path))]
    assert names == [
        *("no/1 no.jpeg", "no/N17.jpg", "no/No13.JPG", "no/no 2.png"),
        *("yes/Y1.jpg", "yes/Y2.jpeg", "yes/Y10.JPG"),
    ]


def test_folders_are_labels_and_patients_are_unknown(tmp_path: Path) -> None:
    told = found(tree(tmp_path))
    assert [scan.label for scan in told] == ["no_tumor"] * 4 + ["tumor"] * 3
    assert {(scan.patient, scan.source_split, scan.mask_path) for scan in told} == {("", "", "")}


def test_the_second_copy_in_a_wrapping_folder_is_ignored(tmp_path: Path) -> None:
    once = found(tree(tmp_path))
    tree(tmp_path / "brain_tumor_dataset")
    tree(tmp_path / "__MACOSX")
    assert found(tmp_path) == once


def test_the_wrapping_folder_alone_is_found(tmp_path: Path) -> None:
    tree(tmp_path / "brain_tumor_dataset")
    assert found(tmp_path)[0].path == "brain_tumor_dataset/no/1 no.jpeg"


def test_another_archive_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "Training").mkdir()
    with pytest.raises(InputError, match=r"brain_tumor_yes_no: .* has no folders yes/ and no/"):
        found(tmp_path)


def test_a_missing_class_is_named(tmp_path: Path) -> None:
    for path in (tree(tmp_path) / "no").iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"brain_tumor_yes_no: .* no images in .*/no/"):
        found(tmp_path)
