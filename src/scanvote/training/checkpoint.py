"""State of a training and its checkpoint file."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np

from scanvote.core.files import atomic_write
from scanvote.training.schedule import Schedule, Scores


@dataclass
class State:
    """Everything that the rest of a training needs of its past epochs.

    Attributes:
        phase: 0, or 1 once a frozen backbone has been unfrozen.
        epochs_since_best: epochs since the best one.
        seconds: time in epochs so far, with validation.
        fit_seconds: time in the training steps alone.
        images_fitted: number of images trained on in `fit_seconds`.
        best_weights: weights of the best epoch, of the part that is trained in this phase.
    """

    history: list[Scores] = field(default_factory=list)
    best: Scores = field(default_factory=dict)
    phase: int = 0
    epochs_since_best: int = 0
    seconds: float = 0.0
    fit_seconds: float = 0.0
    images_fitted: int = 0
    memory_mib: int = 0
    best_weights: list[np.ndarray] = field(default_factory=list)

    def update(self, model: keras.Model, scores: Scores, schedule: Schedule) -> None:
        """Add the scores of an epoch; keep the weights of the best."""
        self.history.append(scores)
        self.epochs_since_best += 1
        if not self.best or schedule.key(scores) < schedule.key(self.best):
            self.best, self.epochs_since_best, self.best_weights = scores, 0, model.get_weights()


def save_checkpoint(
    state: State, model: keras.Model, optimizer: keras.Optimizer, path: Path
) -> None:
    """Write the state, the weights and the optimizer's variables to `path`."""
    arrays = {
        **{f"weight_{i}": a for i, a in enumerate(model.get_weights())},
        **{f"best_{i}": a for i, a in enumerate(state.best_weights)},
        **{f"optimizer_{i}": np.asarray(v) for i, v in enumerate(optimizer.variables)},
    }
    plain = {key: value for key, value in vars(state).items() if key != "best_weights"}
    with atomic_write(path) as beside, beside.open("wb") as file:
        np.savez(file, state=json.dumps(plain), **arrays)


def read_state(path: Path) -> State:
    """Read a checkpoint's state without weights; without file, a new state."""
    if not path.exists():
        return State()
    with np.load(path, allow_pickle=False) as saved:
        return State(**json.loads(str(saved["state"])))


def restore(state: State, model: keras.Model, optimizer: keras.Optimizer, path: Path) -> None:
    """Restore the arrays of `model`, `optimizer` and `state` from a checkpoint."""
    with np.load(path, allow_pickle=False) as saved:
        weights = len(model.get_weights())
        model.set_weights([saved[f"weight_{i}"] for i in range(weights)])
        state.best_weights = [saved[f"best_{i}"] for i in range(weights)]
        for number, variable in enumerate(optimizer.variables):
            variable.assign(saved[f"optimizer_{number}"])
