"""What of a stage's figures a person sees first, and that none is lost."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.core.metrics_file import HEADLINES, read_headlines, read_metrics, write_metrics

MOST = {"evaluate/classification": 6, "evaluate/segmentation": 5}
ELSEWHERE = 8
FIGURES = {
    "dice": 0.9022,
    "scans": 172,
    "hd95": 1e-07,
    "dice_low": 0.887372,
    "dice_high": 1.0,
    "label_a,b": 3,
    'sensitivity_"x"': 0.5,
    "difference_high": -0.01,
}


@pytest.mark.parametrize("stage", HEADLINES)
def test_a_headline_is_short(stage: str) -> None:
    headline = HEADLINES[stage]
    assert len(headline) <= MOST.get(stage, ELSEWHERE)
    assert len(set(headline.values())) == len(headline), "a figure stands there twice"


def test_no_two_headlines_that_dvc_shows_share_a_key() -> None:
    shown = [key for stage in MOST for key in HEADLINES[stage]]
    assert len(set(shown)) == len(shown), "dvc exp show would put the path before both"


def test_the_headline_is_a_part_and_the_table_is_all(tmp_path: Path) -> None:
    path = tmp_path / "evaluate" / "segmentation.json"
    write_metrics(path, FIGURES, {"mean": "dice", "low": "dice_low", "lesions": "lesions"})
    assert json.loads(path.read_text()) == {"mean": 0.9022, "low": 0.887372}
    assert path.with_suffix(".csv").read_text() == (
        "figure,value,low,high\n"
        "dice,0.9022,0.887372,1.0\n"
        "scans,172,,\n"
        "hd95,1e-07,,\n"
        '"label_a,b",3,,\n'
        '"sensitivity_""x""",0.5,,\n'
        "difference_high,-0.01,,\n"
    )
    assert sorted(one.name for one in path.parent.iterdir()) == [
        "segmentation.csv",
        "segmentation.json",
    ]


def test_every_figure_is_read_back_equal_and_of_its_kind(tmp_path: Path) -> None:
    figures = FIGURES | {"numpy": float(np.float64(1) / 3), "true": True}
    write_metrics(tmp_path / "a.json", figures, {})
    for path in (tmp_path / "a.json", tmp_path / "a.csv"):
        found = read_metrics(path)
        assert found == figures
        assert {name: type(one) for name, one in found.items()} == {
            name: type(one) for name, one in figures.items()
        }


def test_what_is_undefined_is_told_from_what_has_no_interval(tmp_path: Path) -> None:
    figures = {"auroc": math.nan, "auroc_low": math.nan, "auroc_high": math.nan, "mcc": math.nan}
    write_metrics(tmp_path / "a.json", figures, {"auroc": "auroc"})
    assert json.loads((tmp_path / "a.json").read_text()) == {"auroc": None}
    assert (tmp_path / "a.csv").read_text().splitlines()[1:] == ["auroc,nan,nan,nan", "mcc,nan,,"]
    assert read_metrics(tmp_path / "a.csv") == dict.fromkeys(figures)


def test_where_a_stage_has_left_nothing_there_is_no_figure(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "a.json") == {}
    assert read_headlines(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "name,value\nscans,3\n", "figure,value,low,high\na,many,,\n"])
def test_another_table_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text or "figure;value\na;1\n")
    with pytest.raises(InputError, match=r"a\.csv is no table of figure, value, low, high"):
        read_metrics(tmp_path / "a.csv")


def test_the_headlines_of_both_tasks_are_one(tmp_path: Path) -> None:
    for task, count in (("classification", 172), ("segmentation", 7)):
        headline = HEADLINES[f"evaluate/{task}"]
        figures = dict.fromkeys(headline.values(), 0.5) | {"test_scans": 172, "test_patients": 7}
        write_metrics(tmp_path / f"{task}.json", figures, headline)
        assert count in read_headlines(tmp_path).values()
    assert set(read_headlines(tmp_path)) == {key for stage in MOST for key in HEADLINES[stage]}
