"""The majority, and what decides when there is none."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.predictions import class_predictions, probabilities
from scanvote.voting import majority_vote

LABELS = ["a", "b", "c"]


def member(*rows: list[float], name: str = "m", labels: list[str] = LABELS) -> pd.DataFrame:
    """The predictions of one model, from the probabilities of each scan."""
    names = np.array([f"scan{number}" for number in range(len(rows))])
    shard = {"scan_ids": names, "labels": np.zeros(len(rows), int)}
    return class_predictions(name, "test", shard, np.array(rows), labels)


def test_two_of_three_win_against_one_who_is_surer() -> None:
    vote = majority_vote([member([0.4, 0.35, 0.25]), member([0.4, 0.3, 0.3]), member([0, 1, 0])])
    assert vote["predicted"].tolist() == ["a"]
    assert vote.loc[0, ["votes_a", "votes_b", "votes_c"]].tolist() == [2, 1, 0]
    assert vote.loc[0, "p_b"] == pytest.approx(0.55)


def test_a_unanimous_vote() -> None:
    vote = majority_vote([member([0.1, 0.1, 0.8])] * 3)
    assert vote["predicted"].tolist() == ["c"]
    assert vote["votes_c"].tolist() == [3]


@pytest.mark.parametrize(
    ("one", "two", "three", "winner"),
    [
        ([0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.1, 0.7], "c"),  # means .27, .33, .40
        ([0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.2, 0.1, 0.7], "a"),
        ([0.4, 0.3, 0.3], [0.0, 1.0, 0.0], [0.1, 0.4, 0.5], "b"),
    ],
)
def test_three_ways_the_mean_probability_decides(
    one: list[float], two: list[float], three: list[float], winner: str
) -> None:
    vote = majority_vote([member(one), member(two), member(three)])
    assert vote["predicted"].tolist() == [winner]


def test_a_tie_of_two_is_not_won_by_a_third_class() -> None:
    """c has the highest mean probability, and nobody's vote."""
    vote = majority_vote([member([0.51, 0.0, 0.49]), member([0.0, 0.52, 0.48])])
    assert vote["predicted"].tolist() == ["b"]


@given(st.integers(1, 5), st.integers(0, 2**31))
@settings(max_examples=60)
def test_the_winner_has_the_most_votes_and_among_those_the_highest_mean(
    count: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    members = [member(*random.dirichlet([1, 1, 1], 8).tolist()) for _ in range(count)]
    vote = majority_vote(members)
    votes = vote[[f"votes_{label}" for label in LABELS]].to_numpy(int)
    mean = np.mean([probabilities(one) for one in members], axis=0)
    assert (votes.sum(axis=1) == count).all()
    np.testing.assert_allclose(probabilities(vote), mean, atol=1e-6)
    for row, winner in enumerate(vote["predicted"]):
        tied = np.flatnonzero(votes[row] == votes[row].max())
        assert LABELS.index(winner) == tied[mean[row, tied].argmax()]


@given(st.permutations([0, 1, 2]), st.integers(0, 2**31))
@settings(max_examples=20)
def test_the_order_of_the_members_does_not_matter(order: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    members = [member(*random.dirichlet([1, 1, 1], 6).tolist()) for _ in range(3)]
    pd.testing.assert_frame_equal(
        majority_vote(members), majority_vote([members[place] for place in order])
    )


def test_truth_and_scans_are_the_members() -> None:
    one = member([1, 0, 0], [0, 1, 0]).assign(label=["a", "c"], split=["validation", "test"])
    vote = majority_vote([one, one])
    shared = ["scan_id", "split", "label"]
    pd.testing.assert_frame_equal(vote[shared], one[shared])
    assert set(vote["model"]) == {"vote"}


ONE = member([1, 0, 0], [0, 1, 0])


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(member([1, 0, 0]), id="fewer scans"),
        pytest.param(ONE[::-1].reset_index(drop=True), id="another order"),
        pytest.param(ONE.assign(scan_id=["scan0", "other"]), id="other scans"),
        pytest.param(member([1, 0, 0], [0, 1, 0], labels=["a", "b", "x"]), id="other classes"),
        pytest.param(member([1, 0], [0, 1], labels=["a", "b"]), id="fewer classes"),
    ],
)
def test_members_who_speak_of_something_else_are_refused(other: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="different scans or classes"):
        majority_vote([ONE, other])
