"""Schedule of a training: learning rate, optimizer, objective and early stopping."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import Any

import keras

from scanvote.params import TrainingParams

Scores = dict[str, float]

_MIN_DELTA = 1e-4  # a smaller fall of the loss is none, as in Keras's ReduceLROnPlateau


@dataclass(frozen=True)
class Schedule:
    """Learning rate, optimizer and objective of a training.

    Attributes:
        lr: the highest learning rate.
        config: all other settings of the training in params.yaml.
        objective: the validation score that decides: ``loss`` (lower is better) or any other
            score of `TrainingSpec.score` (higher is better, ties by loss).
    """

    lr: float
    config: TrainingParams
    objective: str

    def truncated(self, epochs: int) -> "Schedule":
        """Return the same schedule with at most `epochs` epochs."""
        if epochs >= self.config.epochs:
            return self
        warm_up = min(self.config.warm_up, epochs - 1)
        config = self.config.model_copy(update={"epochs": epochs, "warm_up": warm_up})
        return Schedule(self.lr, config, self.objective)

    def settings(self) -> dict[str, Any]:
        """Return all settings as plain values, for the digest of a training."""
        return {"lr": self.lr, "objective": self.objective, **self.config.model_dump()}

    def key(self, scores: Scores) -> tuple[float, float]:
        """Sort key of scores, the best first."""
        sign = 1 if self.objective == "loss" else -1
        return sign * scores[f"val_{self.objective}"], scores["val_loss"]

    def should_stop(self, epochs: int, epochs_since_best: int) -> bool:
        """Tell if the training ends, by its length or its patience."""
        return epochs >= self.config.epochs or (
            self.config.patience is not None and epochs_since_best >= self.config.patience
        )

    def rate(self, before: Sequence[Scores], epochs: int) -> float:
        """Learning rate of the next epoch.

        It depends on the past scores alone, so a checkpoint need not hold it.

        Args:
            before: the scores of the epochs so far.
            epochs: total number of epochs.
        """
        epoch, warm_up = len(before), self.config.warm_up
        if epoch < warm_up:
            return self.lr * (epoch + 1) / (warm_up + 1)
        if self.config.schedule == "cosine":
            return self.lr * (1 + cos(pi * (epoch - warm_up) / (epochs - warm_up))) / 2
        if self.config.schedule == "plateau":
            lowered = self.lr * self.config.plateau.factor ** self._plateaus(before)
            return max(lowered, min(self.config.plateau.minimum, self.lr))
        return self.lr

    def _plateaus(self, before: Sequence[Scores]) -> int:
        """Count how often the loss did not fall for `plateau.patience` epochs."""
        lowest, waited, plateaus = float("inf"), 0, 0
        for scores in before:
            waited += 1
            if scores["val_loss"] < lowest - _MIN_DELTA:
                lowest, waited = scores["val_loss"], 0
            elif waited == self.config.plateau.patience:
                plateaus, waited = plateaus + 1, 0
        return plateaus

    def optimizer(self) -> keras.optimizers.Optimizer:
        if self.config.optimizer == "sgd":
            return keras.optimizers.SGD(self.lr, momentum=0.9, nesterov=True)
        if self.config.optimizer == "rmsprop":
            return keras.optimizers.RMSprop(self.lr)
        if self.config.optimizer == "adam":
            return keras.optimizers.Adam(self.lr)
        adamw = keras.optimizers.AdamW(self.lr, weight_decay=self.config.weight_decay)
        # decay regularises kernels only: smaller offsets and scales make a network no simpler
        adamw.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return adamw
