"""Budgets and grids of any size: no point twice, none left out, none cut short."""

from collections import Counter

import keras_tuner
import pytest

from scanvote.core.seeds import derive_seed
from scanvote.models import ann
from scanvote.params import load_params
from scanvote.training import TrainingFailed
from scanvote.tuning.oracles import BayesianOracle
from scanvote.tuning.tuner import run_tuner
from tests.searching import ROOT

PARAMS = load_params(ROOT / "params.yaml")
EPOCHS = 10


def ann_space(hp):
    """The default grid of the ANN, 7 points: without a hidden layer there is no width."""
    ann.space(hp, PARAMS.ann)


def pair_space(hp):
    hp.Choice("backbone", ["a"])
    hp.Choice("units", [0, 64])


def wide_space(hp):
    hp.Choice("depth", [1, 2, 3])
    hp.Choice("width", [4, 8, 16])
    hp.Choice("dense", [0, 1, 2])


SPACES = {ann_space: 7, pair_space: 2, wide_space: 27}


def score(point, epochs):
    """Deeper and narrower is better; more epochs are better."""
    return sum(v for v in point.values() if isinstance(v, int)) / 100 + epochs


def walked(space, algorithm, max_trials, run=score, seed=1, kept=3):
    """The points (hyperparameters, epochs) in order."""
    update = {"algorithm": algorithm, "max_trials": max_trials, "epochs": EPOCHS}
    points = []

    def noted(values, epochs):
        points.append((tuple(sorted(values.items())), epochs))
        return run(values, epochs)

    run_tuner(space, noted, PARAMS.search.model_copy(update=update), seed, kept)
    return points


@pytest.mark.parametrize("space", [ann_space, pair_space])
@pytest.mark.parametrize("algorithm", ["random", "bayesian"])
def test_a_budget_above_the_grid_tries_every_point_once(algorithm, space):
    points = walked(space, algorithm, 30)
    assert len(points) == len(set(points)) == SPACES[space]


@pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband"])
@pytest.mark.parametrize("max_trials", [1, 2, 5])
def test_a_budget_is_spent_on_points_that_differ(algorithm, max_trials):
    points = walked(wide_space, algorithm, max_trials)
    assert len(points) == len(set(points)) == max_trials


def test_random_search_begins_as_that_of_keras_tuner(monkeypatch):
    """A search of before keeps its trials."""
    ours = walked(wide_space, "random", 12)
    monkeypatch.setattr(
        "scanvote.tuning.tuner.RandomOracle", keras_tuner.oracles.RandomSearchOracle
    )
    assert ours == walked(wide_space, "random", 12)


# ---- Bayesian search --------------------------------------------------------------------


def test_with_three_trials_the_third_listens_to_the_scores():
    high = [walked(wide_space, "bayesian", 3, seed=seed) for seed in range(1, 3)]
    low = [
        walked(wide_space, "bayesian", 3, lambda *point: -score(*point), seed=seed)
        for seed in range(1, 3)
    ]
    assert [one[:2] for one in high] == [one[:2] for one in low]
    assert [one[2] for one in high] != [one[2] for one in low]


@pytest.mark.parametrize(("max_trials", "initial"), [(1, 2), (3, 2), (9, 4), (14, 7), (99, 9)])
def test_half_of_the_budget_is_random(max_trials, initial):
    oracle = BayesianOracle(objective=keras_tuner.Objective("score", "max"), max_trials=max_trials)
    for name in "abc":
        oracle.hyperparameters.Choice(name, [1, 2, 3])
    assert oracle._initial_points() == initial


def test_bayesian_search_walks_past_failures_to_the_end_of_the_grid():
    def failing(values, epochs):
        if values["dense_layers"] == 1:
            raise TrainingFailed("the loss is not finite")
        return score(values, epochs)

    points = walked(ann_space, "bayesian", 30, failing)
    assert len(points) == len(set(points)) == 7


# ---- Hyperband --------------------------------------------------------------------------


def all_epochs(points):
    return [point for point, epochs in points if epochs == EPOCHS]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(("max_trials", "kept"), [(1, 3), (3, 1), (5, 3), (20, 3)])
def test_hyperband_trains_as_many_as_are_kept_for_all_epochs(space, max_trials, kept):
    points = walked(space, "hyperband", max_trials, kept=kept)
    assert len(all_epochs(points)) >= min(kept, max_trials, SPACES[space])
    assert len(points) == len(set(points)) <= max_trials


def test_the_best_of_a_small_grid_go_on():
    points = walked(ann_space, "hyperband", 20)
    assert Counter(epochs for _, epochs in points) == {2: 7, EPOCHS: 3}
    scores = sorted(score(dict(point), 2) for point, epochs in points if epochs == 2)
    assert sorted(score(dict(point), 2) for point in all_epochs(points)) == scores[-3:]


def test_where_all_points_are_kept_none_is_tried_in_part():
    assert Counter(epochs for _, epochs in walked(pair_space, "hyperband", 20)) == {EPOCHS: 2}


def test_where_all_epochs_fail_the_next_best_gets_them():
    tried = []

    def failing(values, epochs):
        if epochs == EPOCHS:
            tried.append(values)
            if len(tried) == 1:
                raise TrainingFailed("the loss is not finite")
        return score(values, epochs)

    points = walked(ann_space, "hyperband", 20, failing)
    assert len(all_epochs(points)) == len(set(all_epochs(points))) == 4


def test_another_seed_of_hyperband_is_another_walk():
    seeds = [derive_seed(number, "hyperband") for number in range(2)]
    assert len({tuple(walked(wide_space, "hyperband", 9, seed=one)) for one in seeds}) == 2
