from pathlib import Path
from random import Random

import pytest

from scanvote.core.errors import InputError
from scanvote.params import load_params
from scanvote.training import TrainingFailed
from scanvote.tuning.tuner import Proposals, run_tuner

ROOT = Path(__file__).parents[3]

ALGORITHMS = ["grid", "random", "bayesian", "hyperband"]
ALL = [(depth, width) for depth in (1, 2, 3) for width in (4, 8, 16, 32)]


def _space(hp):
    hp.Choice("depth", [1, 2, 3])
    hp.Choice("width", [4, 8, 16, 32])


def _params(**changes):
    whole = load_params(ROOT / "params.yaml").search
    return whole.model_copy(update={"patience": 1, "objective": "loss", **changes})


def _score(values):
    return values["depth"] + values["width"] / 100


def _walked(algorithm, max_trials, run=None, seed=1, epochs=9, kept=1):
    """The points in the order they were tried."""
    params = _params(algorithm=algorithm, max_trials=max_trials, epochs=epochs)
    points = []

    def noted(values, epochs):
        points.append((values["depth"], values["width"]))
        return run(values) if run else _score(values)

    run_tuner(_space, noted, params, seed, kept)
    return points


def test_grid_covers_every_point_once():
    assert sorted(_walked("grid", 99)) == ALL


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_budget_is_spent_and_not_exceeded(algorithm):
    assert len(_walked(algorithm, 5)) == 5


@pytest.mark.parametrize("algorithm", ["grid", "random"])
def test_no_point_is_tried_twice(algorithm):
    points = _walked(algorithm, 8)
    assert len(set(points)) == 8


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_same_seed_same_points(algorithm):
    assert _walked(algorithm, 6) == _walked(algorithm, 6)


@pytest.mark.parametrize("algorithm", ["random", "bayesian", "hyperband"])
def test_another_seed_other_points(algorithm):
    assert _walked(algorithm, 6, seed=1) != _walked(algorithm, 6, seed=2)


def test_random_search_ends_when_every_point_was_tried():
    assert sorted(_walked("random", 99)) == ALL


def test_bayesian_search_listens_to_the_scores():
    high, low = _walked("bayesian", 9), _walked("bayesian", 9, run=lambda v: -_score(v))
    assert high != low


def test_hyperband_gives_the_good_points_more_epochs():
    budgets = []
    params = _params(algorithm="hyperband", max_trials=13, epochs=9)

    def noted(values, epochs):
        assert set(values) == {"depth", "width"}
        budgets.append((epochs, _score(values)))
        return _score(values)

    run_tuner(_space, noted, params, 1, 1)
    few = [score for epochs, score in budgets if epochs == budgets[0][0]]
    more = [score for epochs, score in budgets if epochs > budgets[0][0]]
    assert budgets[0][0] < 9
    assert max(epochs for epochs, _ in budgets) <= 9
    assert more
    assert min(more) >= sorted(few)[len(few) // 2]


def test_hyperband_of_one_epoch():
    assert len(_walked("hyperband", 3, epochs=1)) >= 1


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_failed_trials_do_not_end_the_search(algorithm, capfd):
    def failing(values):
        raise TrainingFailed("the loss is not finite")

    assert len(_walked(algorithm, 5, failing)) == 5
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("error", [InputError("no such file"), ZeroDivisionError("a bug")])
def test_any_other_error_ends_the_search_as_it_is(error):
    tried = []

    def broken(values):
        tried.append(values)
        raise error

    with pytest.raises(type(error)) as raised:
        _walked("grid", 5, broken)
    assert raised.value is error
    assert len(tried) == 1


def test_only_choices_that_count_are_told():
    seen = []

    def space(hp):
        depth = hp.Choice("depth", [0, 1])
        with hp.conditional_scope("depth", [1]):
            if depth:
                hp.Choice("width", [4, 8])

    params = _params(algorithm="grid", max_trials=9, epochs=1)
    run_tuner(space, lambda values, epochs: seen.append(values) or 0.0, params, 1, 1)
    assert seen == [{"depth": 0}, {"depth": 1, "width": 4}, {"depth": 1, "width": 8}]


def test_nothing_is_written_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _walked("grid", 2)
    assert list(tmp_path.iterdir()) == []


# ---- what is proposed before scores are known -----------------------------------------


def _proposed(algorithm, tmp_path, max_trials, fails=0.0, kept=1):
    """The points of `Proposals`, whose trials end in another order; the most at once; those of
    `run_tuner`."""
    params = _params(algorithm=algorithm, max_trials=max_trials, epochs=9)

    def score(values, epochs):
        random = Random(f"{values} {epochs}")
        if random.random() < fails:
            raise TrainingFailed("the loss is not finite")
        return random.random()

    proposals = Proposals(_space, score, params, 1, kept, str(tmp_path))
    points, running, widest, order = [], [], 0, Random(1)
    while True:
        for proposal, (values, epochs) in proposals.take():
            points.append((values["depth"], values["width"], epochs))
            running.append(proposal)
        widest = max(widest, len(running))
        if not running:
            break
        proposals.end(running.pop(order.randrange(len(running))))
    tried = []
    run_tuner(
        _space,
        lambda values, epochs: (
            tried.append((values["depth"], values["width"], epochs)) or score(values, epochs)
        ),
        params,
        1,
        kept,
    )
    return points, widest, tried


@pytest.mark.parametrize("fails", [0.0, 0.2])
@pytest.mark.parametrize("kept", [1, 3])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_proposed_is_what_the_search_tries(algorithm, kept, fails, tmp_path):
    points, _, tried = _proposed(algorithm, tmp_path, 8, fails, kept)
    assert sorted(points) == sorted(tried)


@pytest.mark.parametrize(
    ("algorithm", "widest"), [("grid", 12), ("random", 12), ("bayesian", 6), ("hyperband", 9)]
)
def test_as_many_are_proposed_at_once_as_scores_allow(algorithm, widest, tmp_path):
    """All; half the budget, which is random; the first rung."""
    assert _proposed(algorithm, tmp_path, 12)[1] == widest
