"""What the rules learn: optimal where it can be checked, sober where there is little to learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from scanvote.pipeline.ensemble.fitting import STRENGTH, fit_stacking, fit_votes, fit_weights
from scanvote.pipeline.ensemble.vote import RULES, Stacking, Vote, log_probability_features

seeds = st.integers(0, 2**31)


def drawn(
    seed: int, members: int = 3, scans: int = 40, classes: int = 3, skill: float = 0.4
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, scans)
    noise = random.dirichlet([0.5] * classes, (members, scans))
    return (skill * np.eye(classes)[truth] + (1 - skill) * noise).round(6), truth


def stacked(stacking: Stacking, members: np.ndarray) -> np.ndarray:
    count, _, classes = members.shape
    labels, names = tuple("abcdefg"[:classes]), tuple("123456"[:count])
    return Vote("stacking", labels, names, (1.0,) * count, stacking=stacking)(members).probabilities


def with_beliefs(members: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A scan of each class beside the rest, on which every member is right but for 1/(n + 2)."""
    count, scans, classes = members.shape
    rest = 1 / (scans + 2) / (classes - 1)
    believed = np.full((count, classes, classes), rest)
    believed[:, range(classes), range(classes)] = 1 - 1 / (scans + 2)
    every = np.concatenate([members, believed], axis=1)
    return every, np.concatenate([truth, np.arange(classes)])


@given(seeds, st.integers(1, 5), st.integers(1, 60))
@settings(max_examples=30)
def test_weights_are_the_optimum_that_another_solver_finds(
    seed: int, count: int, scans: int
) -> None:
    members, truth = drawn(seed, count, scans)
    of_truth = members[:, np.arange(scans), truth]

    def loss(weights: np.ndarray) -> float:
        return float(-np.log(weights @ of_truth).sum() - np.log(weights).sum() / count)

    found = np.array(fit_weights(members, truth))
    other = minimize(
        loss,
        np.full(count, 1 / count),
        method="SLSQP",
        bounds=[(1e-9, 1)] * count,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
    )
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1, abs=1e-7)
    assert loss(found) <= other.fun + 1e-6


def test_who_is_right_has_the_most_weight_and_nobody_none() -> None:
    truth = np.arange(60) % 3
    good, bad = 0.1 + 0.7 * np.eye(3)[truth], 0.1 + 0.7 * np.eye(3)[(truth + 1) % 3]
    weights = fit_weights(np.stack([bad, good, bad]), truth)
    assert weights[1] > 0.95
    assert weights[0] == weights[2] > 0


def test_members_who_say_the_same_weigh_the_same() -> None:
    members, truth = drawn(1, members=1)
    assert fit_weights(np.repeat(members, 4, axis=0), truth) == (0.25,) * 4


def test_weights_of_members_who_gave_the_truth_no_probability() -> None:
    truth = np.zeros(5, int)
    members = np.stack([np.eye(3)[truth], np.eye(3)[truth + 1]])
    first, second = fit_weights(members, truth)
    assert first > 0.9
    assert second > 0


@given(seeds, st.integers(1, 3), st.integers(2, 4))
@settings(max_examples=15)
def test_stacking_has_the_least_penalised_cross_entropy(
    seed: int, count: int, classes: int
) -> None:
    """The gradient by every coefficient is that of the penalty; two classes share one set."""
    members, truth = drawn(seed, count, 30, classes)
    stacking = fit_stacking(members, truth)
    every, target = with_beliefs(members, truth)
    error = stacked(stacking, every) - np.eye(classes)[target]
    free = slice(1, None) if classes == 2 else slice(None)
    pull = (error.T @ log_probability_features(every))[free] + np.array(stacking.coefficients)[
        free
    ] / STRENGTH
    np.testing.assert_allclose(pull, 0, atol=1e-3)
    np.testing.assert_allclose(error.sum(axis=0), 0, atol=1e-3)


@pytest.mark.parametrize("classes", [2, 3])
def test_stacking_gives_the_probabilities_of_scikit_learn(classes: int) -> None:
    members, truth = drawn(3, classes=classes)
    every, target = with_beliefs(members, truth)
    model = LogisticRegression(C=STRENGTH, tol=1e-10, max_iter=10_000)
    model.fit(log_probability_features(every), target)
    wanted = model.predict_proba(log_probability_features(members))
    np.testing.assert_allclose(stacked(fit_stacking(members, truth), members), wanted, atol=1e-4)


def test_stacking_learns_that_a_member_confuses_two_classes() -> None:
    truth = np.arange(90) % 3
    swapped = 0.1 + 0.7 * np.eye(3)[np.array([1, 0, 2])[truth]]
    members = np.stack([swapped, swapped])
    assert (stacked(fit_stacking(members, truth), members).argmax(axis=1) == truth).all()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("scans", [1, 3, 6])
@pytest.mark.parametrize("sure", [0.7, 1.0])
def test_few_scans_do_not_make_a_vote_certain(rule: str, scans: int, sure: float) -> None:
    truth = np.arange(scans) % 2
    rest = (1 - sure) / 2
    members = np.repeat((rest + (sure - rest) * np.eye(3)[truth])[None], 3, axis=0)
    vote = fit_votes("abc", dict.fromkeys("xyz", 1.0), members, truth, calibrate=True)[rule]
    found = vote(members)
    assert (found.winners == truth).all()
    assert found.probabilities.max() < 1 - 0.5 / (scans + 2)
    assert np.abs(vote.stacking.coefficients).max() < 1


def test_a_class_absent_from_validation_can_still_be_voted_for() -> None:
    truth = np.arange(40) % 2
    members = np.repeat((0.05 + 0.85 * np.eye(3)[truth])[None], 3, axis=0)
    votes = fit_votes("abc", dict.fromkeys("xyz", 1.0), members, truth, calibrate=True)
    unseen = np.full((3, 1, 3), 0.01) + 0.97 * np.eye(3)[2]
    for rule, vote in votes.items():
        assert vote(unseen).winners.tolist() == [2], rule


@pytest.mark.parametrize("skill", [0.0, 1.0])
def test_members_who_know_nothing_or_all(skill: float) -> None:
    members, truth = drawn(5, skill=skill)
    for vote in fit_votes("abc", dict.fromkeys("xyz", 1.0), members, truth, True).values():
        assert 0.05 <= vote.temperature <= 20
        assert np.isfinite(vote(members).probabilities).all()


@given(seeds)
@settings(max_examples=10)
def test_a_temperature_of_the_vote_changes_no_winner(seed: int) -> None:
    members, truth = drawn(seed, skill=0.1)
    temperatures = {"x": 0.7, "y": 1.3, "z": 2.0}
    cold = fit_votes("abc", temperatures, members, truth, calibrate=False)
    warm = fit_votes("abc", temperatures, members, truth, calibrate=True)
    for rule in RULES:
        assert cold[rule].temperature == 1
        np.testing.assert_array_equal(cold[rule](members).winners, warm[rule](members).winners)


def test_one_member_is_the_vote() -> None:
    members, truth = drawn(7, members=1)
    votes = fit_votes("abc", {"x": 1.0}, members, truth, calibrate=False)
    for rule in ("majority", "soft", "weighted"):
        np.testing.assert_allclose(votes[rule](members).probabilities, members[0], atol=1e-6)
        np.testing.assert_array_equal(votes[rule](members).winners, members[0].argmax(axis=1))


def test_the_same_fit_twice() -> None:
    members, truth = drawn(9)
    temperatures = dict.fromkeys("xyz", 1.5)
    one, two = (fit_votes("abc", temperatures, members, truth, True) for _ in range(2))
    assert one == two
