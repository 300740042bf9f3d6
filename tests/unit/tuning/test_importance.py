"""Shares of a variance that can be told by hand."""

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scanvote.tuning.importance import eta_squared, varied_hyperparameters
from scanvote.tuning.trials import trials_table

DEPTHS, WIDTHS = [0, 1, 2], [4, 8]


def table(**scores: Any) -> pd.DataFrame:
    """A whole grid, with the named columns behind it."""
    rows = list(itertools.product(DEPTHS, WIDTHS))
    frame = pd.DataFrame(rows, columns=["depth", "width"])
    frame.insert(0, "rank", range(1, len(rows) + 1))
    frame.insert(1, "trial", [f"t{number}" for number in range(len(rows))])
    return frame.assign(pooling="max", epochs=9, parameters=range(6), **scores)


def test_choices_are_what_was_varied() -> None:
    assert varied_hyperparameters(table(score=0.5)) == ["depth", "width"]


def test_epochs_are_a_choice_where_they_differ() -> None:
    assert varied_hyperparameters(table().assign(epochs=[3, 3, 9, 9, 9, 9])) == [
        "depth",
        "width",
        "epochs",
    ]


def test_what_a_trial_did_not_ask_for_is_no_value() -> None:
    frame = table()
    frame["width"] = np.where(frame["depth"] == 0, np.nan, 4)
    assert varied_hyperparameters(frame) == ["depth"]


def test_a_score_of_the_depth_alone_is_explained_by_it() -> None:
    frame = table()
    frame["score"] = frame["depth"] ** 2
    assert eta_squared(frame, "depth", "score") == pytest.approx(1)
    assert eta_squared(frame, "width", "score") == pytest.approx(0)


def test_shares_of_a_sum_are_those_of_its_terms() -> None:
    frame = table()
    frame["score"] = frame["depth"] + frame["width"]
    of_depth, of_width = np.var([0, 1, 2]), np.var([4, 8])
    assert eta_squared(frame, "depth", "score") == pytest.approx(of_depth / (of_depth + of_width))
    assert eta_squared(frame, "width", "score") == pytest.approx(of_width / (of_depth + of_width))


def test_what_only_two_together_decide_is_explained_by_neither() -> None:
    frame = table()
    frame["score"] = (frame["depth"] - 1) * (frame["width"] - 6)
    assert eta_squared(frame, "depth", "score") == pytest.approx(0)
    assert eta_squared(frame, "width", "score") == pytest.approx(0)


@pytest.mark.parametrize("unit", [1e-3, 1, 1e3])
def test_a_share_has_no_unit(unit: float) -> None:
    frame = table(score=[1, 4, 2, 2, 5, 3])
    plain = eta_squared(frame, "depth", "score")
    assert 0 < plain < 1
    frame["score"] = frame["score"] * unit + 7
    assert eta_squared(frame, "depth", "score") == pytest.approx(plain)


def test_failed_trials_count_for_nothing() -> None:
    frame = table(score=[1, 4, 2, 2, 5, 3])
    failed = frame.head(2).assign(score=np.nan, depth=7)
    both = pd.concat([frame, failed], ignore_index=True)
    assert eta_squared(both, "depth", "score") == eta_squared(frame, "depth", "score")


def test_equal_scores_are_explained_by_nothing() -> None:
    assert eta_squared(table(score=0.5), "depth", "score") == 0


@pytest.mark.parametrize("trained", [0, 1, 3])
def test_values_trained_once_each_explain_neither_themselves_nor_anything(trained: int) -> None:
    """The failed trials tried the same values again."""
    frame = table(score=[*range(trained), *[np.nan] * (6 - trained)])
    frame["depth"] = [0, 1, 2, 0, 1, 2]
    assert np.isnan(eta_squared(frame, "depth", "score"))


def test_words_are_values_like_any() -> None:
    frame = table(score=[1.0, 2, 1, 2, 1, 2])
    frame["width"] = frame["width"].map({4: "average", 8: "max"})
    assert eta_squared(frame, "width", "score") == pytest.approx(1)


def trial(name: str, **values: int) -> Any:
    best = {"val_loss": 0.5, "val_accuracy": 0.5, "val_macro_f1": 0.5}
    trained = SimpleNamespace(parameters=9, best=best, history=[best])
    spec = SimpleNamespace(cache_dir=Path("0123"))
    return SimpleNamespace(
        name=name, hyperparameters=values, trained=trained, spec=spec, problem=""
    )


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_choices_of_a_trials_table_do_not_depend_on_which_was_best(order: tuple[int]) -> None:
    """The trial without a hidden layer was not asked for a width."""
    trials = [
        trial("a", dense_layers=0, epochs=2),
        trial("b", dense_layers=1, units=4, epochs=2),
        trial("c", dense_layers=1, units=8, epochs=2),
    ]
    frame = trials_table(trials, [trials[place] for place in order])
    assert varied_hyperparameters(frame) == ["dense_layers", "units"]
