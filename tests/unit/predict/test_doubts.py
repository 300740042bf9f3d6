"""Doubts in words: of the model, of a vote that contradicts itself, of an outline."""

import pytest

from scanvote.metrics.performance import Estimate, Verdict
from scanvote.params import Task
from scanvote.pipeline.package import ModelMetadata
from scanvote.predict.doubts import different, doubts, is_too_large
from scanvote.predict.quality import (
    class_doubts,
    main_metrics,
    mask_doubts,
    model_doubts,
    quality,
)
from scanvote.predict.schema import (
    MaskFinding,
    MemberVote,
    OodScore,
    OperatingPoint,
    ScanPrediction,
)
from tests.asking import finding, of_two_classes
from tests.serving import LABELS, MEMBERS, alone, constant, contents

TASKS: tuple[Task, Task] = ("classification", "segmentation")
NEAR = OodScore(distance=0.5, outside=False)


def performing(**values: object) -> ModelMetadata:
    """Contents whose vote and masks have this performance."""
    whole = contents()
    parts = {}
    for name in ("classifiers", "segmenters"):
        part = getattr(whole, name)
        known = {key: one for key, one in values.items() if hasattr(part.performance, key)}
        performance = part.performance.model_copy(update=known)
        parts[name] = part.model_copy(update={"performance": performance})
    return whole.model_copy(update=parts)


def of_two(sick: float, threshold: float, vote: str) -> tuple[ScanPrediction, ModelMetadata]:
    said = {"healthy": round(1 - sick, 6), "sick": sick}
    point = OperatingPoint(positive="sick", threshold=threshold, called=sick >= threshold)
    members = [MemberVote(model=name, vote=vote, probabilities=said) for name in MEMBERS]
    values = {"probabilities": said, "members": members, "operating": point, "mask": None}
    return finding(vote=vote, **values), of_two_classes(threshold)


def test_a_class_that_is_called_against_the_vote_is_told_with_its_threshold() -> None:
    assert doubts(*of_two(0.31, 0.3, "healthy")) == [
        "The vote says healthy, but sick is called: its probability 0.31 reaches the threshold"
        " 0.30, which was chosen to miss at most 5 % of sick.",
    ]
    (first, *_) = doubts(*of_two(0.8, 0.9, "sick"))
    assert first.startswith("The vote says sick, but sick is not called: its probability 0.80 is b")
    assert doubts(*of_two(0.2, 0.3, "healthy")) == []
    assert doubts(*of_two(0.7, 0.3, "sick")) == []


def test_a_vote_against_the_mean_is_told_with_both_numbers() -> None:
    (first, *_) = doubts(*of_two(0.45, 0.9, "sick"))
    said = "3 of 3 members vote sick, though on average healthy is likelier (0.55 against 0.45)."
    assert first == said
    (tie, *_) = doubts(*of_two(0.5, 0.9, "sick"))
    assert "likelier" not in tie


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (0.4, 0.3, ("0.40", "0.30")),
        (0.3001, 0.2999, ("0.3001", "0.2999")),
        (0.3, 0.3, ("0.30",) * 2),
    ],
)
def test_numbers_that_differ_look_different(one: float, other: float, words: object) -> None:
    assert different(one, other) == words


@pytest.mark.parametrize(
    ("share", "largest", "too_large"),
    [
        (0.12, 0.1, False),  # larger than all of the training, as the next patient's may be
        (0.16, 0.1, True),
        (0.45, 0.4, False),
        (0.55, 0.4, True),  # most of the picture, and more than any of the training
        (0.6, 0.65, False),  # lungs
        (0.7, 0.65, True),
        (0.0, 0.0, False),
    ],
)
def test_an_outline_is_judged_by_those_of_the_training(
    share: float, largest: float, too_large: bool
) -> None:
    assert is_too_large(share, largest) == too_large


def test_an_outline_that_covers_most_of_the_picture_is_doubted_in_words() -> None:
    mask = MaskFinding(area_pixels=9, area_mm2=None, share=0.83, too_large=True, familiarity=NEAR)
    (doubt,) = doubts(finding(mask=mask), contents())
    place = "head" if contents().segmenters.prepare.crop else "picture"
    assert doubt == (
        f"The outline is doubtful: it covers 83 % of the {place}, and no mask of the training more"
        " than 10 %."
    )


def test_a_vote_that_names_one_class_is_doubted_in_every_answer() -> None:
    told = "The vote named glioma for all of 172 test scans: it does not tell the classes apart."
    assert model_doubts(constant()) == quality(constant())[:1] == [told]
    assert model_doubts(contents()) == []
    assert doubts(finding(), constant()) == [], "it is said of the model"


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("worse", "was worse than"),
        ("no difference shown", "was not shown to be better than"),
        ("too few groups", "too small to show that"),
    ],
)
def test_what_is_no_better_than_something_simpler_is_doubted(verdict: Verdict, words: str) -> None:
    poor = performing(against_frequent=verdict, against_baseline=verdict)
    (of_class,), (of_mask,) = class_doubts(poor), mask_doubts(poor)
    assert words in of_class
    assert f"naming {LABELS[0]}, the most frequent class (accuracy 0.92 against 0.40)." in of_class
    assert words in of_mask
    assert "the baseline without learning (Dice 0.81 against 0.42)." in of_mask
    assert quality(poor)[:2] == [of_class, of_mask]


def test_how_well_it_was_tested_is_a_line_for_each_task() -> None:
    both = [line for task in TASKS for line in main_metrics(alone(task))]
    assert main_metrics(contents()) == both
    (line, _) = main_metrics(performing(scans_patient_known=3, accuracy=Estimate(value=0.5)))
    said = "Class: tested on 172 scans of 110 groups: accuracy 0.50 (too few for an interval)"
    assert line.startswith(said)


def test_class_and_outline_that_contradict_each_other_are_told() -> None:
    empty = finding().mask.model_copy(update={"area_pixels": 0})
    assert doubts(finding(mask=empty), contents()) == ["The vote says glioma, yet none is marked."]
    said = dict.fromkeys(LABELS, 0.05) | {"no_tumor": 0.85}
    none = {"vote": "no_tumor", "probabilities": said}
    told = ["The vote says no tumor, yet a tumour is marked."]
    assert doubts(finding(**none), contents()) == told
    assert doubts(finding(**none, mask=empty), contents()) == []
