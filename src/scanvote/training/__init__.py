"""Fit a network, once: resumable after a kill, bit for bit, and remembered when done.

Every random choice of an epoch derives from (seed, epoch), so that an epoch run
after a restart equals the one that an uninterrupted training would have run.
Knows Keras; knows neither MLflow nor DVC.
"""

from scanvote import seeds
from scanvote.images import augment
from scanvote.models import archive, mirror
from scanvote.training import (
    batches,
    checkpoint,
    job,
    loop,
    neighbours,
    normalisation,
    schedule,
)
from scanvote.training.job import Job, Thaw, Trained, TrainingFailed
from scanvote.training.loop import forget_model, recall, restore_model, train
from scanvote.training.schedule import Schedule, Scores

CODE = [
    batches,
    neighbours,
    normalisation,
    checkpoint,
    job,
    loop,
    schedule,
    archive,
    mirror,
    seeds,
    augment,
]
"""The modules that decide the outcome of a training."""

__all__ = [
    "CODE",
    "Job",
    "Schedule",
    "Scores",
    "Thaw",
    "Trained",
    "TrainingFailed",
    "forget_model",
    "recall",
    "restore_model",
    "train",
]
