"""Who helps the others: the greedy choice, checked by hand and by trying."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.metrics.classification import quick_scores
from scanvote.pipeline.ensemble.candidates import greedy_ensemble_selection

TRUTH = np.arange(30) % 3


def right_in(blocks: range, sure: float = 0.8, unsure: float | None = None) -> np.ndarray:
    """Probabilities of a candidate that is right in these of ten blocks of three scans.

    In the others it names a wrong class, as surely or with the probability `unsure`.
    """
    right = np.isin(np.arange(30) // 3, blocks)
    guess = np.where(right, TRUTH, (TRUTH + 1) % 3)
    most = np.where(right, sure, unsure or sure)[:, None]
    return np.where(np.eye(3)[guess] == 1, most, (1 - most) / 2)


BEST = right_in(range(8), 0.5)
LAST_BLOCK = right_in(range(9, 10), 0.97, unsure=0.36)


@pytest.mark.parametrize("rule", ["majority", "soft", "weighted", "stacking"])
def test_who_knows_what_the_best_does_not_comes_before_who_says_the_same(rule: str) -> None:
    helper = right_in(range(8, 10), 0.9, unsure=0.34)
    assert greedy_ensemble_selection(np.stack([BEST, BEST, helper]), TRUTH, 2, rule) == [0, 2]


def test_members_that_help_the_mean_and_spoil_the_majority() -> None:
    """In all blocks but the last they are wrong, and hardly sure: two outvote the best there."""
    best, fair = right_in(range(9), 0.9), right_in(range(9), 0.5)
    candidates = np.stack([best, fair, LAST_BLOCK, LAST_BLOCK])
    assert greedy_ensemble_selection(candidates, TRUTH, 3, "soft") == [0, 2, 3]
    assert greedy_ensemble_selection(candidates, TRUTH, 3, "majority") == [0, 1, 2]


def test_the_best_comes_first_and_of_equals_the_better_one() -> None:
    assert greedy_ensemble_selection(np.stack([BEST] * 4), TRUTH, 3, "soft") == [0, 1, 2]


def test_cross_entropy_decides_where_the_macro_f1_is_the_same() -> None:
    candidates = np.stack([BEST, right_in(range(8), 0.5), right_in(range(8), 0.75)])
    assert greedy_ensemble_selection(candidates, TRUTH, 2, "soft") == [0, 2]


@given(st.integers(0, 2**31), st.integers(1, 5), st.sampled_from(["majority", "soft"]))
@settings(max_examples=20)
def test_as_many_as_are_wanted_nobody_twice_the_best_among_them(
    seed: int, count: int, rule: str
) -> None:
    candidates = np.random.default_rng(seed).dirichlet([1, 1, 1], (5, 30))
    chosen = greedy_ensemble_selection(candidates, TRUTH, count, rule)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == count
    assert chosen[0] == 0


@given(st.integers(0, 2**31))
@settings(max_examples=20)
def test_the_second_is_the_one_with_whom_the_mean_is_best(seed: int) -> None:
    candidates = np.random.default_rng(seed).dirichlet([1, 1, 1], (5, 30))
    by_partner = {
        place: quick_scores(TRUTH, (candidates[0] + candidates[place]) / 2) for place in range(1, 5)
    }
    best = max(scores["val_macro_f1"] for scores in by_partner.values())
    partner = greedy_ensemble_selection(candidates, TRUTH, 2, "soft")[1]
    assert by_partner[partner]["val_macro_f1"] == pytest.approx(best)
