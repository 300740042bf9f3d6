"""The winner by each rule, and what decides when there is none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from scanvote.core.errors import InputError
from scanvote.pipeline.ensemble.calibration import apply_temperature
from scanvote.pipeline.ensemble.vote import RULES, Stacking, Vote

LABELS = ("a", "b", "c")
seeds = st.integers(0, 2**31)
counts = st.integers(1, 5)


def plain(rule: str, members: int = 3) -> Vote:
    """A vote of which nothing is fitted."""
    names = tuple(f"m{place}" for place in range(members))
    return Vote(rule, LABELS, names, (1.0,) * members)


def fitted(rule: str, members: int, seed: int) -> Vote:
    """A vote with everything drawn at random."""
    random = np.random.default_rng(seed)
    coefficients = random.normal(size=(3, 3 * members)).tolist()
    return replace(
        plain(rule, members),
        temperatures=tuple(random.uniform(0.5, 3, members).tolist()),
        weights=tuple(random.dirichlet([1] * members).tolist()),
        stacking=Stacking(tuple(map(tuple, coefficients)), (0.1, -0.3, 0.2)),
        temperature=float(random.uniform(0.2, 4)),
    )


def drawn(seed: int, members: int, scans: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([1, 1, 1], (members, scans))


def one_scan(*members: list[float]) -> np.ndarray:
    return np.array(members)[:, None, :]


def winners(vote: Vote, probabilities: np.ndarray) -> list[str]:
    return [vote.labels[code] for code in vote(probabilities).winners]


def test_two_of_three_win_against_one_who_is_surer() -> None:
    scan = one_scan([0.4, 0.35, 0.25], [0.4, 0.3, 0.3], [0, 1, 0])
    voted = plain("majority")(scan)
    assert winners(plain("majority"), scan) == ["a"]
    assert voted.votes.tolist() == [[2, 1, 0]]
    assert voted.probabilities[0, 1] == pytest.approx(0.55)


def test_by_the_mean_the_one_who_is_surer_wins() -> None:
    scan = one_scan([0.4, 0.35, 0.25], [0.4, 0.3, 0.3], [0, 1, 0])
    assert winners(plain("soft"), scan) == ["b"]


def test_a_weight_of_one_is_a_vote_of_one() -> None:
    scan = one_scan([0.4, 0.35, 0.25], [0.4, 0.3, 0.3], [0, 1, 0])
    found = replace(plain("weighted"), weights=(1.0, 0.0, 0.0))(scan)
    np.testing.assert_allclose(found.probabilities, scan[0])


def test_stacking_is_a_regression_on_the_logarithms() -> None:
    """Coefficients of 1 and 2 for a class's own logarithms: the product p · q², made to sum 1."""
    own = np.hstack([np.eye(3), 2 * np.eye(3)])
    vote = replace(
        plain("stacking", 2), stacking=Stacking(tuple(map(tuple, own.tolist())), (0.0, 0.0, 0.0))
    )
    scan = one_scan([0.5, 0.25, 0.25], [0.2, 0.4, 0.4])
    product = scan[0] * scan[1] ** 2
    np.testing.assert_allclose(vote(scan).probabilities, product / product.sum())


def test_a_unanimous_vote() -> None:
    voted = plain("majority")(one_scan(*[[0.1, 0.1, 0.8]] * 3))
    assert voted.winners.tolist() == [2]
    assert voted.votes.tolist() == [[0, 0, 3]]


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
    assert winners(plain("majority"), one_scan(one, two, three)) == [winner]


def test_a_tie_of_two_is_not_won_by_a_third_class() -> None:
    """c has the highest mean probability, and nobody's vote."""
    scan = one_scan([0.51, 0.0, 0.49], [0.0, 0.52, 0.48])
    assert winners(plain("majority", 2), scan) == ["b"]
    assert winners(plain("soft", 2), scan) == ["c"]


@pytest.mark.parametrize("rule", ["majority", "soft"])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]])
def test_what_is_equal_in_all_goes_to_the_first_class(rule: str, order: list[int]) -> None:
    """Sums of floats in another order would not be equal."""
    scan = one_scan([0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.2, 0.1, 0.7])[order]
    assert winners(plain(rule), scan) == ["a"]


