"""What an error says of the group that swallows a class."""

import pandas as pd
import pytest

from scanvote.splits.groups import Unspread
from scanvote.splits.ties import explained
from tests.manifests import manifest

REASON = "has 1 independent group of scans and needs 3, one for each of train, validation and test"


def told(task: str = "classification", stratum: str = "rare", **columns: list[object]) -> str:
    frame = manifest(4, duplicate_of=[""] * 4, **columns)
    frame["group"] = [0, 0, 0, 1]
    frame["stratum"], frame["kept"] = stratum, True
    words = str(explained(task, frame, Unspread(stratum, REASON, "a", 3, 4)))
    assert "\n" not in words
    assert len(words) <= 400
    return words


def test_one_patient_is_named_with_the_table_that_overrules() -> None:
    words = told(patient=["p", "p", "p", ""])
    assert "3 of 4 scans are one group (patient p of 3 scans):" in words
    assert "name each in data/patients/classification.csv" in words
    assert "classification.labels={rare: null}" in words
    assert "overrule" not in words


@pytest.mark.parametrize(
    ("columns", "tie", "table"),
    [
        ({"relatives": ["r", "r", "r", ""]}, "look-alikes such as a and b", "data/patients/"),
        ({"sha256": ["1", "2", "1", "4"]}, "equal bytes such as a and c", "data/overrule/"),
        ({"case": ["", "m", "m", ""]}, "one case such as b and c", "collect scans of more"),
        ({"series": ["s", "s", "s", ""]}, "one series such as a and b", "collect scans of more"),
    ],
)
def test_what_ties_scans_is_named_with_two_of_them(
    columns: dict[str, list[object]], tie: str, table: str
) -> None:
    words = told(**columns)
    assert tie in words
    assert table in words.lower()


def test_altered_copies_of_two_patients_are_told_from_equal_bytes() -> None:
    frame = manifest(3, patient=["p", "q", "q"], duplicate_of=["", "a", ""])
    words = str(
        explained(
            "classification",
            frame.assign(group=0, stratum="x", kept=True),
            Unspread("x", REASON, "a", 3, 3),
        )
    )
    assert "patient q of 2 scans and 1 more patients, copies such as a and b" in words
    assert "`keep` pairs that are not one image in data/overrule/classification.csv" in words


def test_groups_that_are_the_patients_are_called_so() -> None:
    known = {"patient": ["p", "p", "p", "q"]}
    needs = "and needs 3, one for each of train, validation and test"
    reason = f"has 2 independent groups of scans {needs}"
    frame = manifest(4, duplicate_of=[""] * 4, **known).assign(
        group=[0, 0, 0, 1], stratum="x", kept=True
    )
    words = str(explained("classification", frame, Unspread("x", reason, "a", 3, 4)))
    assert words.startswith(f"class 'x' has 2 patients {needs}; 3 of 4 scans")
    frame = frame.assign(stratum="tumour")
    words = str(explained("segmentation", frame, Unspread("tumour", reason, "a", 3, 4)))
    assert words.startswith(f"slices with tumour come from 2 patients {needs.replace('s 3', ' 3')}")


def test_a_blank_picture_ties_nobody() -> None:
    words = told(sha256=["1", "1", "1", "4"], blank=[True, True, True, False])
    assert "equal bytes" not in words


def test_slices_are_called_by_their_masks() -> None:
    words = told("segmentation", "empty", patient=["p", "p", "p", ""])
    assert words.startswith("slices without tumour come from 1 independent group")
    assert words.endswith("else collect more patients with slices without tumour")


def test_a_class_of_few_scans_has_no_ties() -> None:
    frame = manifest(2, duplicate_of=["", ""]).assign(group=[0, 1], stratum="NA", kept=True)
    words = str(explained("classification", frame, Unspread("NA", "has 2 groups", "a", 1, 2)))
    assert words == (
        "class 'NA' has 2 groups: collect scans of more patients, or leave the class out:"
        " classification.labels={NA: null}"
    )


def test_of_two_classes_none_is_left_out() -> None:
    frame = manifest(2, duplicate_of=["", ""]).assign(group=[0, 1], stratum=["a", "b"], kept=True)
    words = str(explained("classification", frame, Unspread("a", "has 1 group", "a", 1, 1)))
    assert words == "class 'a' has 1 group: collect scans of more patients"


def test_long_names_are_cut_at_the_front() -> None:
    names: list[object] = [f"{'folder/' * 9}{name}" for name in "abcd"]
    frame = pd.DataFrame(manifest(4, scan_id=names, relatives=["r"] * 4, duplicate_of=[""] * 4))
    facts = Unspread("rare", REASON, str(names[0]), 4, 4)
    words = str(
        explained("classification", frame.assign(group=0, stratum="rare", kept=True), facts)
    )
    assert len(words) <= 410
    assert "folder/a and …" in words
