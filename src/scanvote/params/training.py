"""Sections about training, the search of trials, post-processing and the baseline."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from scanvote.params.section import Choices, Count, Positive, Section, Share


class PlateauParams(Section):
    factor: Share
    patience: Positive
    minimum: Annotated[float, Field(ge=0)]


class TrainingParams(Section):
    """Training settings of a network, except the learning rate, common to all."""

    epochs: Positive
    patience: Positive | None
    batch_size: Positive
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"]
    weight_decay: Annotated[float, Field(ge=0, lt=1)]
    schedule: Literal["constant", "plateau", "cosine"]
    warm_up: Count
    plateau: PlateauParams
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"]

    @model_validator(mode="after")
    def _check_settings_have_an_effect(self) -> "TrainingParams":
        if self.weight_decay and self.optimizer != "adamw":
            raise ValueError("weight_decay is for optimizer: adamw; set it to 0.0")
        if self.warm_up >= self.epochs:
            raise ValueError("warm_up takes all the epochs; it should be fewer")
        return self


class TuningParams(TrainingParams):
    """Settings of the Keras Tuner search and of the training of trials."""

    algorithm: Literal["grid", "random", "bayesian", "hyperband"]
    max_trials: Positive
    objective: str

    def training(self) -> TrainingParams:
        """Return the training settings alone."""
        return TrainingParams(**{name: getattr(self, name) for name in TrainingParams.model_fields})


class PostprocessParams(Section):
    threshold: Annotated[list[Share], Field(min_length=1), Choices]
    smallest: Annotated[list[Count], Field(min_length=1), Choices]
    largest_only: Annotated[list[bool], Field(min_length=1), Choices]
    fill_holes: Annotated[list[bool], Field(min_length=1), Choices]


class BaselineParams(Section):
    channel: Count | None
    method: Annotated[list[Literal["otsu", "kmeans"]], Field(min_length=1), Choices]
    contrast: Annotated[list[float], Field(min_length=1), Choices]
    smallest: Annotated[list[Share], Field(min_length=1), Choices]
