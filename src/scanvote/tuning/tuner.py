"""Keras Tuner, walked afresh each time: what it forgets, the trials' memory knows.

Its own resume loses trials after a kill, so nothing it writes is kept: its folder
is a temporary one, and a trial that was already trained returns at once.
"""

import tempfile
import warnings
from collections.abc import Callable
from itertools import takewhile
from typing import Any

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.errors import FatalError

from scanvote.core.seeds import rng
from scanvote.params import TuningParams
from scanvote.training import TrainingFailed

Space = Callable[[keras_tuner.HyperParameters], None]
# trains at a point of the grid, so many epochs at most, returns the score to maximise
RunTrial = Callable[[dict[str, Any], int], float]


def run_tuner(space: Space, run: RunTrial, params: TuningParams, seed: int) -> None:
    """Run trials as the algorithm of `params` proposes them, until its budget is spent.

    Args:
        space: asks for the choices that span the grid.
        run: called with the values of a trial by name, those that count, and its epochs.
        params: algorithm and `max_trials`.
        seed: of the proposals, not 0, which Keras Tuner takes for "random".
    """
    oracle = _oracle(params, seed)
    with tempfile.TemporaryDirectory() as folder:
        tuner = _Tuner(
            run, params.epochs, oracle=oracle, hypermodel=space, directory=folder, overwrite=True
        )
        with warnings.catch_warnings():
            # NumPy's, of a trial that failed: its reason is told by whoever runs it
            warnings.filterwarnings("ignore", "All-NaN axis", RuntimeWarning)
            try:
                tuner.search(verbose=0)
            except FatalError as fatal:
                raise fatal.__cause__ or fatal from None


def _oracle(params: TuningParams, seed: int) -> keras_tuner.Oracle:
    """A failed trial must never end the search: the limit on failures is out of reach."""
    common = {
        "objective": keras_tuner.Objective("score", "max"),
        "max_consecutive_failed_trials": params.max_trials + 1,
    }
    budgeted = {
        "grid": keras_tuner.oracles.GridSearchOracle,
        "random": keras_tuner.oracles.RandomSearchOracle,
        "bayesian": keras_tuner.oracles.BayesianOptimizationOracle,
    }
    if params.algorithm in budgeted:
        return budgeted[params.algorithm](max_trials=params.max_trials, seed=seed, **common)
    oracle = keras_tuner.oracles.HyperbandOracle(max_epochs=params.epochs, seed=seed, **common)
    oracle.max_trials = params.max_trials  # its constructor takes no budget
    return oracle


class _Tuner(BaseTuner):
    def __init__(self, run: RunTrial, epochs: int, **kwargs: Any) -> None:
        self._run, self._epochs = run, epochs
        super().__init__(**kwargs)

    def run_trial(self, trial: keras_tuner.engine.trial.Trial, **_: Any) -> dict[str, float]:
        hp = trial.hyperparameters
        values = {one.name: hp.values[one.name] for one in hp.space if hp.is_active(one)}
        epochs = int(hp.values.get("tuner/epochs", self._epochs))  # hyperband gives each its own
        try:
            return {"score": self._run(values, epochs)}
        except TrainingFailed:
            return {"score": float("nan")}  # a failed trial to Keras Tuner, without its traceback
        except Exception as error:
            raise FatalError(str(error)) from error  # anything else would be swallowed


Point = tuple[dict[str, Any], int]
Score = Callable[[dict[str, Any], int], float | None]
_SIMULATIONS = 3


def predictable_points(space: Space, score: Score, params: TuningParams, seed: int) -> list[Point]:
    """The trials that `run_tuner` will run whatever the unknown scores are, in their order.

    They are what it asks for alike in several made-up fates of the unknown trials:
    everything of a grid or a random search, a rung of hyperband, the first points of a
    Bayesian search. The fates may agree by chance, so a point at the end may not come.

    Args:
        score: of a trial, None while it is unknown; it raises TrainingFailed for a failed one.
    """
    asked = [_asked(space, score, params, seed, fate) for fate in range(_SIMULATIONS)]
    alike = takewhile(
        lambda points: all(one == points[0] for one in points), zip(*asked, strict=False)
    )
    return [points[0] for points in alike]


def _asked(space: Space, score: Score, params: TuningParams, seed: int, fate: int) -> list[Point]:
    """What `run_tuner` asks for when the unknown scores are as `fate` has it."""
    points: list[Point] = []

    def run(values: dict[str, Any], epochs: int) -> float:
        points.append((values, epochs))
        known = score(values, epochs)
        return rng(seed, fate, len(points)).random() if known is None else known

    run_tuner(space, run, params, seed)
    return points
