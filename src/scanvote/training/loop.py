"""Training loop, with a cache of finished trainings."""

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
from scanvote.models.layer_calls import for_patches
from scanvote.models.saving import save_model
from scanvote.models.transfer import FROZEN
from scanvote.training.batches import Batches, Change, Images, predict
from scanvote.training.checkpoint import State, read_state, restore, save_checkpoint
from scanvote.training.normalisation import fuse_normalisation
from scanvote.training.schedule import Scores
from scanvote.training.spec import TrainingFailed, TrainingResult, TrainingSpec

OnEpoch = Callable[[int, Scores], None]


def train(
    network: Callable[[], keras.Model], spec: TrainingSpec, on_epoch: OnEpoch
) -> TrainingResult:
    """Train a network from its last checkpoint, or return the cached result.

    The best epoch's network is then in ``spec.cache_dir / "model.keras"``, unless
    `delete_weights` has removed it since; `retrain_if_missing` trains it again.

    Raises:
        TrainingFailed: the network cannot be built, the loss is not finite, or the machine runs
            out of memory. The first two failures are cached.
    """
    cached = load_cached(spec.cache_dir)
    if cached is not None:
        for epoch, scores in enumerate(cached.history):
            on_epoch(epoch, scores)
        return cached
    done = spec.cache_dir / "result.json"
    clear_session()
    keras.utils.set_random_seed(derive_seed(spec.seed, "weights"))
    try:
        with _out_of_memory_fails(), _precision(spec.schedule.config.precision):
            model = network()
            trained = _fit(model, spec, on_epoch)
    except TrainingFailed as failure:
        if failure.lasting:
            write_json(done, {"problem": str(failure)})
        raise
    save_model(with_flip_tta(model) if spec.mirror else model, spec.cache_dir / "model.keras")
    write_json(done, asdict(trained))
    (spec.cache_dir / "checkpoint.npz").unlink(missing_ok=True)
    return trained


def load_cached(cache_dir: Path) -> TrainingResult | None:
    """Load the result of a finished training, None if there is none.

    Raises:
        TrainingFailed: the cache says that this training fails.
    """
    done = cache_dir / "result.json"
    if not done.exists():
        return None
    result = json.loads(done.read_text())
    if "problem" in result:
        raise TrainingFailed(result["problem"])
    return TrainingResult(**result)


def retrain_if_missing(network: Callable[[], keras.Model], spec: TrainingSpec) -> None:
    """Train again if the weights were deleted, bit for bit alike."""
    if not (spec.cache_dir / "model.keras").exists():
        (spec.cache_dir / "result.json").unlink()
        train(network, spec, lambda epoch, scores: None)


def delete_weights(cache_dir: Path) -> None:
    """Delete the weights of a finished training; its history stays."""
    (cache_dir / "model.keras").unlink(missing_ok=True)


@contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Set the dtype policy of layers that are created in the block."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def _out_of_memory_fails() -> Iterator[None]:
    """Turn an out-of-memory error of any backend into a `TrainingFailed`.

    These are TensorFlow's ResourceExhaustedError, JAX's RESOURCE_EXHAUSTED and Python's
    MemoryError.
    """
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
    """Consecutive epochs in which the same part of a network is trained.

    Attributes:
        model: the part that is trained, sharing its weights with the network.
        spec: the training settings; `train` and `validation` hold what this part takes in: images,
            or features of the frozen backbone.
        number: 0, or 1 once a frozen backbone has been unfrozen.
        first: number of its first epoch.
        end: number of the first epoch after this phase.
    """

    model: keras.Model
    spec: TrainingSpec
    number: int
    first: int
    end: int

    @property
    def precedes_unfreezing(self) -> bool:
        """Whether only the head is trained, as the backbone is unfrozen after this phase."""
        return self.end < self.spec.schedule.config.epochs

    def rate(self, state: State) -> float:
        """Return the learning rate of the next epoch."""
        if self.precedes_unfreezing:
            return self.spec.schedule.lr  # no warm-up: a new head has no trained weights to protect
        return self.spec.schedule.rate(state.history[self.first :], self.end - self.first)

    def is_over(self, state: State) -> bool:
        epochs = len(state.history)
        if self.precedes_unfreezing:
            return epochs >= self.end
        return self.spec.schedule.should_stop(epochs, state.epochs_since_best)


def _fit(model: keras.Model, spec: TrainingSpec, on_epoch: OnEpoch) -> TrainingResult:
    state = read_state(spec.cache_dir / "checkpoint.npz")
    for epoch, scores in enumerate(state.history):
        on_epoch(epoch, scores)
    for phase in _phases(model, spec, state.phase):
        _run(phase, state, on_epoch)
        _extend_best_to_whole(phase.model, model, state)
    model.set_weights(state.best_weights)
    return TrainingResult(
        state.history,
        state.best,
        model.count_params(),
        round(state.seconds, 2),
        round(state.images_fitted / max(state.fit_seconds, 1e-9), 1),
        state.memory_mib,
    )


