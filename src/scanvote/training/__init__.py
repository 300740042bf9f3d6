"""Training of a network: resumable bit for bit, with cached results.

Every random choice of an epoch derives from (seed, epoch), so an epoch after a restart
equals the one that an uninterrupted training would have run.
The package uses Keras, and neither MLflow nor DVC.
"""

from scanvote.core import seeds
from scanvote.images import augment
from scanvote.models import flip_tta, layer_calls, saving
from scanvote.training import (
    adjacent_slices,
    batches,
    checkpoint,
    loop,
    normalisation,
    patches,
    schedule,
    spec,
)
from scanvote.training.loop import delete_weights, load_cached, retrain_if_missing, train
from scanvote.training.schedule import Schedule, Scores
from scanvote.training.spec import TrainingFailed, TrainingResult, TrainingSpec, Unfreeze

CODE = [
    batches,
    adjacent_slices,
    normalisation,
    patches,
    checkpoint,
    spec,
    loop,
    schedule,
    saving,
    flip_tta,
    layer_calls,
    seeds,
    augment,
]
"""The modules that decide the outcome of a training."""

__all__ = [
    "CODE",
    "Schedule",
    "Scores",
    "TrainingFailed",
    "TrainingResult",
    "TrainingSpec",
    "Unfreeze",
    "delete_weights",
    "load_cached",
    "retrain_if_missing",
    "train",
]
