"""What each level of a user's folders is taken for."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import product
from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.user_data import read_layout
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout
from scanvote.datasets.user_data.readings import AmbiguousLayout
from scanvote.params import Params, Task, load_params

PARAMS = load_params(Path(__file__).parents[4] / "params.yaml")


def with_params(**sections: object) -> Params:
    values = PARAMS.model_dump()
    for name, section in sections.items():
        values[name] |= section
    return Params.model_validate(values)


def read(
    root: Path, names: Iterable[str], task: Task = "classification", params: Params = PARAMS
) -> DatasetLayout:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return read_layout(root, task, params)


def names(*levels: Iterable[object]) -> list[str]:
    """All paths of one name of each level; the last is the file without its ending."""
    return ["/".join(map(str, one)) + ".png" for one in product(*levels)]


def labels(items: Iterable[DatasetItem]) -> dict[str, int]:
    return dict(Counter(item.label for item in items))


def patients(items: Iterable[DatasetItem]) -> set[str]:
    return {item.patient for item in items}


def reasons(found: DatasetLayout) -> dict[str, int]:
    return dict(Counter(one.reason for one in found.skipped))


YES_NO = {"no": 4, "yes": 4}


@pytest.mark.parametrize("beside", ["pred/pred/1.png", "single_prediction/1.png", "sample/x/1.png"])
@pytest.mark.parametrize("parts", [("train", "test"), ("TRAIN_set", "tst"), ("seg_train", "val")])
def test_a_folder_beside_the_parts_has_no_class(
    tmp_path: Path, beside: str, parts: tuple[str, str]
) -> None:
    found = read(tmp_path, [*names(parts, ("yes", "no"), range(2)), beside])
    assert labels(found.items) == YES_NO
    top = beside.split("/")[0]
    assert reasons(found) == {f"{top}/ has no class of the folders beside it": 1}


def test_a_test_part_is_told_to_the_protocol_in_its_words(tmp_path: Path) -> None:
    found = read(tmp_path, names(("seg_train", "seg_test"), ("yes", "no"), range(2)))
    assert {item.source_split for item in found.items} == {"train", "test"}


def test_augmented_pictures_are_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, names(("train", "test", "augmented"), ("yes", "no"), range(2)))
    assert labels(found.items) == YES_NO
    assert reasons(found) == {"augmented/ holds pictures made of the others": 4}


@pytest.mark.parametrize("folder", ["augmented", "thumbnails", "aug/augmented"])
def test_pictures_made_of_others_are_left_out_below_a_class(tmp_path: Path, folder: str) -> None:
    once = names(("yes", "no"), range(4))
    found = read(tmp_path, [*once, *names(("yes", "no"), (folder,), range(3))])
    assert labels(found.items) == YES_NO
    assert sum(reasons(found).values()) == 6


def test_an_augmented_part_is_kept_without_its_originals(tmp_path: Path) -> None:
    found = read(tmp_path, names(("train_augmented", "test"), ("yes", "no"), range(2)))
    assert labels(found.items) == YES_NO


def test_a_folder_of_an_unknown_class_is_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, [*names(("train",), ("yes", "no"), range(4)), "test/unknown/1.png"])
    assert labels(found.items) == YES_NO
    assert reasons(found) == {"unknown/ says that the class is not known": 1}


def test_visits_below_patients_are_no_classes(tmp_path: Path) -> None:
    people = (f"{at:03d}_S_4{at}" for at in range(8))
    visits = ("2006-04-18_08_20_30.0", "2007-04-18_08_20_30.0")
    with pytest.raises(InputError, match=r"000_S_40, .* are patients, and no folder below them"):
        read(tmp_path, names(people, ("MPRAGE",), visits, "a"))


@pytest.mark.parametrize("start", ["", "IXI-"])
def test_classes_called_like_contrasts_are_told_of_and_tie_equal_names(
    tmp_path: Path, start: str
) -> None:
    found = read(tmp_path, names((f"{start}T1", f"{start}T2"), ("ab", "cd")))
    assert [item.case for item in found.items[:2]] == [item.case for item in found.items[2:]]
    assert found.items[0].case
    assert any("named like contrasts" in note for note in found.notes)


def test_parts_below_the_classes(tmp_path: Path) -> None:
    found = read(tmp_path, names(("yes", "no"), ("train", "test"), range(2)))
    assert labels(found.items) == YES_NO
    assert {item.source_split for item in found.items} == {"train", "test"}
    assert patients(found.items) == {""}


@pytest.mark.parametrize("again", ["brain_tumor_dataset", "copy/data"])
def test_a_tree_that_repeats_itself_is_left_out(tmp_path: Path, again: str) -> None:
    once = names(("yes", "no"), range(4))
    found = read(tmp_path, [*once, *(f"{again}/{name}" for name in once)])
    assert labels(found.items) == YES_NO
    assert reasons(found) == {f"{again}/ repeats the folders beside it": 8}


def test_a_folder_of_the_same_classes_with_other_pictures_adds_them(tmp_path: Path) -> None:
    more = names(("more/data",), ("yes", "no"), range(2, 4))
    found = read(tmp_path, [*names(("yes", "no"), range(2)), *more])
    assert labels(found.items) == YES_NO
    assert found.skipped == []


def test_the_parts_of_an_archive_that_holds_itself(tmp_path: Path) -> None:
    once = names(("xray",), ("train", "test"), ("NORMAL", "PNEUMONIA"), range(2))
    found = read(tmp_path, [*once, *(f"xray/{name}" for name in once)])
    assert labels(found.items) == {"NORMAL": 4, "PNEUMONIA": 4}
    assert {item.source_split for item in found.items} == {"train", "test"}


@pytest.mark.parametrize("first", [0, 1])
def test_folds_are_told_as_published_ones(tmp_path: Path, first: int) -> None:
    folds = [f"fold_{first + at}" for at in range(3)]
    found = read(tmp_path, names(folds, ("all", "hem"), range(2)))
    assert labels(found.items) == {"all": 6, "hem": 6}
    assert {item.source_split for item in found.items} == {"fold1", "fold2", "fold3"}


def test_sites_by_name_are_institutions(tmp_path: Path) -> None:
    found = read(tmp_path, names(("site1", "site2"), ("a", "b"), range(2)))
    assert labels(found.items) == {"a": 4, "b": 4}
    assert {item.facts["institution"] for item in found.items} == {"site1", "site2"}


def test_places_above_classes_with_patients_are_institutions(tmp_path: Path) -> None:
    tree = [
        f"{site}/{label}/P{site[0]}{label[0]}{at}/1.png"
        for site, label, at in product(("berlin", "lyon"), ("glioma", "normal"), range(3))
    ]
    found = read(tmp_path, tree)
    assert labels(found.items) == {"glioma": 6, "normal": 6}
    assert len(patients(found.items)) == 12
    assert {item.facts["institution"] for item in found.items} == {"berlin", "lyon"}
    assert found.notes == [
        "institutions: berlin, lyon hold the same folders, which are the classes;"
        " folders.class_level=1 takes them for classes"
    ]


SITES = names(("berlin", "lyon", "oslo"), ("glioma", "meningioma", "normal"), range(4))


def test_places_that_may_be_persons_are_refused_with_the_readings(tmp_path: Path) -> None:
    with pytest.raises(AmbiguousLayout) as caught:
        read(tmp_path, SITES)
    assert [reading.params for reading in caught.value.readings] == [
        {"folders.class_level": 2, "folders.patient_level": 0},
        {"folders.class_level": 2, "folders.patient_level": 1},
        {"folders.class_level": 1, "folders.patient_level": 2},
    ]
    assert "classes glioma 12, meningioma 12, normal 12; berlin" in caught.value.readings[0].text
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("levels", "classes", "people", "facts"),
    [
        ((2, 0), {"glioma", "meningioma", "normal"}, {""}, {"berlin", "lyon", "oslo"}),
        ((2, 1), {"glioma", "meningioma", "normal"}, {"berlin", "lyon", "oslo"}, None),
        ((1, 2), {"berlin", "lyon", "oslo"}, {"glioma", "meningioma", "normal"}, {""}),
    ],
)
def test_the_params_decide(
    tmp_path: Path,
    levels: tuple[int, int],
    classes: set[str],
    people: set[str],
    facts: set[str] | None,
) -> None:
    params = with_params(folders={"class_level": levels[0], "patient_level": levels[1]})
    found = read(tmp_path, SITES, params=params).items
    assert set(labels(found)) == classes
    assert patients(found) == people
    assert facts is None or {item.facts.get("institution", "") for item in found} == facts


@pytest.mark.parametrize(
    "tree",
    [
        names(("cat", "dog"), ("foo", "bar"), range(3)),
        names(("cat", "dog"), range(3), range(3)),
        names((8863, 8864, 9001), (0, 1), range(3)),
        names(("anna", "bob", "carl", "dora", "emil", "fred"), ("tumour", "normal"), range(3)),
    ],
)
def test_what_is_open_is_refused(tmp_path: Path, tree: list[str]) -> None:
    with pytest.raises(AmbiguousLayout, match=r"folders\.class_level=2"):
        read(tmp_path, tree)


@pytest.mark.parametrize("people", [[f"P{at}" for at in range(4)], range(8863, 8870)])
def test_patients_above_the_classes(tmp_path: Path, people: Iterable[object]) -> None:
    found = read(tmp_path, names(people, (0, 1), range(2))).items
    assert set(labels(found)) == {"0", "1"}
    assert patients(found) == {str(one) for one in people}


def test_patients_and_visits_above_the_classes(tmp_path: Path) -> None:
    tree = [
        f"sub-{at}/ses-{visit}/{'AD' if at % 2 else 'CN'}/1.png"
        for at, visit in product(range(4), range(2))
    ]
    found = read(tmp_path, tree).items
    assert labels(found) == {"AD": 4, "CN": 4}
    assert patients(found) == {f"sub-{at}" for at in range(4)}


def test_subjects_are_never_classes(tmp_path: Path) -> None:
    tree = [f"sub-{at}/ses-{visit}/anat/x.png" for at, visit in product(range(3), range(2))]
    with pytest.raises(InputError, match=r"sub-0, sub-1, sub-2 are patients.*in a table"):
        read(tmp_path, tree)


def test_visits_are_no_patients_below_and_above_them(tmp_path: Path) -> None:
    below = [f"{c}/sub-{c}{at}/ses-1/anat/x.png" for c, at in product(("AD", "CN"), range(2))]
    assert patients(read(tmp_path / "a", below).items) == {
        "sub-AD0",
        "sub-AD1",
        "sub-CN0",
        "sub-CN1",
    }
    above = [f"{c}/baseline/{c}{at}/x.png" for c, at in product(("AD", "CN"), range(2))]
    assert patients(read(tmp_path / "b", above).items) == {"AD0", "AD1", "CN0", "CN1"}


@pytest.mark.parametrize("codes", ["TN", ("CT", "PD"), ("MR", "N")])
def test_patients_may_be_called_like_contrasts(tmp_path: Path, codes: Iterable[str]) -> None:
    one, other = codes
    tree = [f"tumour/{one}{at}/1.png" for at in range(1, 4)]
    tree += [f"normal/{other}{at}/1.png" for at in range(1, 4)]
    tree += [f"normal/{other}/1.png", f"tumour/{one}/1.png"]
    assert len(patients(read(tmp_path, tree).items)) == 8


def test_contrasts_and_magnifications_are_no_patients(tmp_path: Path) -> None:
    found = read(tmp_path, names(("yes", "no"), ("T1-weighted", "T2 FLAIR"), range(2))).items
    assert patients(found) == {""}
    assert {item.facts["contrast"] for item in found} == {"T1-weighted", "T2 FLAIR"}


def test_contrasts_above_the_classes(tmp_path: Path) -> None:
    found = read(tmp_path, names(("T1", "T2"), ("yes", "no"), range(2))).items
    assert labels(found) == YES_NO
    assert {item.facts["contrast"] for item in found} == {"T1", "T2"}


def test_the_patients_level_is_the_one_that_differs(tmp_path: Path) -> None:
    kinds = {
        "benign": ("adenosis", "fibroadenoma"),
        "malignant": ("ductal_carcinoma", "x_carcinoma"),
    }
    tree = [
        f"breast/{label}/SOB/{kind}/SOB_{kind[0]}-{at}/{zoom}X/1.png"
        for label, several in kinds.items()
        for kind, at, zoom in product(several, range(3), (40, 100))
    ]
    found = read(tmp_path, tree).items
    assert labels(found) == {"benign": 12, "malignant": 12}
    assert len(patients(found)) == 12


def test_a_folder_all_classes_share_is_no_patient(tmp_path: Path) -> None:
    assert patients(read(tmp_path, names(("yes", "no"), ("all",), range(2))).items) == {""}
    doubled = ["yes/yes/1.png", "no/no/1.png"]
    assert patients(read(tmp_path / "b", doubled).items) == {""}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("yes", "Yes"),
        ("yes", "yes "),
        ("no  tumour", "no tumour"),
        ("1", "1.0"),
        (unicodedata.normalize("NFC", "gliöm"), unicodedata.normalize("NFD", "gliöm")),
    ],
)
def test_one_class_in_two_spellings_is_one_line(tmp_path: Path, one: str, other: str) -> None:
    tree = [f"train/{one}/1.png", "train/x/1.png", f"test/{other}/1.png", "test/x/1.png"]
    with pytest.raises(InputError, match=r"one class in several spellings.*labels: \{") as caught:
        read(tmp_path, tree)
    assert "\n" not in str(caught.value)
    joined = with_params(classification={"labels": {other: one}})
    assert len(read(tmp_path, tree, params=joined).items) == 4


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("grade 1", "grade 2"), ("no_x", "no x")])
def test_other_names_are_other_classes(tmp_path: Path, one: str, other: str) -> None:
    assert labels(read(tmp_path, [f"{one}/1.png", f"{other}/1.png"]).items) == {one: 1, other: 1}


# -- images with masks -------------------------------------------------------------


def masked(*levels: Iterable[object]) -> list[str]:
    images = names(*levels)
    return images + [name.replace(".png", "_mask.png") for name in images]


def test_kinds_of_tumour_are_no_patients(tmp_path: Path) -> None:
    tree = [f"{kind}/BraTS_{kind}_{at}/1" for kind, at in product(("HGG", "LGG"), range(3))]
    found = read(
        tmp_path, [f"{one}{end}.png" for one in tree for end in ("", "_mask")], "segmentation"
    )
    assert len(patients(found.items)) == 6


def test_folds_of_images_with_masks(tmp_path: Path) -> None:
    tree = [one for at in range(2) for one in masked([f"fold{at}"], [f"p{at}", f"q{at}"], range(2))]
    found = read(tmp_path, tree, "segmentation").items
    assert {item.source_split for item in found} == {"fold1", "fold2"}
    assert patients(found) == {"p0", "q0", "p1", "q1"}


def test_a_level_that_may_be_the_patients_is_refused(tmp_path: Path) -> None:
    tree = [
        one
        for site in ("berlin", "lyon")
        for one in masked([site], [f"{site[0]}{at}" for at in range(3)], [1])
    ]
    with pytest.raises(AmbiguousLayout) as caught:
        read(tmp_path, tree, "segmentation")
    assert [one.params for one in caught.value.readings] == [
        {"folders.patient_level": 2},
        {"folders.patient_level": 1},
    ]
    told = with_params(folders={"patient_level": 2})
    assert len(patients(read(tmp_path, tree, "segmentation", told).items)) == 6
    told = with_params(folders={"patient_level": 0})
    assert patients(read(tmp_path, tree, "segmentation", told).items) == {""}


def test_a_folder_without_parts_beside_classes_with_parts_is_left_out(tmp_path: Path) -> None:
    parts = names(("yes", "no"), ("train", "test"), range(2))
    found = read(tmp_path, [*parts, "pred/0.png", "pred/1.png"])
    assert set(labels(found.items)) == {"yes", "no"}
    assert reasons(found) == {"pred/ has no parts as the folders beside it have": 2}
