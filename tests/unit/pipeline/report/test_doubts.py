"""What is doubtful stands first, and nothing is claimed that the figures do not carry."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from scanvote.core.metrics_file import read_metrics, write_metrics
from scanvote.pipeline.report.claim import answers, claim
from scanvote.pipeline.report.limits import limitations
from scanvote.pipeline.report.page import page
from scanvote.pipeline.report.report_data import read_report_data
from tests.unit.pipeline.report.conftest import Finished
from tests.unit.pipeline.report.making import change_performance
from tests.unit.pipeline.report.reading import Page

Make = Callable[..., Path]


def opening(root: Path) -> str:
    text = Page(page(read_report_data(root))).text
    return text.rpartition("this page The question and the answer ")[2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"only_class": "glioma", "against_frequent": "no difference shown"},
            "The vote names glioma for every test scan: it distinguishes nothing. The vote",
        ),
        (
            {"against_frequent": "no difference shown"},
            "The vote's accuracy is not shown to be better than that of always naming glioma",
        ),
        ({"against_frequent": "worse"}, "The vote's accuracy is worse than that of always naming"),
        ({"against_frequent": "better"}, "On scans that were used neither in training nor"),
    ],
)
def test_the_first_sentence_is_the_worst(
    make: Make, changes: dict[str, object], words: str
) -> None:
    root = make()
    change_performance(root, "classification", **changes)
    assert opening(root).startswith(words)
    told = answers(read_report_data(root))[37]
    assert ("The vote" in words) == told.startswith(words), "the checklist says the same"


def test_masks_that_beat_nothing_are_doubted_first(make: Make) -> None:
    root = make()
    change_performance(root, "segmentation", against_baseline="worse")
    assert opening(root).startswith("The U-Net's mean Dice is worse than that of the baseline")


def test_a_probe_that_beats_the_vote_stands_beside_it(make: Make) -> None:
    root = make()
    path = root / "metrics/inflation/classification/table.csv"
    table = pd.read_csv(path)
    table.assign(macro_f1=0.999, macro_f1_low=0.99, macro_f1_high=1.0).to_csv(path, index=False)
    told = (
        "A linear probe, a logistic regression on the pixels, has a macro F1 of 0.999"
        " (0.990–1.000), more than the vote. It was tested on 60 scans in cross-validation, the"
        " vote on its 180 test scans: the two are not compared on the same scans."
    )
    data = read_report_data(root)
    assert told in opening(root).partition("On scans that were used")[0]
    assert told in answers(data)[37]


def test_a_probe_below_the_vote_is_not_said_beside_it(finished: Finished) -> None:
    assert "A linear probe" not in finished.page.text


def few(root: Path, task: str, count: str, size: int) -> None:
    """As `evaluate` leaves a test of too few: figures without intervals and p values."""
    path = root / "metrics/evaluate" / task
    figures = {
        key: value
        for key, value in read_metrics(path.with_suffix(".csv")).items()
        if not key.endswith(("_low", "_high", "_p"))
    }
    write_metrics(path.with_suffix(".json"), figures | {count: size}, {})
    for name in ("comparisons", "subgroups", "classes", "members"):
        if (table := path / f"{name}.csv").is_file():
            frame = pd.read_csv(table)
            ends = [one for one in frame if one.endswith(("low", "high")) or one in ("p", "p_holm")]
            frame.assign(**dict.fromkeys(ends)).to_csv(table, index=False)


def test_one_patient_carries_no_interval_no_test_and_no_verdict(make: Make) -> None:
    root = make()
    few(root, "segmentation", "test_patients", 1)
    few(root, "classification", "test_groups", 4)
    dice = {"value": 0.111, "groups": 1}
    change_performance(
        root,
        "segmentation",
        patients=1,
        dice=dice,
        against_baseline="too few groups",
        against_empty="too few groups",
    )
    metrics = {key: {"value": 0.5, "groups": 4} for key in ("accuracy", "macro_f1", "auroc")}
    change_performance(
        root, "classification", groups=4, against_frequent="too few groups", **metrics
    )
    data = read_report_data(root)
    html = page(data)
    results = "".join(
        re.findall(r'<section id="(?:answer|classification|segmentation)".*?</section>', html, re.S)
    )
    text = Page(results).text
    assert "0.111 (1 patient: no interval can be given)" in text
    assert "1 patient: no interval can be given. The difference is paired." in text
    assert not re.search(r"\(−?\d\.\d{3}(–| to )", text), "an interval"
    assert not re.search(r"\bp [=<]|McNemar|DeLong|Wilcoxon", text), "a test"
    assert not re.search(r"(vote|U-Net|Dice|accuracy) is (better|worse|neither)", text), "a verdict"
    told = answers(data)
    assert "4 groups: no interval can be given, and nothing is tested" in told[29]
    assert "1 patient: no interval can be given, and nothing is tested" in told[29]
    assert "BCa" not in told[29]
    said = " ".join(limitations(data))
    assert "The test split of the segmentation has 1 patient: no interval can be given" in said
    assert "wide" not in said
    assert "undefined" not in claim(data)


def test_post_processing_is_told_apart(finished: Finished) -> None:
    text = finished.page.text
    assert "0.600 Dice, before post-processing" in text
    assert "a Dice of 0.600 before post-processing and of 0.650 after it" in text
    assert "The U-Net after post-processing, a baseline without learning" in text
