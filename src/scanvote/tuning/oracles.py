"""Search algorithms of Keras Tuner, adapted to grids of few points.

A grid here has finitely many points, often fewer than Keras Tuner's algorithms assume. These
oracles propose each point once, end only when none is left, and spend the budget as it is meant.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import keras_tuner
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from scanvote.core.seeds import rng

Values = dict[str, Any]
_STOPPED = {"status": "STOPPED", "values": None}
_IDLE = {"status": "IDLE", "values": None}
"""The answer while the next proposal depends on trials that run."""


class _Untried(keras_tuner.Oracle):
    """Draw random points until all were tried.

    Keras Tuner gives up after 20 repeats in a row, with points left on a small grid.
    """

    def _random_values(self) -> Values | None:
        values = super()._random_values()
        return self._draw_untried() if values is None else values

    def _draw_untried(self) -> Values | None:
        untried = self._untried()
        if not untried:
            return None
        return untried[rng(self.seed, len(self.trials)).integers(len(untried))]

    def _untried(self) -> list[Values]:
        return [point for point in self._grid() if not self._duplicate(point)]

    def _grid(self) -> list[Values]:
        """List all points: the active hyperparameters by name."""
        points: list[Values] = [{}]
        for hp in self.hyperparameters.space:
            points = [one for point in points for one in _extended(point, hp)]
        return points


def _extended(point: Values, hp: Any) -> Iterator[Values]:
    """Yield `point` with each value of `hp`, or alone if `hp` is not active there."""
    if all(condition.is_active(point) for condition in hp.conditions):
        for value in hp.values:
            yield {**point, hp.name: value}
    else:
        yield point


class RandomOracle(_Untried, keras_tuner.oracles.RandomSearchOracle):
    """Random search without repeats."""


class BayesianOracle(_Untried, keras_tuner.oracles.BayesianOptimizationOracle):
    """Bayesian search over the points that were not tried.

    After the initial random points it proposes the point with the best upper confidence bound
    of the Gaussian process. Keras Tuner maximises the bound over a continuous box and rounds the
    result, which repeats points; and its default of 3 initial points per hyperparameter would
    make a search with a small budget random to its end.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        untried = self._untried()
        if not untried:
            return _STOPPED
        states = [trial.status for trial in self.trials.values()]
        if states.count("COMPLETED") + states.count("RUNNING") < self._initial_points():
            return {"status": "RUNNING", "values": self._random_values()}
        if "RUNNING" in states:
            return _IDLE
        with warnings.catch_warnings():
            # few points rarely decide the length scale, which may end at its bound
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.gpr.fit(*self._vectorize_trials())
        # the tuner's scores are maximised; Keras Tuner flips their sign for the process
        mean, deviation = self.gpr.predict(self._vectors(untried), return_std=True)
        best = int(np.argmin(mean - self.beta * deviation))
        return {"status": "RUNNING", "values": untried[best]}

    def _make_gpr(self) -> Any:
        process = super()._make_gpr()
        process.n_restarts_optimizer = 2  # of 20, which one length scale does not need
        return process

    def _initial_points(self) -> int:
        """Half of the budget, at least 2, at most Keras Tuner's 3 per hyperparameter.

        A third found less with 6 and 9 trials on the grid of benchmarks/search.py, though by no
        more than two standard errors.
        """
        most = 3 * max(1, len(self.hyperparameters.space))
        return min(max(2, int(self.max_trials) // 2), most)

    def _vectors(self, points: list[Values]) -> np.ndarray:
        """Embed points in the unit cube, as Keras Tuner does."""
        space = self._nonfixed_space()
        rows = [
            [hp.value_to_prob(point.get(hp.name, hp.default)) for hp in space] for point in points
        ]
        return np.array(rows)


class HyperbandOracle(_Untried, keras_tuner.oracles.HyperbandOracle):
    """Hyperband that always trains some points for all epochs.

    Keras Tuner stops where the budget ends, or where the grid has fewer points than its first
    round, even if no point was trained for all epochs yet. Here the last trials of the budget,
    or the trials after such a stop, train the best points so far for all epochs.

    Args:
        finished: number of points to train for all epochs, as far as grid and budget suffice.
        max_trials: the budget, which the constructor of Keras Tuner does not take.
        **options: the other arguments of Keras Tuner's oracle.
    """

    def __init__(self, finished: int, max_trials: int, **options: Any) -> None:
        super().__init__(**options)
        self.finished, self.max_trials = finished, max_trials

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self._must_wait():
            return _IDLE
        full = [trial for trial in self.trials.values() if self._is_full(trial)]
        missing = self.finished - sum(trial.status in ("COMPLETED", "RUNNING") for trial in full)
        can_halve = len(self._grid()) > self.finished
        if can_halve and missing < self.max_trials - len(self.trials):
            response = super().populate_space(trial_id)
            if response["status"] != "STOPPED":
                return dict(response)
        return self._finish([_point(trial) for trial in full]) if missing > 0 else _STOPPED

    def _must_wait(self) -> bool:
        """Tell if the next proposal depends on trials that run: it is not of their round."""
        running = [trial for trial in self.trials.values() if trial.status == "RUNNING"]
        return not all(self._has_room(trial.hyperparameters.values) for trial in running)

    def _has_room(self, values: Values) -> bool:
        """Tell if the round of a trial has room; those of `_finish` are of none."""
        number, place = values.get("tuner/bracket"), values.get("tuner/round")
        rounds = [one["rounds"] for one in self._brackets if one["bracket_num"] == number]
        if number is None or not rounds:
            return number is None
        return len(rounds[0][place]) < int(self._get_size(number, place))

    def _finish(self, full: list[Values]) -> dict[str, Any]:
        """Propose the best point that was not trained for all epochs, or a new one, for all."""
        if any(one.status == "RUNNING" and not self._is_full(one) for one in self.trials.values()):
            return _IDLE
        trials = [one for one in self.trials.values() if one.status == "COMPLETED"]
        candidates = [one for one in trials if _point(one) not in full]
        if candidates:
            best = max(candidates, key=lambda trial: trial.score)
            values: Values | None = {**_point(best), "tuner/trial_id": best.trial_id}
        else:
            values = self._random_values()
        if values is None:
            return _STOPPED
        whole = {"tuner/epochs": self.max_epochs, "tuner/initial_epoch": 0}
        return {"status": "RUNNING", "values": {**values, **whole}}

    def _is_full(self, trial: Any) -> bool:
        return bool(trial.hyperparameters.values["tuner/epochs"] >= self.max_epochs)


def _point(trial: Any) -> Values:
    """The hyperparameters of a trial, without Hyperband's own."""
    values = trial.hyperparameters.values
    return {name: value for name, value in values.items() if not name.startswith("tuner/")}
