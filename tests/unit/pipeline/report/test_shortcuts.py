"""The part on shortcuts and the classes with the finding: worded from the numbers."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from scanvote.pipeline.report.page import page
from scanvote.pipeline.report.report_data import read_report_data
from tests.unit.pipeline.report.conftest import Finished
from tests.unit.pipeline.report.reading import Page

Make = Callable[..., Path]
TABLE = "metrics/inflation/classification/shortcuts.csv"


def text_of(root: Path) -> str:
    return Page(page(read_report_data(root))).text


def test_a_shortcut_above_chance_is_named_with_its_class(finished: Finished) -> None:
    text = finished.page.text
    assert (
        "predicts the class with a balanced accuracy of 0.800 (0.750–0.840); chance is 0.33" in text
    )
    assert "The border of the scan alone predicts the class no tumor best" in text
    assert "a sensitivity of 0.900 (0.850–0.940)" in text
    assert "predict whether the origin of a scan is known with a balanced accuracy of 0.800" in text
    assert text.count("may rest on where a scan comes from") == 2, "once in the limits"


def test_a_set_at_chance_has_no_shortcut_and_no_limit_of_it(make: Make) -> None:
    root = make()
    table = pd.read_csv(root / TABLE)
    table["balanced_accuracy_low"] = table["chance_balanced_accuracy"] - 0.01
    table.to_csv(root / TABLE, index=False)
    text = text_of(root)
    assert "no shortcut of this kind was shown" in text
    assert "may rest on where a scan comes from" not in text
    assert "The border of the scan alone predicts" not in text


def test_without_the_probes_there_is_no_such_part(make: Make) -> None:
    text = text_of(make(without=[TABLE]))
    assert "size, border and intensities alone" not in text.lower()


def test_classes_with_the_finding_stand_beside_all(finished: Finished) -> None:
    text = finished.page.text
    assert "macro F1, classes with the finding" in text
    assert "Classes with the finding: glioma and pituitary." in text
    assert "Over the classes other than no tumor alone the vote has a macro F1 of" in text


def test_two_classes_have_none_alone(make: Make) -> None:
    assert "with the finding" not in text_of(make(labels=("no", "yes")))
