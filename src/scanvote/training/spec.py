"""Specification and result of a training."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from scanvote.params import AugmentParams
from scanvote.training.batches import Images, Sampler
from scanvote.training.patches import Patches
from scanvote.training.schedule import Schedule, Scores


class TrainingFailed(Exception):
    """The training cannot go on; the message gives the reason.

    Attributes:
        lasting: the same training would fail again.
    """

    def __init__(self, message: str, lasting: bool = True) -> None:
        super().__init__(message)
        self.lasting = lasting


@dataclass(frozen=True)
class Unfreeze:
    """Fine-tuning: the backbone is unfrozen after some epochs.

    Attributes:
        after: epochs in which only the layers behind the backbone are trained.
        make_trainable: makes the backbone of a network trainable.
    """

    after: int
    make_trainable: Callable[[keras.Model], None]


@dataclass(frozen=True)
class TrainingSpec:
    """Everything that decides the outcome of a training, except the network.

    Attributes:
        train: images uint8 (n, H, W, C), and the targets of the loss; masks are (n, H, W, 1).
        validation: images uint8 (n, H, W, C).
        loss: the loss for `keras.Model.compile`.
        score: computes the validation scores, `val_loss` among them, from the predictions.
        schedule: learning rate, optimizer, objective and early stopping.
        seed: seed of all random choices of the training.
        cache_dir: folder of this training alone, named by the digest of all it depends on; holds
            the checkpoint while the training runs, and the result when it is done.
        weights: sample weights, float (n,), of the training images; None for equal weights.
        augment: bounds of the augmentation of each image in each epoch, if any.
        mirror: save the model with test-time augmentation over a scan and its mirror image.
        unfreeze: unfreezing of a frozen backbone, if any.
        draw: chooses the training images of an epoch; None for all.
        patches: patches to train on; None for whole images.
        features: cache folder of the frozen backbone's features, shared with other trainings;
            None to cache no features.
    """

    train: tuple[Images, Images]
    validation: Images
    loss: Any
    score: Callable[[np.ndarray], Scores]
    schedule: Schedule
    seed: int
    cache_dir: Path
    weights: np.ndarray | None = None
    augment: AugmentParams | None = None
    mirror: bool = False
    unfreeze: Unfreeze | None = None
    draw: Sampler | None = None
    patches: Patches | None = None
    features: Path | None = None


@dataclass(frozen=True)
class TrainingResult:
    """Scores and cost of a finished training.

    Attributes:
        history: the scores of each epoch.
        best: the scores of the epoch whose network was kept.
        parameters: number of weights of the network, frozen ones included.
        seconds: time from the first epoch to the last, over all restarts.
        images_per_second: speed of the training steps.
        memory_mib: largest memory of the process, or of the accelerator, at the end of an epoch.
    """

    history: list[Scores]
    best: Scores
    parameters: int
    seconds: float
    images_per_second: float
    memory_mib: int
