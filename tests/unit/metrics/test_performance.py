"""What a model says of itself, the doubts first."""

import json
from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.metrics.performance import (
    ClassificationPerformance,
    Estimate,
    SegmentationPerformance,
    Verdict,
    read_performance,
    write_performance,
)

GOOD = Estimate(value=0.9166, low=0.8612, high=0.9617, groups=110)


def vote(against: Verdict = "better", **fields: object) -> ClassificationPerformance:
    return ClassificationPerformance.model_validate(
        {
            "scans": 172,
            "groups": 110,
            "scans_patient_known": 172,
            "accuracy": GOOD,
            "macro_f1": GOOD,
            "auroc": Estimate(value=0.8, groups=3),
            "frequent_class": "glioma",
            "frequent_accuracy": 0.3546,
            "against_frequent": against,
            **fields,
        }
    )


def masks(baseline: Verdict, empty: Verdict = "better") -> SegmentationPerformance:
    return SegmentationPerformance(
        patients=7,
        slices=56,
        slices_patient_known=56,
        dice=Estimate(value=0.5, low=0.4, high=0.6, groups=7),
        baseline_dice=0.4567,
        against_baseline=baseline,
        empty_dice=0.0,
        against_empty=empty,
    )


def test_a_good_vote_begins_with_its_figures() -> None:
    assert vote().sentences() == [
        "On 172 test scans of 110 groups (172 with a known patient): accuracy 0.917"
        " (95 % interval 0.861–0.962), macro F1 0.917 (95 % interval 0.861–0.962), AUROC 0.800"
        " (3 groups: no interval can be given).",
        "The vote's accuracy is better than that of always naming glioma, the most frequent class"
        " (0.355).",
    ]


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("worse", "is worse than that of always naming glioma"),
        ("no difference shown", "is not shown to be better than that of always naming glioma"),
        ("too few groups", "cannot be compared with that of always naming glioma"),
    ],
)
def test_a_doubtful_vote_begins_with_the_doubt(verdict: Verdict, words: str) -> None:
    first, figures = vote(verdict).sentences()
    assert words in first
    assert figures.startswith("On 172 test scans")


@pytest.mark.parametrize("verdict", ["better", "worse"])
def test_a_class_that_the_test_lacks_is_said_before_all(verdict: Verdict) -> None:
    said = vote(verdict, absent=["c", "d"], classes=5).sentences()
    assert said[0] == (
        "The test has no scan of c, d: macro F1 and balanced accuracy are of the other 3 of 5"
        " classes, and the AUROC of all is undefined."
    )
    assert len(said) == 3


def test_a_vote_that_names_one_class_says_so_before_all() -> None:
    said = vote("no difference shown", only_class="glioma").sentences()
    assert said[0] == "The vote names glioma for every test scan: it distinguishes nothing."


def test_of_two_classes_the_one_not_to_miss_is_named() -> None:
    said = vote(positive="cancer", threshold=0.31, sensitivity=GOOD, specificity=GOOD).sentences()
    assert said[1].startswith(
        "cancer is the class not to be missed. Called cancer from a probability of 0.310 on:"
        " sensitivity 0.917 (95 %"
    )


def test_masks_begin_with_what_they_do_not_beat() -> None:
    assert masks("better").sentences()[0].startswith("On 56 slices of 7 test patients")
    first, second, *_ = masks("no difference shown", "worse").sentences()
    assert first == "The U-Net's mean Dice is worse than that of masks that mark nothing (0.000)."
    assert second.startswith(
        "The U-Net's mean Dice is not shown to be better than that of the baseline without"
        " learning (0.457)"
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    for task, one in (("classification", vote()), ("segmentation", masks("worse"))):
        write_performance(one, tmp_path)
        assert read_performance(task, tmp_path) == one  # type: ignore[arg-type]
    assert json.loads((tmp_path / "performance.json").read_text())["dice"]["high"] == 0.6


@pytest.mark.parametrize("text", ["{", "[]", '{"scans": 1}'])
def test_another_file_is_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"performance\.json is missing; run `dvc repro evaluate@"):
        read_performance("classification", tmp_path)
    (tmp_path / "performance.json").write_text(text)
    with pytest.raises(InputError, match="is no performance of a model"):
        read_performance("classification", tmp_path)
