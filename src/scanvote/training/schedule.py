"""How a network is trained, epoch by epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import Any

import keras

from scanvote.params import TrainingParams

Scores = dict[str, float]

_WORSE_BY = 1e-4  # a fall of the loss below it is none: Keras's ReduceLROnPlateau says so


@dataclass(frozen=True)
class Schedule:
    """The rate, the optimizer and the score that decides.

    Attributes:
        lr: the highest rate.
        how: all else that params.yaml says of a training.
        objective: the validation score that decides: ``loss`` (the less the better)
            or any other that `Job.score` returns (the more the better, ties by loss).
    """

    lr: float
    config: TrainingParams
    objective: str

    def truncated(self, epochs: int) -> "Schedule":
        """The same with at most `epochs`."""
        if epochs >= self.config.epochs:
            return self
        warm_up = min(self.config.warm_up, epochs - 1)
        how = self.config.model_copy(update={"epochs": epochs, "warm_up": warm_up})
        return Schedule(self.lr, how, self.objective)

    def settings(self) -> dict[str, Any]:
        """All that decides a training, as plain values."""
        return {"lr": self.lr, "objective": self.objective, **self.config.model_dump()}

    def key(self, scores: Scores) -> tuple[float, float]:
        """Sorts scores, the best first."""
        sign = 1 if self.objective == "loss" else -1
        return sign * scores[f"val_{self.objective}"], scores["val_loss"]

    def should_stop(self, epochs: int, stale: int) -> bool:
        """After so many epochs, the last `stale` of them without a better objective."""
        return epochs >= self.config.epochs or (
            self.config.patience is not None and stale >= self.config.patience
        )

    def rate(self, before: Sequence[Scores], epochs: int) -> float:
        """The learning rate of the next epoch: a function of the past alone, so a resumed
        training needs no memory of it.

        Args:
            before: the scores of the epochs so far.
            epochs: how many there will be.
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
        """How often the loss did not fall for as long as the params bear."""
        lowest, waited, plateaus = float("inf"), 0, 0
        for scores in before:
            waited += 1
            if scores["val_loss"] < lowest - _WORSE_BY:
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
        # shrinking offsets and scales towards 0 makes nothing simpler
        adamw.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return adamw
