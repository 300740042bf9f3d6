"""Sections about the data: from their source to the shards."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from scanvote.params.section import Count, Positive, Section, Share


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Datasets = Annotated[list[str], Field(min_length=1), BeforeValidator(_as_list)]
"""Data set names and paths of own data; one needs no brackets."""


def _as_names(value: object) -> object:
    """Turn what YAML takes for numbers or truth values into names."""
    if not isinstance(value, dict):
        return value
    return {_as_name(key): one if one is None else _as_name(one) for key, one in value.items()}


def _as_name(value: object) -> object:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Renamed = Annotated[dict[str, str | None], BeforeValidator(_as_names)]
"""New names of classes; the folder ``0`` needs no quotes, as in ``{0: healthy}``."""


class TaskParams(Section):
    dataset: Datasets | None


class ClassificationParams(TaskParams):
    labels: Renamed


class SegmentationParams(TaskParams):
    mask_labels: Annotated[list[int | str], Field(min_length=1)] | None


class FoldersParams(Section):
    class_level: Positive | None
    patient_level: Count | None


class DownloadParams(Section):
    mirror: str | None
    max_gigabytes: Annotated[float, Field(gt=0)]
    changed: Literal["tell", "take"]


Interval = Annotated[list[float], Field(min_length=2, max_length=2)]


class VolumesParams(Section):
    planes: Annotated[list[Literal["axial", "coronal", "sagittal"]], Field(min_length=1)]
    slices: Positive | None
    span: Interval
    window: Interval | None
    channels: Annotated[list[Count], Field(min_length=1)] | None = None  # not in every package

    @model_validator(mode="after")
    def _check_intervals(self) -> "VolumesParams":
        if not 0 <= self.span[0] < self.span[1] <= 1:
            raise ValueError("span should be two shares, the smaller first, such as [0.25, 0.75]")
        if self.window is not None and self.window[0] >= self.window[1]:
            raise ValueError("window should be two intensities, the smaller first")
        return self


class IxiParams(Section):
    contrasts: Annotated[list[Literal["T1", "T2", "PD"]], Field(min_length=1)]


class PhantomTask(Section):
    patients: Annotated[int, Field(ge=4)]
    slices: Positive


class PhantomParams(Section):
    image_size: Annotated[int, Field(ge=32, le=512)]
    classification: PhantomTask
    segmentation: PhantomTask


class DeduplicateParams(Section):
    shortlist: Annotated[int, Field(ge=0, le=64)]
    correlation: Share
    aligned: Share | None
    relatives: Share


class SplitParams(Section):
    protocol: Literal["grouped", "official", "random", "site"]
    test: Share
    validation: Share
    folds: Annotated[int, Field(ge=2)] | None
    fold: Count
    site: str | None
    require_patients: bool

    @model_validator(mode="after")
    def _check_shares(self) -> "SplitParams":
        if self.test + self.validation >= 1:
            raise ValueError("test and validation together leave nothing to train on")
        if self.folds is not None and self.validation + 1 / self.folds >= 1:
            raise ValueError("validation and a fold together leave nothing to train on")
        # only the scans tell how many folds are published
        folds_are_published = self.protocol == "official" and self.folds is None
        if self.fold >= (self.folds or 1) and not folds_are_published:
            raise ValueError(f"fold counts from 0, so it should be below folds, is {self.fold}")
        return self


class PrepareTask(Section):
    image_size: Annotated[int, Field(ge=16, le=1024)]
    channels: Literal[1, 3]
    crop: bool
    strip: Literal["none", "background", "skull"]
    resize: Literal["stretch", "pad"]
    intensity: Literal["none", "window", "standardise", "equalise"]
    intensity_of: Literal["scan", "series", "volume"]
    copies: Count

    @model_validator(mode="after")
    def _check_intensity_of(self) -> "PrepareTask":
        if self.intensity_of != "scan" and self.intensity not in ("window", "standardise"):
            raise ValueError(
                f"intensity_of: {self.intensity_of} changes nothing of intensity:"
                f" {self.intensity}; set it to scan, or choose window or standardise"
            )
        return self


class AugmentParams(Section):
    rotation: Annotated[float, Field(ge=0, le=180)]
    shift: Annotated[float, Field(ge=0, lt=1)]
    shear: Annotated[float, Field(ge=0, lt=90)]
    zoom: Annotated[float, Field(ge=0, lt=1)]
    flip: Literal["none", "horizontal", "vertical", "both"]
    brightness: Annotated[float, Field(ge=0, lt=1)]
    contrast: Annotated[float, Field(ge=0, lt=1)]
    gamma: Annotated[float, Field(ge=0, lt=1)]
    per_channel: bool
    missing: Annotated[float, Field(ge=0, le=1)]
    stand_in: Annotated[int, Field(ge=0, le=2)]


class PrepareParams(Section):
    classification: PrepareTask
    segmentation: PrepareTask
    augment: AugmentParams


class InflationParams(Section):
    backbone: str | None
    image_size: Annotated[int, Field(ge=16, le=1024)]
    folds: Annotated[int, Field(ge=2)]