@given(counts, seeds)
def test_the_majority_has_the_most_votes_and_among_those_the_highest_mean(
    count: int, seed: int
) -> None:
    members = drawn(seed, count)
    voted = plain("majority", count)(members)
    mean = members.mean(axis=0)
    assert (voted.votes.sum(axis=1) == count).all()
    np.testing.assert_allclose(voted.probabilities, mean, atol=1e-6)
    for row, winner in enumerate(voted.winners):
        tied = np.flatnonzero(voted.votes[row] == voted.votes[row].max())
        assert winner == tied[mean[row, tied].argmax()]


@given(counts, seeds)
def test_the_other_rules_follow_the_probabilities_whatever_the_temperature(
    count: int, seed: int
) -> None:
    for rule in ("soft", "weighted", "stacking"):
        vote = fitted(rule, count, seed)
        voted = vote(drawn(seed, count))
        np.testing.assert_array_equal(voted.winners, voted.probabilities.argmax(axis=1))
        untempered = replace(vote, temperature=1.0)(drawn(seed, count))
        np.testing.assert_array_equal(voted.winners, untempered.winners)


@given(st.sampled_from(RULES), counts, seeds)
def test_probabilities_sum_to_one_and_have_the_temperature_of_the_vote(
    rule: str, count: int, seed: int
) -> None:
    vote, members = fitted(rule, count, seed), drawn(seed, count)
    found = vote(members).probabilities
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    untempered = replace(vote, temperature=1.0)(members).probabilities
    np.testing.assert_allclose(found, apply_temperature(untempered, vote.temperature))


@given(counts, seeds)
def test_members_are_tempered_before_they_are_joined(count: int, seed: int) -> None:
    vote, members = replace(fitted("weighted", count, seed), temperature=1.0), drawn(seed, count)
    pairs = zip(members, vote.temperatures, vote.weights, strict=True)
    wanted = sum(w * softmax(np.log(p) / t, axis=1) for p, t, w in pairs)
    np.testing.assert_allclose(vote(members).probabilities, wanted, atol=1e-3)


@given(st.sampled_from(["majority", "soft"]), st.permutations([0, 1, 2]), seeds)
def test_the_order_of_the_members_does_not_matter(rule: str, order: list[int], seed: int) -> None:
    vote, members = fitted(rule, 3, seed), drawn(seed, 3)
    other = replace(vote, temperatures=tuple(vote.temperatures[place] for place in order))
    for one, two in zip(vote(members), other(members[order]), strict=True):
        np.testing.assert_array_equal(one, two)


@given(st.sampled_from(RULES), counts, seeds)
def test_stored_probabilities_and_those_of_the_networks_make_one_vote(
    rule: str, count: int, seed: int
) -> None:
    """Also where they are tiny, and six digits are not many."""
    members = softmax(np.random.default_rng(seed).normal(0, 12, (count, 8, 3)), axis=2)
    vote = fitted(rule, count, seed)
    for one, two in zip(vote(members), vote(members.round(6)), strict=True):
        np.testing.assert_array_equal(one, two)


@given(st.sampled_from(RULES), seeds)
def test_members_that_are_certain_leave_numbers(rule: str, seed: int) -> None:
    members = np.eye(3)[np.random.default_rng(seed).integers(0, 3, (3, 6))]
    assert np.isfinite(fitted(rule, 3, seed)(members).probabilities).all()


def test_no_scan_is_no_vote() -> None:
    voted = plain("majority")(np.empty((3, 0, 3)))
    assert [len(part) for part in voted] == [0, 0, 0]


@pytest.mark.parametrize("shape", [(2, 4, 3), (3, 4, 2), (3, 3), (3, 4, 3, 1)])
def test_other_members_or_classes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"the vote is of probabilities \(3, n, 3\), not"):
        plain("majority")(np.zeros(shape))


@given(st.sampled_from(RULES), counts, seeds)
def test_a_vote_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rule: str, count: int, seed: int
) -> None:
    path = tmp_path_factory.mktemp("vote") / "vote.json"
    fitted(rule, count, seed).write(path)
    assert Vote.read(path) == fitted(rule, count, seed)


def test_a_missing_vote_and_one_of_another_form_are_told(tmp_path: Path) -> None:
    path = tmp_path / "vote.json"
    with pytest.raises(InputError, match=r"vote\.json is missing; run `dvc repro ensemble`"):
        Vote.read(path)
    path.write_text('{"form": 2}')
    with pytest.raises(InputError, match="form 2 of a vote is not known"):
        Vote.read(path)
