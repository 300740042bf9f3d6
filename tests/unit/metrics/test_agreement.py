"""Who says the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from scanvote.metrics.agreement import agreement, kappa

WORDS = st.lists(st.tuples(*[st.sampled_from("xyz")] * 3), min_size=1, max_size=30)


@given(WORDS)
def test_it_is_symmetric_with_ones_on_the_diagonal(said: list[tuple[str, ...]]) -> None:
    table = agreement(pd.DataFrame(said, columns=["one", "two", "three"]))
    for value in ("kappa", "share"):
        square = table.pivot(index="model", columns="other", values=value).to_numpy()
        assert square.shape == (3, 3)
        np.testing.assert_allclose(square, square.T)
        np.testing.assert_allclose(np.diag(square), 1)
        assert not np.isnan(square).any()
        assert square.max() <= 1


def test_a_table_worked_by_hand() -> None:
    """70 of 100 alike, 0.41 expected of the margins 0.5, 0.3, 0.2 and 0.6, 0.3, 0.1."""
    counts = np.array([[44, 5, 1], [7, 20, 3], [9, 5, 6]])
    one, other = (np.repeat(places.ravel(), counts.ravel()) for places in np.indices((3, 3)))
    assert kappa(one, other) == pytest.approx((0.70 - 0.41) / (1 - 0.41))


@given(WORDS)
def test_it_is_what_scikit_learn_says(said: list[tuple[str, ...]]) -> None:
    one, other, _ = np.array(said).T
    if (one != other).any():
        assert kappa(one, other) == pytest.approx(cohen_kappa_score(one, other))


def test_two_who_know_one_word_agree() -> None:
    assert kappa(np.array(["x"] * 4), np.array(["x"] * 4)) == 1


def test_two_who_know_one_word_each_agree_by_chance_only() -> None:
    assert kappa(np.array(["x"] * 4), np.array(["y"] * 4)) == 0
