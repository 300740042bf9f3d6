"""Fit a network, once: resumable after a kill, bit for bit, and remembered when done.

Every random choice of an epoch derives from (seed, epoch), so that an epoch run
after a restart equals the one that an uninterrupted training would have run.
Knows Keras; knows neither MLflow nor DVC.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from scanvote.files import write_json, written
from scanvote.models.archive import save_model
from scanvote.models.transfer import FROZEN
from scanvote.seeds import derive, generator

Scores = dict[str, float]
OnEpoch = Callable[[int, Scores], None]


class TrainingFailed(Exception):
    """The training cannot go on; the message says why."""


@dataclass(frozen=True)
class Schedule:
    """How a network is trained.

    Attributes:
        objective: the validation score that decides: ``loss`` (the less the better)
            or any other that `Job.score` returns (the more the better, ties by loss).
        patience: epochs without a better objective after which training ends.
    """

    lr: float
    epochs: int
    patience: int
    batch_size: int
    objective: str

    def within(self, epochs: int) -> "Schedule":
        """The same with at most `epochs`."""
        return replace(self, epochs=min(epochs, self.epochs))

    def key(self, scores: Scores) -> tuple[float, float]:
        """Sorts scores, the best first."""
        sign = 1 if self.objective == "loss" else -1
        return sign * scores[f"val_{self.objective}"], scores["val_loss"]


@dataclass(frozen=True)
class Job:
    """All that decides the outcome of a training, but the network.

    Attributes:
        train: images uint8 (n, H, W, C), and the targets of the loss.
        validation: images uint8 (n, H, W, C).
        loss: what Keras compiles.
        score: validation scores, `val_loss` among them, from the predictions.
        memory: folder of this very training, named by the digest of all it depends
            on: holds the checkpoint while it runs, and the result when it is done.
    """

    train: tuple[np.ndarray, np.ndarray]
    validation: np.ndarray
    loss: Any
    score: Callable[[np.ndarray], Scores]
    schedule: Schedule
    seed: int
    memory: Path


@dataclass(frozen=True)
class Trained:
    """What a finished training leaves: its history, an epoch a row, and its best epoch's scores."""

    history: list[Scores]
    best: Scores
    parameters: int
    seconds: float


def train(network: Callable[[], keras.Model], job: Job, on_epoch: OnEpoch) -> Trained:
    """Train to the end, from the last checkpoint if there is one, or return what is remembered.

    The best epoch's network is then in ``job.memory / "model.keras"``, unless it was
    forgotten since; `restore_model` trains it again.

    Raises:
        TrainingFailed: the loss is not finite.
    """
    done = job.memory / "result.json"
    if done.exists():
        trained = Trained(**json.loads(done.read_text()))
        for epoch, scores in enumerate(trained.history):
            on_epoch(epoch, scores)
        return trained
    keras.utils.clear_session()
    keras.utils.set_random_seed(derive(job.seed, "weights"))
    model = network()
    trained = _fit(_after_frozen(model), _with_features(model, job), on_epoch)
    trained = replace(trained, parameters=model.count_params())
    save_model(model, job.memory / "model.keras")
    write_json(done, asdict(trained))
    (job.memory / "checkpoint.npz").unlink(missing_ok=True)
    return trained


def restore_model(network: Callable[[], keras.Model], job: Job) -> None:
    """Train again what was forgotten: the same network to the bit, its history as it was."""
    if not (job.memory / "model.keras").exists():
        (job.memory / "result.json").unlink()
        train(network, job, lambda epoch, scores: None)


def forget_model(memory: Path) -> None:
    """Drop the weights of a finished training; its history stays."""
    (memory / "model.keras").unlink(missing_ok=True)


def _after_frozen(model: keras.Model) -> keras.Model:
    """The part that learns, sharing its weights: what follows the layer FROZEN, or all."""
    if FROZEN not in {layer.name for layer in model.layers}:
        return model
    return keras.Model(model.get_layer(FROZEN).output, model.outputs)


def _with_features(model: keras.Model, job: Job) -> Job:
    """The job on what a frozen backbone makes of the scans: computed once, not each epoch."""
    if FROZEN not in {layer.name for layer in model.layers}:
        return job
    backbone = keras.Model(model.inputs, model.get_layer(FROZEN).output)
    size = job.schedule.batch_size
    train, validation = (
        backbone.predict(images, batch_size=size, verbose=0)
        for images in (job.train[0], job.validation)
    )
    return replace(job, train=(train, job.train[1]), validation=validation)


