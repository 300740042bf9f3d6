"""Sections of the model families and of the U-Net: their grids."""

import math
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, field_validator, model_validator

from scanvote.params.section import Choices, Count, Dropout, Positive, Section
from scanvote.params.training import PostprocessParams, TuningParams

Family = Literal["ann", "cnn", "transfer", "published"]


class SearchParams(TuningParams):
    families: Annotated[list[Family], Field(min_length=1)]
    objective: Literal["macro_f1", "accuracy", "loss"]
    output: Literal["softmax", "sigmoid"]
    loss: Literal["cross_entropy", "focal"]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    class_weights: Literal["none", "balanced"]
    augment: bool
    mirror: bool

    @field_validator("families")
    @classmethod
    def _check_families(cls, families: list[Family]) -> list[Family]:
        if len(set(families)) < len(families):
            raise ValueError("names a family twice; name each once")
        return families


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
    patch: Positive | None
    patch_on_tumour: Annotated[float, Field(ge=0, le=1)]
    mirror: bool
    folds: Positive
    postprocess: PostprocessParams

    @model_validator(mode="after")
    def _check_grid(self) -> "UnetParams":
        saved = self.encoder is None or self.encoder.endswith((".keras", ".h5", ".hdf5"))
        if self.weights != "none" and saved:
            raise ValueError("weights are for an encoder that is no saved model; set them to none")
        hyperparameters = ("filters", "normalisation", "block", "attention", "dropout", "loss")
        points = math.prod(len(getattr(self, name)) for name in hyperparameters)
        if self.algorithm == "grid" and points > self.max_trials:
            raise ValueError(
                f"the lists have {points} combinations, more than max_trials: {self.max_trials};"
                " raise it, or choose another algorithm"
            )
        return self
