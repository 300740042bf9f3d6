"""What a training is given, and what it leaves."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from scanvote.params import AugmentParams
from scanvote.training.batches import Images, Sampler
from scanvote.training.schedule import Schedule, Scores


class TrainingFailed(Exception):
    """The training cannot go on; the message says why.

    Attributes:
        lasting: it would fail again.
    """

    def __init__(self, message: str, lasting: bool = True) -> None:
        super().__init__(message)
        self.lasting = lasting


@dataclass(frozen=True)
class Unfreeze:
    """A backbone that learns too, after a while.

    Attributes:
        after: epochs in which what follows the backbone learns alone.
        release: makes the backbone of a network trainable.
    """

    after: int
    release: Callable[[keras.Model], None]


@dataclass(frozen=True)
class TrainingSpec:
    """All that decides the outcome of a training, but the network.

    Attributes:
        train: images uint8 (n, H, W, C), and the targets of the loss; masks are (n, H, W, 1).
        validation: images uint8 (n, H, W, C).
        loss: what Keras compiles.
        score: validation scores, `val_loss` among them, from the predictions.
        memory: folder of this very training, named by the digest of all it depends
            on: holds the checkpoint while it runs, and the result when it is done.
        weights: float (n,) of the training images, where they do not weigh the same.
        augment: bounds of the change that each image suffers in each epoch, if any.
        mirror: the model that is kept averages a scan and its mirror image.
        thaw: of a frozen backbone, if ever.
        draw: chooses the training images of an epoch; None for all.
        features: folder that keeps what a frozen backbone makes of the images, for other
            trainings with the same; None where that is not kept.
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
    features: Path | None = None


@dataclass(frozen=True)
class TrainingResult:
    """What a finished training leaves.

    Attributes:
        history: an epoch a row.
        best: the scores of the epoch whose network was kept.
        parameters: of the network, frozen ones included.
        seconds: from the first epoch to the last, over all restarts.
        images_per_second: while it learnt.
        memory_mib: the most that the process, or the accelerator, held at the end of an epoch.
    """

    history: list[Scores]
    best: Scores
    parameters: int
    seconds: float
    images_per_second: float
    memory_mib: int