def _fit(model: keras.Model, job: Job, on_epoch: OnEpoch) -> Trained:
    schedule = job.schedule
    model.compile(optimizer=keras.optimizers.Adam(schedule.lr), loss=job.loss)
    model.optimizer.build(model.trainable_variables)
    state = _State.restored(model, job.memory / "checkpoint.npz")
    batches = Batches(*job.train, schedule.batch_size)
    for epoch, scores in enumerate(state.history):
        on_epoch(epoch, scores)
    while len(state.history) < schedule.epochs and state.stale < schedule.patience:
        started = time.perf_counter()
        epoch = len(state.history)
        _reseed(model, derive(job.seed, "epoch", epoch))
        batches.shuffle(generator(job.seed, "order", epoch))
        logs = model.fit(batches, epochs=1, verbose=0, shuffle=False).history
        predicted = model.predict(job.validation, batch_size=schedule.batch_size, verbose=0)
        scores = {"loss": float(logs["loss"][0]), **job.score(predicted)}
        _finite(scores, epoch)
        state.note(model, scores, schedule, time.perf_counter() - started)
        state.save(model, job.memory / "checkpoint.npz")
        on_epoch(epoch, scores)
    model.set_weights(state.best_weights)
    return Trained(state.history, state.best, model.count_params(), round(state.seconds, 2))


def _finite(scores: Scores, epoch: int) -> None:
    if not np.isfinite([scores["loss"], scores["val_loss"]]).all():
        raise TrainingFailed(f"the loss is not finite in epoch {epoch + 1}; a smaller lr may help")


def _reseed(model: keras.Model, seed: int) -> None:
    """Set what dropout draws from, which the weights of a checkpoint do not hold."""
    for number, variable in enumerate(v for v in model.variables if "seed_generator" in v.path):
        variable.assign(np.array([derive(seed, number), 0], "uint32"))


class Batches(keras.utils.PyDataset):
    """Shuffled batches of arrays in memory, in an order set from outside."""

    def __init__(self, images: np.ndarray, targets: np.ndarray, batch_size: int) -> None:
        super().__init__()
        self.images, self.targets, self.batch_size = images, targets, batch_size
        self.order = np.arange(len(images))

    def shuffle(self, random: np.random.Generator) -> None:
        self.order = random.permutation(len(self.images))

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[batch * self.batch_size : (batch + 1) * self.batch_size]
        return self.images[rows], self.targets[rows]


class _State:
    """Where a training stands: all that the next epoch and the end need."""

    def __init__(self, history: list[Scores], best: Scores, stale: int, seconds: float) -> None:
        self.history, self.best, self.stale, self.seconds = history, best, stale, seconds
        self.best_weights: list[np.ndarray] = []

    @classmethod
    def restored(cls, model: keras.Model, path: Path) -> "_State":
        if not path.exists():
            return cls([], {}, 0, 0.0)
        with np.load(path, allow_pickle=False) as saved:
            state = cls(**json.loads(str(saved["state"])))
            weights = len(model.get_weights())
            model.set_weights([saved[f"weight_{i}"] for i in range(weights)])
            state.best_weights = [saved[f"best_{i}"] for i in range(weights)]
            for number, variable in enumerate(model.optimizer.variables):
                variable.assign(saved[f"optimizer_{number}"])
        return state

    def note(self, model: keras.Model, scores: Scores, schedule: Schedule, seconds: float) -> None:
        self.history.append(scores)
        self.seconds += seconds
        self.stale += 1
        if not self.best or schedule.key(scores) < schedule.key(self.best):
            self.best, self.stale, self.best_weights = scores, 0, model.get_weights()

    def save(self, model: keras.Model, path: Path) -> None:
        plain = {k: v for k, v in vars(self).items() if k != "best_weights"}
        arrays = {
            **{f"weight_{i}": a for i, a in enumerate(model.get_weights())},
            **{f"best_{i}": a for i, a in enumerate(self.best_weights)},
            **{f"optimizer_{i}": np.asarray(v) for i, v in enumerate(model.optimizer.variables)},
        }
        with written(path) as beside, beside.open("wb") as file:
            np.savez(file, state=json.dumps(plain), **arrays)
