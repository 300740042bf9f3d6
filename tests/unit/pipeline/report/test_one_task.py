"""A study of one task: nothing is said of the other, and nothing of it is missed."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.pipeline.report.claim import answers, claim
from scanvote.pipeline.report.data_card import data_card
from scanvote.pipeline.report.page import page
from scanvote.pipeline.report.report_data import read_report_data
from tests.unit.pipeline.report.conftest import Finished
from tests.unit.pipeline.report.reading import Page

Make = Callable[..., Path]
OTHER = {
    "classification": r"segmentation|u-?net|dice|empty masks|outline|lgg_mri",
    "segmentation": r"classif|\bvotes?\b|macro f1|auroc|ensemble|transfer|brain_tumor_yes_no"
    r"|cross entropy|two classes|by class",
}
"""What only the other task has, in the texts of a task alone."""
SECTIONS = {
    "classification": ["classification", "errors", "explanations"],
    "segmentation": ["segmentation", "errors"],
}


@pytest.mark.parametrize("task", OTHER)
def test_one_task_alone_says_nothing_of_the_other(
    make: Make, finished: Finished, task: str
) -> None:
    root = make(tasks=[task])
    data = read_report_data(root)
    found, checklist = Page(page(data)), claim(data)
    other = next(one for one in OTHER if one != task)
    # the settings, the one file of the package, and the publishers' words
    allowed = (
        f"{other}.dataset",
        f"metrics/package/{other}.csv",
        "To classify, a slice",
    )
    for text in (found.text, checklist.partition("## Title and abstract")[2]):
        for words in allowed:
            text = text.replace(words, "")
        assert re.findall(rf".{{30}}(?:{OTHER[task]}).{{30}}", text, re.IGNORECASE) == []
        assert "phantom" not in text
    names = [one["id"] for one in found.of("section")]
    assert names == [
        *("answer", "data", "splits", "models", *SECTIONS[task], "package", "limits", "reproduce")
    ]
    assert found.text.count("not reported") <= finished.page.text.count("not reported")
    before = answers(finished.data)
    for number, answer in answers(data).items():
        assert ("not reported" in answer) <= ("not reported" in before[number]), number
    assert f"{other}.dataset null" in found.text, "the settings tell that it is left out"
    with pytest.raises(InputError, match=f"{other}.dataset is null"):
        data_card(other, data.params, root)  # type: ignore[arg-type]
    assert data_card(task, data.params, root).startswith(f"# Data card: {task}")  # type: ignore[arg-type]
