"""Search with Keras Tuner, which resumes from the trial cache.

Keras Tuner's own resume loses trials after a kill, so nothing that it writes is kept: its
folder is temporary, and a trial that was already trained returns at once from the cache.
"""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.errors import FatalError

from scanvote.params import TuningParams
from scanvote.training import TrainingFailed
from scanvote.tuning.oracles import BayesianOracle, HyperbandOracle, RandomOracle

Space = Callable[[keras_tuner.HyperParameters], None]
# (hyperparameters, maximum of epochs) -> the score to maximise
RunTrial = Callable[[dict[str, Any], int], float]
Point = tuple[dict[str, Any], int]
Proposal = Any
"""A trial of Keras Tuner."""


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
        try:
            with _without_warnings():
                tuner.search(verbose=0)
        except FatalError as fatal:
            raise fatal.__cause__ or fatal from None


@contextmanager
def _without_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        # NumPy warns about the NaN score of a failed trial, whose reason `run` reports
        warnings.filterwarnings("ignore", "All-NaN axis", RuntimeWarning)
        yield


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

    def point(self, trial: Proposal) -> Point:
        """Return the active hyperparameters of a trial, and its epochs."""
        hp = trial.hyperparameters
        values = {one.name: hp.values[one.name] for one in hp.space if hp.is_active(one)}
        return values, int(hp.values.get("tuner/epochs", self._epochs))  # set by Hyperband

    def finish(self, trial: Proposal) -> None:
        """Run and end a trial, as `search` does."""
        with _without_warnings():
            self._try_run_and_update_trial(trial)
            self.on_trial_end(trial)

    def run_trial(self, trial: Proposal, **_: Any) -> dict[str, float]:
        try:
            return {"score": self._run(*self.point(trial))}
        except TrainingFailed:
            # NaN marks the trial as failed; an exception would also print its traceback
            return {"score": float("nan")}
        except Exception as error:
            raise FatalError(str(error)) from error  # Keras Tuner swallows any other exception


class Proposals:
    """What a search will try, as far as the scores so far decide it.

    Grid and random search propose all their points at once, a Bayesian search its random points
    and then one at a time, Hyperband one rung at a time. Where trials that end in another order
    than they began have equal scores, or fail, `run_tuner` may try another point.

    Args:
        space: registers the hyperparameters of the search space.
        score: returns the score of a trial that has ended; raises TrainingFailed for a failed one.
        params: algorithm and `max_trials`.
        seed: seed of the proposals.
        kept: number of models to keep.
        folder: for the files of Keras Tuner.
    """

    def __init__(
        self, space: Space, score: RunTrial, params: TuningParams, seed: int, kept: int, folder: str
    ) -> None:
        self._listens = params.algorithm in ("bayesian", "hyperband")
        run = score if self._listens else _no_score
        oracle = _oracle(params, seed, kept)
        self._tuner = _Tuner(run, params.epochs, oracle=oracle, hypermodel=space, directory=folder)
        self._tuner.oracle.verbose = 0

    def take(self) -> Iterator[tuple[Proposal, Point]]:
        """Yield the proposals that wait for no score."""
        for number in count(len(self._tuner.oracle.trials)):
            proposal = self._tuner.oracle.create_trial(f"worker {number}")
            if proposal.status != "RUNNING":
                return
            if not self._listens:
                self._tuner.finish(proposal)
            yield proposal, self._tuner.point(proposal)

    def end(self, proposal: Proposal) -> None:
        """Take in the score of a proposal."""
        if self._listens:
            self._tuner.finish(proposal)


def _no_score(values: dict[str, Any], epochs: int) -> float:
    return 0.0
