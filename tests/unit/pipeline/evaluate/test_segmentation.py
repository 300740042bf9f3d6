"""Which patients the picture of masks shows, and the test of their differences."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.pipeline.evaluate.segmentation import _test_rows, examples, wilcoxon


def tables(dice: dict[str, float], well: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three slices a patient, the second with the largest tumour; no tumour in those of `well`."""
    rows = [
        {"patient": name, "scan_id": f"{name}{at}", "truth": 0 if name in well else area, "dice": d}
        for name, d in dice.items()
        for at, area in enumerate((4, 9, 2))
    ]
    slices = pd.DataFrame(rows)
    patients = slices.groupby("patient", as_index=False).agg({"truth": "sum", "dice": "first"})
    return slices, patients


def test_the_best_the_median_and_the_worst_by_their_largest_tumours() -> None:
    found = examples(*tables({"a": 0.2, "b": 0.9, "c": 0.6, "d": 0.7, "e": 0.1}), columns=2)
    assert found["place"].tolist() == ["best", "best", "median", "median", "worst", "worst"]
    assert found["scan_id"].tolist() == ["b0", "b1", "c0", "c1", "e0", "e1"]


@pytest.mark.parametrize(
    ("well", "shown"),
    [
        ("b", ["d", "c", "e"]),
        ("abcde", ["b", "a", "e"]),
        ("abcd", ["e"]),
    ],
    ids=["there are others", "nobody is ill", "one is ill"],
)
def test_two_empty_masks_stand_back_where_there_are_others(well: str, shown: list[str]) -> None:
    dice = {"a": 0.6, "b": 1.0, "c": 0.6, "d": 0.7, "e": 0.1}
    found = examples(*tables(dice, well), columns=1)
    assert set(found["patient"]) == set(shown)


def test_the_signed_ranks_by_hand() -> None:
    """Of 2⁵ signs two are as extreme, or, with rank 1 against the others, four."""
    assert wilcoxon(np.array([0.1, 0.2, 0.3, 0.4, 0.5])) == pytest.approx(2 / 32)
    assert wilcoxon(np.array([-0.1, 0.2, 0.3, 0.4, 0.5])) == pytest.approx(4 / 32)


def test_patients_without_a_difference_tell_of_none() -> None:
    assert wilcoxon(np.zeros(5)) == 1
    apart = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    assert wilcoxon(apart) <= wilcoxon(np.append(apart, [0, 0, 0])) < 0.2
    assert wilcoxon(np.append(-apart, 0)) == pytest.approx(wilcoxon(np.append(apart, 0)))


@pytest.mark.parametrize("table", ["scan_id,split,truth\na,train,\n", "scan_id,split\na,test\n"])
def test_a_table_without_test_masks_is_one_line(table: str, tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_text(table)
    with pytest.raises(InputError, match="has no masks of the test split"):
        _test_rows(tmp_path)
