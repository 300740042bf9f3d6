"""Where a training stands: all that the next epoch and the end need."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from scanvote.core.files import atomic_write
from scanvote.training.schedule import Schedule, Scores

_ARRAYS = ("best_weights", "average")


@dataclass
class State:
    """The past of a training.

    Attributes:
        phase: 0, or 1 since a frozen backbone was thawed.
        stale: epochs since the best one.
        fitted: images the network learnt from, in `fitting` seconds.
        best_weights: of the best epoch, of the part that learns in this phase.
        average: of the weights of this phase's epochs, where they are averaged.
    """

    history: list[Scores] = field(default_factory=list)
    best: Scores = field(default_factory=dict)
    phase: int = 0
    epochs_since_best: int = 0
    seconds: float = 0.0
    fitting: float = 0.0
    fitted: int = 0
    memory_mib: int = 0
    best_weights: list[np.ndarray] = field(default_factory=list)
    average: list[np.ndarray] = field(default_factory=list)

    @contextmanager
    def averaged(self, model: keras.Model, decay: float) -> Iterator[None]:
        """In the block `model` has the running mean of its weights over the epochs.

        Args:
            decay: share of the mean so far in the next one; 0: the weights as they are.
        """
        if not decay:
            yield
            return
        now = model.get_weights()
        self.average = [
            decay * mean + (1 - decay) * new
            for mean, new in zip(self.average or now, now, strict=True)
        ]
        model.set_weights(self.average)
        yield
        model.set_weights(now)

    def update(self, model: keras.Model, scores: Scores, schedule: Schedule) -> None:
        """Take in the scores of an epoch."""
        self.history.append(scores)
        self.epochs_since_best += 1
        if not self.best or schedule.key(scores) < schedule.key(self.best):
            self.best, self.epochs_since_best, self.best_weights = scores, 0, model.get_weights()


def save_checkpoint(state: State, model: keras.Model, path: Path) -> None:
    """Write the state, the weights and what the optimizer remembers to `path`."""
    arrays = {
        **{f"weight_{i}": a for i, a in enumerate(model.get_weights())},
        **{f"best_{i}": a for i, a in enumerate(state.best_weights)},
        **{f"average_{i}": a for i, a in enumerate(state.average)},
        **{f"optimizer_{i}": np.asarray(v) for i, v in enumerate(model.optimizer.variables)},
    }
    plain = {key: value for key, value in vars(state).items() if key not in _ARRAYS}
    with atomic_write(path) as beside, beside.open("wb") as file:
        np.savez(file, state=json.dumps(plain), **arrays)


def read_state(path: Path) -> State:
    """The state of a checkpoint without its weights, or of a training that has not begun."""
    if not path.exists():
        return State()
    with np.load(path, allow_pickle=False) as saved:
        return State(**json.loads(str(saved["state"])))


def restore(state: State, model: keras.Model, path: Path) -> None:
    """Give `model`, its optimizer and `state` the arrays of the checkpoint."""
    with np.load(path, allow_pickle=False) as saved:
        weights = len(model.get_weights())
        model.set_weights([saved[f"weight_{i}"] for i in range(weights)])
        state.best_weights = [saved[f"best_{i}"] for i in range(weights)]
        averaged = range(weights) if "average_0" in saved else ()
        state.average = [saved[f"average_{i}"] for i in averaged]
        for number, variable in enumerate(model.optimizer.variables):
            variable.assign(saved[f"optimizer_{number}"])