def _phases(model: keras.Model, spec: TrainingSpec, begun: int) -> Iterator[_Phase]:
    """Yield the phases of a training from the phase `begun` on.

    Phase 0 trains the network as built, its backbone frozen if it has one. Phase 1 exists only
    with `spec.unfreeze`, and trains the backbone too.
    """
    epochs = spec.schedule.config.epochs
    first = epochs if spec.unfreeze is None else min(spec.unfreeze.after, epochs - 1)
    if first > 0 and begun == 0:
        yield _Phase(_after_frozen(model, spec), _with_features(model, spec), 0, 0, first)
    if spec.unfreeze is not None:
        spec.unfreeze.make_trainable(model)
        yield _Phase(model, spec, 1, first, epochs)


def _has_features(model: keras.Model, spec: TrainingSpec) -> bool:
    """Tell if the network has a frozen backbone whose features never change."""
    return spec.augment is None and FROZEN in {layer.name for layer in model.layers}


def _after_frozen(model: keras.Model, spec: TrainingSpec) -> keras.Model:
    """Return the trained part: the layers after FROZEN, or all.

    It shares its weights with `model`.
    """
    if not _has_features(model, spec):
        return model
    return keras.Model(model.get_layer(FROZEN).output, model.outputs)


def _with_features(model: keras.Model, spec: TrainingSpec) -> TrainingSpec:
    """Replace the images by the frozen backbone's features, computed only once."""
    if not _has_features(model, spec):
        return spec
    backbone = keras.Model(model.inputs, model.get_layer(FROZEN).output)
    train = _features(backbone, spec.train[0], spec, "train")
    validation = _features(backbone, spec.validation, spec, "validation")
    return replace(spec, train=(train, spec.train[1]), validation=validation)


def _features(backbone: keras.Model, images: Images, spec: TrainingSpec, split: str) -> np.ndarray:
    """Compute the backbone's features, float32 (n, …), or load cached ones."""
    size = spec.schedule.config.batch_size
    if spec.features is None:
        return predict(backbone, images, size)
    cached = spec.features / f"{split}.npy"
    if not cached.exists():
        with atomic_write(cached) as beside, beside.open("wb") as file:
            np.save(file, predict(backbone, images, size))
    return np.asarray(np.load(cached, mmap_mode="r"))


def _extend_best_to_whole(part: keras.Model, model: keras.Model, state: State) -> None:
    """Make `state.best_weights`, those of `part`, cover the whole network.

    The current weights do not change.
    """
    current = part.get_weights()
    part.set_weights(state.best_weights)
    state.best_weights = model.get_weights()
    part.set_weights(current)


def _run(phase: _Phase, state: State, on_epoch: OnEpoch) -> None:
    """Train until the phase is over."""
    model, spec = phase.model, phase.spec
    config, checkpoint = spec.schedule.config, spec.cache_dir / "checkpoint.npz"
    fitted = model if spec.patches is None else for_patches(model, spec.patches.side)
    fuse_normalisation(fitted)
    fitted.compile(optimizer=spec.schedule.optimizer(), loss=spec.loss)
    fitted.optimizer.build(fitted.trainable_variables)
    if state.phase == phase.number and state.history:
        restore(state, model, fitted.optimizer, checkpoint)
    else:
        state.phase, state.epochs_since_best = phase.number, 0
    images, targets = spec.train
    changes = spec.augment is not None or spec.patches is not None
    change = Change(spec.augment, spec.patches) if changes else None
    batches = Batches(images, config.batch_size, targets, spec.weights, change, spec.draw)
    dataset = as_dataset(batches)
    while not phase.is_over(state):
        scores = _epoch(fitted, batches, dataset, phase, state)
        save_checkpoint(state, model, fitted.optimizer, checkpoint)
        on_epoch(len(state.history) - 1, scores)


def _epoch(
    fitted: keras.Model, batches: Batches, dataset: Any, phase: _Phase, state: State
) -> Scores:
    """Train an epoch of `fitted`, which has the weights of `phase.model`, and score that."""
    started, epoch, spec = time.perf_counter(), len(state.history), phase.spec
    model = phase.model
    _reseed(model, derive_seed(spec.seed, "epoch", epoch))
    batches.start_epoch(derive_seed(spec.seed, "batches", epoch))
    fitted.optimizer.learning_rate = phase.rate(state)
    # without `steps_per_epoch` Keras runs into the end of the data and counts that as a step
    logs = fitted.fit(dataset, steps_per_epoch=len(batches), verbose=0, shuffle=False).history
    fit_ended = time.perf_counter()
    predicted = predict(model, spec.validation, spec.schedule.config.batch_size)
    scores = {"loss": float(logs["loss"][0]), **spec.score(predicted)}
    _check_finite(scores, epoch)
    state.update(model, scores, spec.schedule)
    state.fit_seconds += fit_ended - started
    state.images_fitted += len(batches.order)
    state.seconds += time.perf_counter() - started
    state.memory_mib = max(state.memory_mib, peak_memory() >> 20)
    return scores


def _check_finite(scores: Scores, epoch: int) -> None:
    if not np.isfinite([scores["loss"], scores["val_loss"]]).all():
        raise TrainingFailed(f"the loss is not finite in epoch {epoch + 1}; a smaller lr may help")


def _reseed(model: keras.Model, seed: int) -> None:
    """Set the seeds of dropout, which no checkpoint holds."""
    for number, variable in enumerate(v for v in model.variables if "seed_generator" in v.path):
        variable.assign(np.array([derive_seed(seed, number), 0], "uint32"))
