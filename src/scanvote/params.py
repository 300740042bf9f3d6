"""params.yaml as typed, validated objects, one class a section.

No key may be called `size` or `nfiles`: DVC leaves out keys of these names when it
asks its run cache whether a stage ran before, and would bring back stale outputs.

The file is read as YAML 1.2, where `1e-4` is a number (PyYAML, YAML 1.1, reads
a string). A wrong key, type or value is one line that names the key.
"""

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


class SearchParams(Section):
    algorithm: Literal["grid", "random", "bayesian", "hyperband"]
    max_trials: Positive
    epochs: Positive
    patience: Positive
    batch_size: Positive
    objective: Literal["macro_f1", "accuracy", "loss"]


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
    weights: Literal["none", "imagenet"]
    frozen: bool
    units: Annotated[list[Count], Field(min_length=1)]
    dropout: Dropout


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


class Params(Section):
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
    unet: UnetParams
    ensemble: EnsembleParams
    evaluate: EvaluateParams


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate `path`.

    Raises:
        InputError: the file is missing, is no YAML mapping, or a key or value is wrong.
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
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: {_first_fault(error)}") from None


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
