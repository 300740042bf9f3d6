"""Search with Keras Tuner, which resumes from the trial cache.

Keras Tuner's own resume loses trials after a kill, so nothing that it writes is kept: its
folder is temporary, and a trial that was already trained returns at once from the cache.
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
from scanvote.tuning.oracles import BayesianOracle, HyperbandOracle, RandomOracle

Space = Callable[[keras_tuner.HyperParameters], None]
# (hyperparameters, maximum of epochs) -> the score to maximise
RunTrial = Callable[[dict[str, Any], int], float]


def run_tuner(space: Space, run: RunTrial, params: TuningParams, seed: int, kept: int) -> None:
    """Run the trials that the algorithm proposes, until its budget is spent.

    Args:
        space: registers the hyperparameters of the search space.
        run: called with the active hyperparameters of a trial by name, and its epochs.
        params: algorithm and `max_trials`.
        seed: seed of the proposals; not 0, which means "random" to Keras Tuner.
        kept: number of models to keep; Hyperband trains as many points for all epochs, if grid
            and budget suffice.
    """
    oracle = _oracle(params, seed, kept)
    with tempfile.TemporaryDirectory() as folder:
        tuner = _Tuner(
            run, params.epochs, oracle=oracle, hypermodel=space, directory=folder, overwrite=True
        )
        with warnings.catch_warnings():
            # NumPy warns about the NaN score of a failed trial, whose reason `run` reports
            warnings.filterwarnings("ignore", "All-NaN axis", RuntimeWarning)
            try:
                tuner.search(verbose=0)
            except FatalError as fatal:
                raise fatal.__cause__ or fatal from None


def _oracle(params: TuningParams, seed: int, kept: int) -> keras_tuner.Oracle:
    """Create the search algorithm of Keras Tuner.

    Its limit on failures is above `max_trials`: failed trials must never end the search.
    """
    common = {
        "objective": keras_tuner.Objective("score", "max"),
        "max_consecutive_failed_trials": params.max_trials + 1,
        "max_trials": params.max_trials,
        "seed": seed,
    }
    if params.algorithm == "hyperband":
        return HyperbandOracle(finished=kept, max_epochs=params.epochs, **common)
    oracles = {
        "grid": keras_tuner.oracles.GridSearchOracle,
        "random": RandomOracle,
        "bayesian": BayesianOracle,
    }
    return oracles[params.algorithm](**common)


class _Tuner(BaseTuner):
    def __init__(self, run: RunTrial, epochs: int, **kwargs: Any) -> None:
        self._run, self._epochs = run, epochs
        super().__init__(**kwargs)

    def run_trial(self, trial: keras_tuner.engine.trial.Trial, **_: Any) -> dict[str, float]:
        hp = trial.hyperparameters
        values = {one.name: hp.values[one.name] for one in hp.space if hp.is_active(one)}
        epochs = int(hp.values.get("tuner/epochs", self._epochs))  # set by Hyperband
        try:
            return {"score": self._run(values, epochs)}
        except TrainingFailed:
            # NaN marks the trial as failed; an exception would also print its traceback
            return {"score": float("nan")}
        except Exception as error:
            raise FatalError(str(error)) from error  # Keras Tuner swallows any other exception


Point = tuple[dict[str, Any], int]
Score = Callable[[dict[str, Any], int], float | None]
_SIMULATIONS = 3


def predictable_points(
    space: Space, score: Score, params: TuningParams, seed: int, kept: int
) -> list[Point]:
    """Return the next trials that do not depend on unknown scores.

    Several simulations of `run_tuner` with random numbers for the unknown scores propose the
    same trials at first: all trials of a grid or random search, a rung of Hyperband, the first
    points of a Bayesian search. The simulations may also agree by chance, so the search may
    never propose the last of these trials.

    Args:
        score: returns the score of a trial, None while it is unknown; raises TrainingFailed for
            a failed one.
    """
    draws = range(_SIMULATIONS)
    simulations = [_simulate(space, score, params, seed, kept, draw) for draw in draws]
    common = takewhile(
        lambda points: all(one == points[0] for one in points), zip(*simulations, strict=False)
    )
    return [points[0] for points in common]


def _simulate(
    space: Space, score: Score, params: TuningParams, seed: int, kept: int, draw: int
) -> list[Point]:
    """Return the proposals of `run_tuner`, with random numbers for unknown scores."""
    points: list[Point] = []

    def run(values: dict[str, Any], epochs: int) -> float:
        points.append((values, epochs))
        known = score(values, epochs)
        return rng(seed, draw, len(points)).random() if known is None else known

    run_tuner(space, run, params, seed, kept)
    return points
