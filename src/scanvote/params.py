"""params.yaml as typed, validated objects, one class a section.

No key may be called `size` or `nfiles`: DVC leaves out keys of these names when it
asks its run cache whether a stage ran before, and would bring back stale outputs.

The file is read as YAML 1.2, where `1e-4` is a number (PyYAML, YAML 1.1, reads
a string). A wrong key, type or value is one line that names the key.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from scanvote.errors import InputError, did_you_mean

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Dropout = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A mapping of params.yaml: immutable, no key but the declared ones."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Datasets = Annotated[list[str], Field(min_length=1), BeforeValidator(_listed)]
"""Names of data sets and paths of own data; a single one may stand without brackets."""


class TaskParams(Section):
    dataset: Datasets


class ClassificationParams(TaskParams):
    labels: dict[str, str | None]


class DownloadParams(Section):
    mirror: str | None
    max_gigabytes: Annotated[float, Field(gt=0)]


Interval = Annotated[list[float], Field(min_length=2, max_length=2)]


class VolumesParams(Section):
    planes: Annotated[list[Literal["axial", "coronal", "sagittal"]], Field(min_length=1)]
    slices: Positive | None
    span: Interval
    window: Interval | None

    @model_validator(mode="after")
    def _the_intervals_are_not_empty(self) -> "VolumesParams":
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
    relatives: Share


class SplitParams(Section):
    protocol: Literal["grouped", "official", "random", "site"]
    test: Share
    validation: Share
    folds: Annotated[int, Field(ge=2)] | None
    fold: Count
    site: str | None

    @model_validator(mode="after")
    def _something_is_left_to_train_on(self) -> "SplitParams":
        if self.test + self.validation >= 1:
            raise ValueError("test and validation together leave nothing to train on")
        if self.folds is not None and self.validation + 1 / self.folds >= 1:
            raise ValueError("validation and a fold together leave nothing to train on")
        if self.fold >= (self.folds or 1):
            raise ValueError(f"fold counts from 0, so it should be below folds, is {self.fold}")
        return self


class PrepareTask(Section):
    image_size: Annotated[int, Field(ge=16, le=1024)]
    channels: Literal[1, 3]
    crop: bool
    strip: Literal["none", "background", "skull"]
    resize: Literal["stretch", "pad"]
    intensity: Literal["none", "window", "standardise", "equalise"]
    copies: Count


class AugmentParams(Section):
    rotation: Annotated[float, Field(ge=0, le=180)]
    shift: Annotated[float, Field(ge=0, lt=1)]
    shear: Annotated[float, Field(ge=0, lt=90)]
    zoom: Annotated[float, Field(ge=0, lt=1)]
    flip: Literal["none", "horizontal", "vertical", "both"]
    brightness: Annotated[float, Field(ge=0, lt=1)]


class PrepareParams(Section):
    classification: PrepareTask
    segmentation: PrepareTask
    augment: AugmentParams


class InflationParams(Section):
    backbone: str | None
    image_size: Annotated[int, Field(ge=16, le=1024)]
    folds: Annotated[int, Field(ge=2)]


class PlateauParams(Section):
    factor: Share
    patience: Positive
    minimum: Annotated[float, Field(ge=0)]


class TrainingParams(Section):
    """How a network is trained, but for the learning rate, which is one for all."""

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
    def _what_is_set_has_an_effect(self) -> "TrainingParams":
        if self.weight_decay and self.optimizer != "adamw":
            raise ValueError("weight_decay is for optimizer: adamw; set it to 0.0")
        if self.warm_up >= self.epochs:
            raise ValueError("warm_up takes all the epochs; it should be fewer")
        return self


Family = Literal["ann", "cnn", "transfer", "published"]


class SearchParams(TrainingParams):
    families: Annotated[list[Family], Field(min_length=1)]
    algorithm: Literal["grid", "random", "bayesian", "hyperband"]
    max_trials: Positive
    objective: Literal["macro_f1", "accuracy", "loss"]
    workers: Positive
    output: Literal["softmax", "sigmoid"]
    loss: Literal["cross_entropy", "focal"]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    class_weights: Literal["none", "balanced"]
    augment: bool
    mirror: bool

    def training(self) -> TrainingParams:
        """The part that any network has."""
        return TrainingParams(**{name: getattr(self, name) for name in TrainingParams.model_fields})


class AnnParams(Section):
    dense_layers: Annotated[list[Count], Field(min_length=1)]
    units: Annotated[list[Positive], Field(min_length=1)]
    dropout: Dropout


class CnnParams(Section):
    convolutions: Annotated[list[Positive], Field(min_length=1)]
    filters: Annotated[list[Positive], Field(min_length=1)]
    dense_layers: Annotated[list[Count], Field(min_length=1)]
    dropout: Dropout


class TransferParams(Section):
    backbones: Annotated[list[str], Field(min_length=1)]
    weights: str
    thaw: str | None
    thaw_after: Count
    pooling: Annotated[list[Literal["average", "max"]], Field(min_length=1)]
    units: Annotated[list[Count], Field(min_length=1)]
    dropout: Annotated[list[Dropout], Field(min_length=1)]

    @model_validator(mode="after")
    def _a_frozen_backbone_is_not_thawed_later(self) -> "TransferParams":
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


class UnetParams(Section):
    filters: Positive
    loss: Literal["bce", "dice", "bce_dice"]
    epochs: Positive
    patience: Positive
    batch_size: Positive
    threshold: Share


class EnsembleParams(Section):
    top: Positive


class EvaluateParams(Section):
    gallery: Positive
    positive: str | None
    min_sensitivity: Share


class Params(Section):
    smoke: bool
    lr: Annotated[float, Field(gt=0, lt=10)]
    seed: Count
    backend: Literal["tensorflow", "jax"]
    classification: ClassificationParams
    segmentation: TaskParams
    download: DownloadParams
    volumes: VolumesParams
    ixi: IxiParams
    phantom: PhantomParams
    deduplicate: DeduplicateParams
    split: SplitParams
    prepare: PrepareParams
    inflation: InflationParams
    search: SearchParams
    ann: AnnParams
    cnn: CnnParams
    transfer: TransferParams
    published: PublishedParams
    unet: UnetParams
    ensemble: EnsembleParams
    evaluate: EvaluateParams


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate `path`.

    Raises:
        InputError: the file is missing, is no YAML mapping, or a key or value is wrong.
    """
    return validate(load_values(path), str(path))


def load_values(path: Path) -> dict[str, Any]:
    """The mapping in a YAML 1.2 file, as it is.

    Raises:
        InputError: the file is missing, or is no YAML mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        values = YAML(typ="safe").load(path)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run from the root of the repository") from None
    except YAMLError as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no mapping of sections")
    return values


def validate(values: Mapping[str, Any], where: str) -> Params:
    """The values of params.yaml, checked.

    Args:
        where: begins the message about a wrong one.

    Raises:
        InputError: a key or value is wrong.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{where}: {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    # a misspelt key is both unknown and missing: the unknown one tells more
    fault = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        siblings = _section(fault["loc"][:-1]).model_fields
        return f"{key} is no known key{did_you_mean(str(fault['loc'][-1]), siblings)}"
    if fault["type"] == "missing":
        return f"{key} is missing"
    message = fault["msg"].removeprefix("Value error, ").replace("Input should", "should")
    return f"{key}: {message}" + (
        f", is {fault['input']!r}" if not isinstance(fault["input"], dict) else ""
    )


def _section(keys: tuple[Any, ...]) -> type[BaseModel]:
    section: type[BaseModel] = Params
    for key in keys:
        section = section.model_fields[key].annotation  # type: ignore[assignment]
    return section
