"""The card of a package says what its test may claim about patients."""

import json
from pathlib import Path

import pytest

from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.package.metadata import (
    NAME,
    ModelMetadata,
    Patients,
    read_metadata,
    write_metadata,
)
from scanvote.pipeline.package.model_card import card
from tests.serving import LABELS, contents

VOTE = Vote("soft", tuple(LABELS), ("a",), (1.0,))
DISJOINT = "Patient-disjoint: the patient of every scan is known, and nobody is on two sides."
UNKNOWN = "Patients unknown for 1 of 3 test scans: look-alikes are kept together."


def claiming(classification: str, segmentation: str) -> ModelMetadata:
    claims = Patients(classification=classification, segmentation=segmentation)
    return contents().model_copy(update={"patients": claims})


@pytest.mark.parametrize(("one", "other"), [(DISJOINT, UNKNOWN), (UNKNOWN, DISJOINT)])
def test_each_task_has_its_claim(one: str, other: str) -> None:
    tested = card(claiming(one, other), VOTE).split("## Test data")[1]
    assert f"- the class: {one}\n- the mask: {other}\n" in tested


def test_it_says_first_what_it_is_for() -> None:
    sections = card(contents(), VOTE).split("## ")
    assert sections[1].startswith("Intended use")
    assert "not for diagnosis" in sections[1]


def test_a_package_of_before_has_no_record_and_loads(tmp_path: Path) -> None:
    write_metadata(claiming(DISJOINT, UNKNOWN), tmp_path)
    path = tmp_path / NAME
    values = json.loads(path.read_text(encoding="utf-8"))
    del values["patients"]
    path.write_text(json.dumps(values), encoding="utf-8")
    found = read_metadata(tmp_path)
    assert found.patients == Patients(classification="not recorded", segmentation="not recorded")
    assert "the class: whether patients of the test are in the training, too, is not recorded" in (
        card(found, VOTE)
    )
