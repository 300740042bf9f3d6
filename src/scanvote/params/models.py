"""Sections about the models: their grids and their training."""

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from scanvote.params.section import Count, Dropout, Positive, Section, Share


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
    average: Annotated[float, Field(ge=0, lt=1)]
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"]

    @model_validator(mode="after")
    def _check_settings_have_an_effect(self) -> "TrainingParams":
        if self.weight_decay and self.optimizer != "adamw":
            raise ValueError("weight_decay is for optimizer: adamw; set it to 0.0")
        if self.warm_up >= self.epochs:
            raise ValueError("warm_up takes all the epochs; it should be fewer")
        return self


Family = Literal["ann", "cnn", "transfer", "published"]


class TuningParams(TrainingParams):
    """Settings of the Keras Tuner search and of the training of trials."""

    algorithm: Literal["grid", "random", "bayesian", "hyperband"]
    max_trials: Positive
    objective: str
    workers: Positive

    def training(self) -> TrainingParams:
        """Return the training settings alone."""
        return TrainingParams(**{name: getattr(self, name) for name in TrainingParams.model_fields})


class SearchParams(TuningParams):
    families: Annotated[list[Family], Field(min_length=1)]
    objective: Literal["macro_f1", "accuracy", "loss"]
    output: Literal["softmax", "sigmoid"]
    loss: Literal["cross_entropy", "focal"]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    class_weights: Literal["none", "balanced"]
    augment: bool
    mirror: bool


class AnnParams(Section):
    shrink: Positive
    dense_layers: Annotated[list[Count], Field(min_length=1)]
    units: Annotated[list[Positive], Field(min_length=1)]
    dropout: Dropout


class CnnParams(Section):
    convolutions: Annotated[list[Positive], Field(min_length=1)]
    filters: Annotated[list[Positive], Field(min_length=1)]
    dense_layers: Annotated[list[Count], Field(min_length=1)]
    dropout: Dropout


def _check_thaw(value: object) -> object:
    """Check `thaw` here: a union type puts branch names into messages."""
    share = isinstance(value, float) and 0 < value < 1
    if value is None or isinstance(value, str) or share:
        return value
    raise ValueError("must be null, all, a share between 0 and 1, or the name of a layer")


class TransferParams(Section):
    backbones: Annotated[list[str], Field(min_length=1)]
    weights: str
    thaw: Annotated[str | float | None, PlainValidator(_check_thaw)]
    thaw_after: Count
    pooling: Annotated[list[Literal["average", "max"]], Field(min_length=1)]
    units: Annotated[list[Count], Field(min_length=1)]
    dropout: Annotated[list[Dropout], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_thaw_after(self) -> "TransferParams":
        if self.thaw is None and self.thaw_after:
            raise ValueError("thaw_after needs to know what to thaw; set thaw, or thaw_after to 0")
        return self


Network = Literal[
    "resnet50_yes_no",
    "cnn_lime",
    "pneumonia_cnn1",
    "pneumonia_cnn2",
    "pneumonia_cnn3",
    "densenet121",
]


class PublishedParams(Section):
    networks: Annotated[list[Network], Field(min_length=1)]
    weights: str


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Choices = BeforeValidator(_as_list)
"""A single value needs no brackets."""


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


class UnetParams(TuningParams):
    objective: Literal["dice", "loss"]
    encoder: str | None
    weights: str
    upsampling: Literal["transposed", "nearest"]
    prior: Annotated[float, Field(gt=0, lt=1)]
    filters: Annotated[list[Positive], Field(min_length=1), Choices]
    normalisation: Annotated[list[Literal["none", "batch", "group"]], Field(min_length=1), Choices]
    block: Annotated[list[Literal["plain", "residual"]], Field(min_length=1), Choices]
    attention: Annotated[list[bool], Field(min_length=1), Choices]
    dropout: Annotated[list[Dropout], Field(min_length=1), Choices]
    loss: Annotated[
        list[Literal["bce", "dice", "dice_squared", "bce_dice", "focal", "tversky"]],
        Field(min_length=1),
        Choices,
    ]
    context: Count
    sample: Literal["all", "tumour", "balanced"]
    augment: bool
    mirror: bool
    folds: Positive
    postprocess: PostprocessParams

    @model_validator(mode="after")
    def _check_grid(self) -> "UnetParams":
        if self.weights != "none" and (self.encoder is None or self.encoder.endswith(".keras")):
            raise ValueError("weights are for an encoder that is no saved model; set them to none")
        hyperparameters = ("filters", "normalisation", "block", "attention", "dropout", "loss")
        points = math.prod(len(getattr(self, name)) for name in hyperparameters)
        if self.algorithm == "grid" and points > self.max_trials:
            raise ValueError(
                f"the lists have {points} combinations, more than max_trials: {self.max_trials};"
                " raise it, or choose another algorithm"
            )
        return self
