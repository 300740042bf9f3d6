"""Keras Tuner, walked afresh each time: what it forgets, the trials' memory knows.

Its own resume loses trials after a kill, so nothing it writes is kept: its folder
is a temporary one, and a trial that was already trained returns at once.
"""

import tempfile
from collections.abc import Callable
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.errors import FailedTrialError, FatalError

from scanvote.params import SearchParams
from scanvote.training import TrainingFailed

Build = Callable[[keras_tuner.HyperParameters], keras.Model]
# trains at a point of the grid, returns the score to maximise
RunTrial = Callable[[keras_tuner.HyperParameters, dict[str, Any]], float]


def walk(build: Build, run: RunTrial, params: SearchParams, seed: int) -> None:
    """Run trials as the algorithm of `params` proposes them, until its budget is spent.

    Args:
        build: a family's network; its choices are the search space.
        run: called with the hyperparameters of a trial and its active values by name.
        params: algorithm and `max_trials`.
        seed: of the proposals, not 0, which Keras Tuner takes for "random".
    """
    oracle = _oracle(params, seed)
    with tempfile.TemporaryDirectory() as folder:
        tuner = _Tuner(run, oracle=oracle, hypermodel=build, directory=folder, overwrite=True)
        try:
            tuner.search(verbose=0)
        except FatalError as fatal:
            raise fatal.__cause__ or fatal from None


def _oracle(params: SearchParams, seed: int) -> keras_tuner.Oracle:
    """A failed trial must never end the search: the limit on failures is out of reach."""
    common = {
        "objective": keras_tuner.Objective("score", "max"),
        "max_consecutive_failed_trials": params.max_trials + 1,
    }
    if params.algorithm == "grid":
        return keras_tuner.oracles.GridSearchOracle(
            max_trials=params.max_trials, seed=seed, **common
        )
    if params.algorithm == "random":
        return keras_tuner.oracles.RandomSearchOracle(
            max_trials=params.max_trials, seed=seed, **common
        )
    if params.algorithm == "bayesian":
        return keras_tuner.oracles.BayesianOptimizationOracle(
            max_trials=params.max_trials, seed=seed, **common
        )
    oracle = keras_tuner.oracles.HyperbandOracle(max_epochs=params.epochs, seed=seed, **common)
    oracle.max_trials = params.max_trials  # its constructor takes no budget
    return oracle


class _Tuner(BaseTuner):
    def __init__(self, run: RunTrial, **kwargs: Any) -> None:
        self._run = run
        super().__init__(**kwargs)

    def run_trial(self, trial: keras_tuner.engine.trial.Trial, **_: Any) -> dict[str, float]:
        hp = trial.hyperparameters
        values = {one.name: hp.values[one.name] for one in hp.space if hp.is_active(one)}
        try:
            return {"score": self._run(hp, values)}
        except TrainingFailed as error:
            raise FailedTrialError(str(error)) from None
        except Exception as error:
            raise FatalError(str(error)) from error  # anything else would be swallowed
