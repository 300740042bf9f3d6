"""The card of a package says how good it is, and what its test may claim about patients."""

import pytest

from scanvote.params import Task
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.package.metadata import ModelMetadata
from scanvote.pipeline.package.model_card import card
from tests.serving import DISJOINT, LABELS, alone, constant, contents

VOTE = Vote("soft", tuple(LABELS), ("a",), (1.0,))
UNKNOWN = "Patients unknown for 1 of 3 test scans: look-alikes are kept together."


def claiming(classification: str, segmentation: str) -> ModelMetadata:
    whole = contents()
    parts = {
        "classifiers": whole.classifiers.model_copy(update={"patients": classification}),
        "segmenters": whole.segmenters.model_copy(update={"patients": segmentation}),
    }
    return whole.model_copy(update=parts)


@pytest.mark.parametrize(("one", "other"), [(DISJOINT, UNKNOWN), (UNKNOWN, DISJOINT)])
def test_each_task_has_its_claim(one: str, other: str) -> None:
    tested = card(claiming(one, other), VOTE).split("## How good it is")[1]
    of_class, of_mask = tested.split("The mask:")
    assert (one in of_class, other in of_mask) == (True, True)


def test_it_says_first_what_it_is_for_and_then_how_good_it_is() -> None:
    sections = card(contents(), VOTE).split("## ")
    assert sections[1].startswith("Intended use")
    assert "not for diagnosis" in sections[1]
    assert sections[2].startswith("How good it is")
    for sentence in contents().classifiers.performance.sentences():
        assert sentence in sections[2]


def test_of_a_vote_that_names_one_class_this_is_the_first_that_is_said() -> None:
    section = card(constant(), VOTE).split("The class:")[1]
    assert section.strip().splitlines()[0].startswith("- The vote names glioma for every test scan")


@pytest.mark.parametrize(
    ("task", "absent"),
    [
        ("classification", ("mask", "U-Net", "unet")),
        ("segmentation", ("vote", "members", "for the class", "glioma")),
    ],
)
def test_a_task_that_is_left_out_is_not_mentioned(task: Task, absent: tuple[str, ...]) -> None:
    text = card(alone(task), VOTE if task == "classification" else None)
    assert not [words for words in absent if words in text]
    assert "a distance" not in text
    assert "for it, the distance of the scan" in text
