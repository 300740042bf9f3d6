"""The loop over the epochs, and the memory of what was trained."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from scanvote.core.backend import as_dataset, clear_session, peak_memory
from scanvote.core.files import atomic_write, write_json
from scanvote.core.seeds import derive_seed
from scanvote.models.flip_tta import with_flip_tta
from scanvote.models.saving import save_model
from scanvote.models.transfer import FROZEN
from scanvote.training.batches import Batches, Images, predict
from scanvote.training.checkpoint import State, read_state, restore, save_checkpoint
from scanvote.training.normalisation import fuse_normalisation
from scanvote.training.schedule import Scores
from scanvote.training.spec import TrainingFailed, TrainingResult, TrainingSpec

OnEpoch = Callable[[int, Scores], None]


def train(
    network: Callable[[], keras.Model], job: TrainingSpec, on_epoch: OnEpoch
) -> TrainingResult:
    """Train to the end, from the last checkpoint if there is one, or return what is remembered.

    The best epoch's network is then in ``job.memory / "model.keras"``, unless it was
    forgotten since; `retrain_if_missing` trains it again.

    Raises:
        TrainingFailed: the network cannot be built, the loss is not finite, or the memory of
            the machine does not suffice. The first two are remembered.
    """
    remembered = load_cached(job.cache_dir)
    if remembered is not None:
        for epoch, scores in enumerate(remembered.history):
            on_epoch(epoch, scores)
        return remembered
    done = job.cache_dir / "result.json"
    clear_session()
    keras.utils.set_random_seed(derive_seed(job.seed, "weights"))
    try:
        with _out_of_memory_fails(), _precision(job.schedule.config.precision):
            model = network()
            trained = _fit(model, job, on_epoch)
    except TrainingFailed as failure:
        if failure.lasting:
            write_json(done, {"problem": str(failure)})
        raise
    save_model(with_flip_tta(model) if job.mirror else model, job.cache_dir / "model.keras")
    write_json(done, asdict(trained))
    (job.cache_dir / "checkpoint.npz").unlink(missing_ok=True)
    return trained


def load_cached(memory: Path) -> TrainingResult | None:
    """What a finished training left, None if there is none.

    Raises:
        TrainingFailed: it is remembered to fail.
    """
    done = memory / "result.json"
    if not done.exists():
        return None
    result = json.loads(done.read_text())
    if "problem" in result:
        raise TrainingFailed(result["problem"])
    return TrainingResult(**result)


def retrain_if_missing(network: Callable[[], keras.Model], job: TrainingSpec) -> None:
    """Train again what was forgotten: the same network to the bit, its history as it was."""
    if not (job.cache_dir / "model.keras").exists():
        (job.cache_dir / "result.json").unlink()
        train(network, job, lambda epoch, scores: None)


def delete_weights(memory: Path) -> None:
    """Drop the weights of a finished training; its history stays."""
    (memory / "model.keras").unlink(missing_ok=True)


@contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Layers that are made in the block compute so."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def _out_of_memory_fails() -> Iterator[None]:
    """TensorFlow's ResourceExhaustedError, JAX's RESOURCE_EXHAUSTED, Python's MemoryError."""
    try:
        yield
    except Exception as error:
        words = f"{type(error).__name__} {error}"
        if not any(w in words for w in ("ResourceExhausted", "RESOURCE_EXHAUSTED", "MemoryError")):
            raise
        raise TrainingFailed(
            "the memory does not suffice; smaller batches or scans may help", lasting=False
        ) from None


@dataclass(frozen=True)
class _Phase:
    """Some epochs in which the same part of a network learns.

    Attributes:
        model: the part that learns, sharing its weights with the network.
        job: on what this part is given.
        number: 0, or 1 once a frozen backbone was thawed.
        first: number of its first epoch.
        last: number of the epoch after its last one.
    """

    model: keras.Model
    job: TrainingSpec
    number: int
    first: int
    last: int

    def rate(self, state: State) -> float:
        """The head alone warms up at the full rate: it starts from nothing."""
        schedule = self.job.schedule
        if self.last < schedule.config.epochs:
            return schedule.lr
        return schedule.rate(state.history[self.first :], self.last - self.first)

    def is_over(self, state: State) -> bool:
        schedule, epochs = self.job.schedule, len(state.history)
        if self.last < schedule.config.epochs:
            return epochs >= self.last
        return schedule.should_stop(epochs, state.epochs_since_best)


def _fit(model: keras.Model, job: TrainingSpec, on_epoch: OnEpoch) -> TrainingResult:
    state = read_state(job.cache_dir / "checkpoint.npz")
    for epoch, scores in enumerate(state.history):
        on_epoch(epoch, scores)
    for phase in _phases(model, job, state.phase):
        _run(phase, state, on_epoch)
        _keep_best_of_whole(phase.model, model, state)
    model.set_weights(state.best_weights)
    return TrainingResult(
        state.history,
        state.best,
        model.count_params(),
        round(state.seconds, 2),
        round(state.fitted / max(state.fitting, 1e-9), 1),
        state.memory_mib,
    )


