"""What a folder of the user's is taken for."""

from collections import Counter
from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.user_data import read_layout
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout
from scanvote.params import load_params

PARAMS = load_params(Path(__file__).parents[4] / "params.yaml")


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def classes(root: Path) -> dict[str, int]:
    return dict(Counter(item.label for item in read_layout(root, "classification", PARAMS).items))


def by_name(reading: DatasetLayout) -> dict[str, DatasetItem]:
    return {item.name: item for item in reading.items}


def test_a_folder_a_class_names_as_they_are(tmp_path: Path) -> None:
    tree(tmp_path, "No tumour/1.png", "No tumour/2.JPG", "Gliöm/1.png")
    assert classes(tmp_path) == {"No tumour": 2, "Gliöm": 1}


def test_folders_on_the_way_to_the_classes_are_passed_by(tmp_path: Path) -> None:
    tree(tmp_path, "study/data/yes/1.png", "study/data/no/1.png")
    assert classes(tmp_path) == {"no": 1, "yes": 1}


def test_a_picture_beside_the_classes_is_no_class_and_is_told_of(tmp_path: Path) -> None:
    tree(tmp_path, "logo.png", "data/yes/1.png", "data/no/1.png", "data/plot.png")
    assert classes(tmp_path) == {"no": 1, "yes": 1}
    left = read_layout(tmp_path, "classification", PARAMS).skipped
    assert {one.name for one in left} == {"logo.png", "data/plot.png"}


@pytest.mark.parametrize("parts", [("train", "val", "test"), ("Training", "Testing"), ("train",)])
def test_published_parts_are_known_by_their_names(tmp_path: Path, parts: tuple[str, ...]) -> None:
    tree(tmp_path, *(f"set/{part}/{label}/1.png" for part in parts for label in ("a", "b")))
    found = read_layout(tmp_path, "classification", PARAMS).items
    assert Counter(item.source_split for item in found) == dict.fromkeys(parts, 2)
    assert {item.label for item in found} == {"a", "b"}


def test_a_class_called_test_beside_another_is_a_class(tmp_path: Path) -> None:
    tree(tmp_path, "test/1.png", "control/1.png")
    assert classes(tmp_path) == {"control": 1, "test": 1}


def test_the_folder_below_the_class_is_the_patient(tmp_path: Path) -> None:
    tree(tmp_path, "yes/P1/T2/axial/day2/1.png", "yes/2.png", "no/images/P2/1.png")
    found = by_name(read_layout(tmp_path, "classification", PARAMS))
    assert found["yes/P1/T2/axial/day2/1.png"].patient == "P1"
    assert found["yes/P1/T2/axial/day2/1.png"].facts == {"contrast": "T2", "plane": "axial"}
    assert found["yes/2.png"].patient == ""
    assert found["no/images/P2/1.png"].patient == "P2"


def test_planes_and_contrasts_are_no_patients(tmp_path: Path) -> None:
    tree(tmp_path, "yes/axial/1.png", "no/T1/1.png")
    assert {item.patient for item in read_layout(tmp_path, "classification", PARAMS).items} == {""}


def test_masks_are_no_scans_of_a_class(tmp_path: Path) -> None:
    tree(tmp_path, "benign/1.png", "benign/1_mask.png", "normal/1.png", "normal/2_mask.png")
    reading = read_layout(tmp_path, "classification", PARAMS)
    assert list(by_name(reading)) == ["benign/1.png", "normal/1.png"]
    assert [(one.name, one.reason) for one in reading.skipped] == [
        ("benign/1_mask.png", "a mask, which classification does not use"),
        ("normal/2_mask.png", "a mask without an image"),
    ]


def test_names_like_masks_are_images_where_there_are_no_masks(tmp_path: Path) -> None:
    tree(tmp_path, "mask/1.png", "other/1_mask.png")
    assert classes(tmp_path) == {"mask": 1, "other": 1}
    assert read_layout(tmp_path, "classification", PARAMS).skipped == []


def test_a_flat_folder_of_images_with_masks_has_unknown_patients(tmp_path: Path) -> None:
    tree(tmp_path, "1.png", "1_mask.png", "2.png", "2_mask.png")
    reading = read_layout(tmp_path, "segmentation", PARAMS)
    assert {(item.name, item.mask_name, item.patient) for item in reading.items} == {
        ("1.png", "1_mask.png", ""),
        ("2.png", "2_mask.png", ""),
    }
    assert reading.kind == "images with masks in the same folder, by a suffix"


def test_folders_of_images_with_masks_are_patients(tmp_path: Path) -> None:
    tree(tmp_path, *(f"set/{p}/{n}{m}.tif" for p in "AB" for n in (1, 2) for m in ("", "_mask")))
    found = read_layout(tmp_path, "segmentation", PARAMS).items
    assert [item.patient for item in found] == ["A", "A", "B", "B"]


def test_folders_below_twin_folders_are_patients_and_parts(tmp_path: Path) -> None:
    names = [f"{kind}/{p}/1.png" for p in "AB" for kind in ("images", "masks")]
    tree(tmp_path, *(f"{part}/{name}" for part in ("train", "test") for name in names))
    reading = read_layout(tmp_path, "segmentation", PARAMS)
    assert {(item.source_split, item.patient) for item in reading.items} == {
        *(("train", "A"), ("train", "B"), ("test", "A"), ("test", "B"))
    }
    assert reading.kind == "images with masks in a folder of their own"


def test_an_image_without_a_mask_stays_for_the_integrity_report(tmp_path: Path) -> None:
    tree(tmp_path, "1.png", "1_mask.png", "2.png")
    found = by_name(read_layout(tmp_path, "segmentation", PARAMS))
    assert found["2.png"].mask is None
    assert found["1.png"].mask == tmp_path / "1_mask.png"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["yes/1.png"], "no two folders of classes"),
        (["1.png", "2.png", "list.csv"], "to use its table, name list.csv itself"),
        (["logo.png", "yes/1.png", "yes/P/2.png"], "classification needs them"),
        (["train/yes/1.png"], "classification needs them"),
    ],
)
def test_no_two_classes_is_one_line(tmp_path: Path, names: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_layout(tree(tmp_path, *names), "classification", PARAMS)


def test_an_empty_folder_elsewhere_is_no_class(tmp_path: Path) -> None:
    tree(tmp_path, "yes/1.png", "no/1.png")
    (tmp_path / "yes/later").mkdir()
    assert classes(tmp_path) == {"no": 1, "yes": 1}


def test_a_folder_of_notes_beside_the_classes_is_no_class(tmp_path: Path) -> None:
    tree(tmp_path, "yes/1.png", "no/1.png", "docs/readme.txt")
    assert classes(tmp_path) == {"no": 1, "yes": 1}


def test_masks_that_go_with_no_image_are_named(tmp_path: Path) -> None:
    tree(tmp_path, "images/1.png", "masks/left.png")
    with pytest.raises(InputError, match=r"has no masks; .*; no image goes with masks/left.png"):
        read_layout(tmp_path, "segmentation", PARAMS)


@pytest.mark.parametrize(
    ("names", "patients"), [(("benign", "malignant"), 0), (("AD_01", "AD_02"), 2)]
)
def test_diagnoses_of_images_with_masks_are_no_patients(
    tmp_path: Path, names: tuple[str, str], patients: int
) -> None:
    tree(tmp_path, *(f"{one}/{end}" for one in names for end in ("1.png", "1_mask.png")))
    found = read_layout(tmp_path, "segmentation", PARAMS).items
    assert len({item.patient for item in found} - {""}) == patients
