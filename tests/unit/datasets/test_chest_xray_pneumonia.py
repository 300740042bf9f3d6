"""The tree of the chest X-rays, as published and as mirrored."""

from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.base import Scan
from scanvote.datasets.chest_xray_pneumonia import scans

TREE = {
    "train/NORMAL": ("IM-0115-0001.jpeg", "IM-0429-0001-0002.jpeg", "IM-0429-0001.jpeg"),
    "train/PNEUMONIA": (
        *("person1_bacteria_1.jpeg", "person1_bacteria_2.jpeg", "person10_bacteria_43.jpeg"),
        *("person447_bacteria_1939.jpeg", "person447_virus_921_1.jpeg", ".DS_Store"),
    ),
    "test/NORMAL": ("NORMAL2-IM-0429-0001.jpeg",),
    "test/PNEUMONIA": ("person1_virus_6.jpeg",),
    "val/NORMAL": ("NORMAL2-IM-1427-0001.jpeg",),
    "val/PNEUMONIA": ("person1946_bacteria_4874.jpeg",),
}


def tree(root: Path, *parts: str) -> Path:
    for folder, names in TREE.items():
        if folder.split("/")[0] in parts:
            (root / "chest_xray" / folder).mkdir(parents=True)
            for name in names:
                (root / "chest_xray" / folder / name).write_bytes(b"")
    return root


def found(root: Path) -> dict[str, Scan]:
    return {Path(scan.path).name: scan for scan in scans(root, "classification")}


def test_the_mirrored_tree_has_the_training_part_only(tmp_path: Path) -> None:
    told = found(tree(tmp_path, "train"))
    assert {scan.source_split for scan in told.values()} == {"train"}
    assert [scan.label for scan in told.values()] == ["normal"] * 3 + ["pneumonia"] * 5


def test_the_published_tree_has_both_parts_without_val(tmp_path: Path) -> None:
    told = found(tree(tmp_path, "train", "test", "val"))
    assert {scan.source_split for scan in told.values()} == {"train", "test"}
    assert len(told) == 10


def test_a_number_of_another_kind_is_another_child(tmp_path: Path) -> None:
    told = found(tree(tmp_path, "train", "test"))
    patients = {name: told[name].patient for name in told if name.startswith("person")}
    assert patients["person1_bacteria_1.jpeg"] == patients["person1_bacteria_2.jpeg"]
    assert patients["person447_virus_921_1.jpeg"] == "person447_virus"
    assert len(set(patients.values())) == 5


def test_a_normal_scan_is_known_by_its_number(tmp_path: Path) -> None:
    told = found(tree(tmp_path, "train", "test"))
    keys = [scan.patient for scan in told.values() if scan.label == "normal"]
    assert sorted(keys) == ["IM-0115", "IM-0429", "IM-0429", "NORMAL2-IM-0429"]


def test_the_kind_of_a_pneumonia_is_a_fact(tmp_path: Path) -> None:
    told = found(tree(tmp_path, "train"))
    assert told["person447_virus_921_1.jpeg"].facts["kind"] == "virus"
    assert told["person1_bacteria_1.jpeg"].facts["kind"] == "bacteria"
    assert "kind" not in told["IM-0115-0001.jpeg"].facts


def test_the_second_copy_and_macos_are_ignored(tmp_path: Path) -> None:
    once = found(tree(tmp_path, "train", "test"))
    tree(tmp_path / "chest_xray", "train", "test", "val")
    tree(tmp_path / "chest_xray/__MACOSX", "train")
    assert found(tmp_path) == once


def test_a_name_that_tells_no_patient_is_refused(tmp_path: Path) -> None:
    (tree(tmp_path, "train") / "chest_xray/train/PNEUMONIA/person2.jpeg").write_bytes(b"")
    with pytest.raises(InputError, match=r"train/PNEUMONIA/person2\.jpeg gives no patient"):
        found(tmp_path)


def test_the_val_part_alone_is_another_archive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has neither train/ nor test/"):
        found(tree(tmp_path, "val"))


def test_a_missing_class_is_named(tmp_path: Path) -> None:
    folder = tree(tmp_path, "train") / "chest_xray/train/PNEUMONIA"
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(InputError, match="no images in train/PNEUMONIA/"):
        found(tmp_path)