def _phases(model: keras.Model, job: TrainingSpec, begun: int) -> Iterator[_Phase]:
    """The head alone, if the backbone is frozen, and all of the network, once it is thawed.

    Those before the one that was `begun` are over.
    """
    epochs = job.schedule.config.epochs
    first = epochs if job.unfreeze is None else min(job.unfreeze.after, epochs - 1)
    if first > 0 and begun == 0:
        yield _Phase(_after_frozen(model, job), _with_features(model, job), 0, 0, first)
    if job.unfreeze is not None:
        job.unfreeze.release(model)
        yield _Phase(model, job, 1, first, epochs)


def _has_features(model: keras.Model, job: TrainingSpec) -> bool:
    """Whether what a frozen backbone makes of the scans is the same in each epoch."""
    return job.augment is None and FROZEN in {layer.name for layer in model.layers}


def _after_frozen(model: keras.Model, job: TrainingSpec) -> keras.Model:
    """The part that learns, sharing its weights: what follows the layer FROZEN, or all."""
    if not _has_features(model, job):
        return model
    return keras.Model(model.get_layer(FROZEN).output, model.outputs)


def _with_features(model: keras.Model, job: TrainingSpec) -> TrainingSpec:
    """The job on what a frozen backbone makes of the scans: computed once, not each epoch."""
    if not _has_features(model, job):
        return job
    backbone = keras.Model(model.inputs, model.get_layer(FROZEN).output)
    train = _features(backbone, job.train[0], job, "train")
    validation = _features(backbone, job.validation, job, "validation")
    return replace(job, train=(train, job.train[1]), validation=validation)


def _features(backbone: keras.Model, images: Images, job: TrainingSpec, split: str) -> np.ndarray:
    """float32 (n, …): what another training kept, or computed, and kept for the next."""
    size = job.schedule.config.batch_size
    if job.features is None:
        return predict(backbone, images, size)
    kept = job.features / f"{split}.npy"
    if not kept.exists():
        with atomic_write(kept) as beside, beside.open("wb") as file:
            np.save(file, predict(backbone, images, size))
    return np.asarray(np.load(kept, mmap_mode="r"))


def _keep_best_of_whole(part: keras.Model, model: keras.Model, state: State) -> None:
    """Turn the best weights of a part into those of the network; the present ones stay."""
    now = part.get_weights()
    part.set_weights(state.best_weights)
    state.best_weights = model.get_weights()
    part.set_weights(now)


def _run(phase: _Phase, state: State, on_epoch: OnEpoch) -> None:
    """Train until the phase is over."""
    model, job = phase.model, phase.job
    how, checkpoint = job.schedule.config, job.cache_dir / "checkpoint.npz"
    fuse_normalisation(model)
    model.compile(optimizer=job.schedule.optimizer(), loss=job.loss)
    model.optimizer.build(model.trainable_variables)
    if state.phase == phase.number and state.history:
        restore(state, model, checkpoint)
    else:
        state.phase, state.epochs_since_best, state.average = phase.number, 0, []
    batches = Batches(
        job.train[0], how.batch_size, job.train[1], job.weights, job.augment, job.draw
    )
    fed = as_dataset(batches)
    while not phase.is_over(state):
        scores = _epoch(model, batches, fed, phase, state)
        save_checkpoint(state, model, checkpoint)
        on_epoch(len(state.history) - 1, scores)


def _epoch(model: keras.Model, batches: Batches, fed: Any, phase: _Phase, state: State) -> Scores:
    started, epoch, job = time.perf_counter(), len(state.history), phase.job
    _reseed(model, derive_seed(job.seed, "epoch", epoch))
    batches.start_epoch(derive_seed(job.seed, "batches", epoch))
    model.optimizer.learning_rate = phase.rate(state)
    # told the steps, Keras does not run a step into the end, which would count for the optimizer
    logs = model.fit(fed, steps_per_epoch=len(batches), verbose=0, shuffle=False).history
    fitted = time.perf_counter()
    with state.averaged(model, job.schedule.config.average):
        predicted = predict(model, job.validation, job.schedule.config.batch_size)
        scores = {"loss": float(logs["loss"][0]), **job.score(predicted)}
        _finite(scores, epoch)
        state.update(model, scores, job.schedule)
    state.fitting += fitted - started
    state.fitted += len(batches.order)
    state.seconds += time.perf_counter() - started
    state.memory_mib = max(state.memory_mib, peak_memory() >> 20)
    return scores


def _finite(scores: Scores, epoch: int) -> None:
    if not np.isfinite([scores["loss"], scores["val_loss"]]).all():
        raise TrainingFailed(f"the loss is not finite in epoch {epoch + 1}; a smaller lr may help")


def _reseed(model: keras.Model, seed: int) -> None:
    """Set what dropout draws from, which the weights of a checkpoint do not hold."""
    for number, variable in enumerate(v for v in model.variables if "seed_generator" in v.path):
        variable.assign(np.array([derive_seed(seed, number), 0], "uint32"))
