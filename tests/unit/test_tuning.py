import keras
import pytest

from scanvote.errors import InputError
from scanvote.params import SearchParams
from scanvote.training import TrainingFailed
from scanvote.tuning import walk

ALGORITHMS = ["grid", "random", "bayesian", "hyperband"]
ALL = [(depth, width) for depth in (1, 2, 3) for width in (4, 8, 16, 32)]


def _build(hp):
    hp.Choice("depth", [1, 2, 3])
    hp.Choice("width", [4, 8, 16, 32])
    inputs = keras.Input((1,))
    return keras.Model(inputs, keras.layers.Identity()(inputs))


def _score(values):
    return values["depth"] + values["width"] / 100


def _walked(algorithm, max_trials, run=None, seed=1, epochs=9):
    """The points in the order they were tried."""
    params = SearchParams(
        algorithm=algorithm,
        max_trials=max_trials,
        epochs=epochs,
        patience=1,
        batch_size=1,
        objective="loss",
    )
    points = []

    def noted(hp, values):
        points.append((values["depth"], values["width"]))
        return run(values) if run else _score(values)

    walk(_build, noted, params, seed)
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


def test_random_search_ends_when_it_finds_nothing_new():
    points = _walked("random", 99)
    assert len(points) == len(set(points)) <= len(ALL)
    assert len(points) > len(ALL) / 2


def test_bayesian_search_listens_to_the_scores():
    high, low = _walked("bayesian", 9), _walked("bayesian", 9, run=lambda v: -_score(v))
    assert high != low


def test_hyperband_gives_the_good_points_more_epochs():
    budgets = []
    params = SearchParams(
        algorithm="hyperband",
        max_trials=13,
        epochs=9,
        patience=1,
        batch_size=1,
        objective="loss",
    )

    def noted(hp, values):
        assert set(values) == {"depth", "width"}
        budgets.append((hp.values["tuner/epochs"], _score(values)))
        return _score(values)

    walk(_build, noted, params, 1)
    few = [score for epochs, score in budgets if epochs == budgets[0][0]]
    more = [score for epochs, score in budgets if epochs > budgets[0][0]]
    assert budgets[0][0] < 9
    assert max(epochs for epochs, _ in budgets) <= 9
    assert more
    assert min(more) >= sorted(few)[len(few) // 2]


def test_hyperband_of_one_epoch():
    assert len(_walked("hyperband", 3, epochs=1)) >= 1


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_failed_trials_do_not_end_the_search(algorithm):
    def failing(values):
        raise TrainingFailed("the loss is not finite")

    assert len(_walked(algorithm, 5, failing)) == 5


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

    def build(hp):
        depth = hp.Choice("depth", [0, 1])
        with hp.conditional_scope("depth", [1]):
            if depth:
                hp.Choice("width", [4, 8])
        return _build(type(hp)())

    params = SearchParams(
        algorithm="grid", max_trials=9, epochs=1, patience=1, batch_size=1, objective="loss"
    )
    walk(build, lambda hp, values: seen.append(values) or 0.0, params, 1)
    assert seen == [{"depth": 0}, {"depth": 1, "width": 4}, {"depth": 1, "width": 8}]


def test_nothing_is_written_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _walked("grid", 2)
    assert list(tmp_path.iterdir()) == []
