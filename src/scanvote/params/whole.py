"""The whole of params.yaml."""

from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator, model_validator

from scanvote.params.compute import ComputeParams
from scanvote.params.data import (
    ClassificationParams,
    DeduplicateParams,
    DownloadParams,
    FoldersParams,
    InflationParams,
    IxiParams,
    PhantomParams,
    PrepareParams,
    SegmentationParams,
    SplitParams,
    VolumesParams,
)
from scanvote.params.families import (
    AnnParams,
    CnnParams,
    PublishedParams,
    SearchParams,
    TransferParams,
    UnetParams,
)
from scanvote.params.section import Count, Positive, Section, Share, Task
from scanvote.params.training import BaselineParams

Rule = Literal["majority", "soft", "weighted", "stacking"]


class EnsembleParams(Section):
    top: Positive
    members: Literal["best", "diverse"]
    rule: Rule
    calibrate: bool


Method = Literal["gradcam", "occlusion", "lime"]


class ExplainParams(Section):
    methods: Annotated[list[Method], Field(min_length=1)]
    scans: Count
    window: Share
    segments: Annotated[int, Field(ge=2)]
    samples: Positive


def _as_name(value: object) -> object:
    return str(value) if type(value) is int else value


ClassName = Annotated[str, BeforeValidator(_as_name)]
"""A class may be called 1, which YAML reads as a number."""


class EvaluateParams(Section):
    gallery: Positive
    positive: ClassName | None
    negative: ClassName | None
    min_sensitivity: Share
    tolerance: Annotated[float, Field(gt=0)]


_NO_NAME = '/:?#@%"\\'
_NAME_LENGTH = 200


class PackageParams(Section):
    name: str
    onnx: bool
    seen: Share
    samples: Literal["none", "generated", "test"]

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        odd = [one for one in name if one in _NO_NAME or not one.isprintable()]
        if odd or name.strip() != name or name in ("", ".", "..") or len(name) > _NAME_LENGTH:
            raise ValueError(
                f"a name in MLflow's registry has 1 to {_NAME_LENGTH} characters, none of"
                f" {' '.join(_NO_NAME)}, and no space at its ends: it becomes part of addresses"
            )
        return name


class Params(Section):
    smoke: bool
    lr: Annotated[float, Field(gt=0, lt=10)]
    seed: Count
    backend: Literal["tensorflow", "jax"]
    compute: ComputeParams
    classification: ClassificationParams
    segmentation: SegmentationParams
    download: DownloadParams
    folders: FoldersParams
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
    baseline: BaselineParams
    ensemble: EnsembleParams
    explain: ExplainParams
    evaluate: EvaluateParams
    package: PackageParams

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks of the study: those with a data set."""
        return tuple(task for task in get_args(Task) if getattr(self, task).dataset is not None)

    @model_validator(mode="after")
    def _check_tasks(self) -> "Params":
        if not self.tasks:
            raise ValueError(
                "classification.dataset and segmentation.dataset are both null: name one"
            )
        return self

    @model_validator(mode="after")
    def _check_contrasts(self) -> "Params":
        bounds = self.prepare.augment
        grey = [task for task in self.tasks if getattr(self.prepare, task).channels == 1]
        # adjacent slices are channels to the U-Net, and would be taken for contrasts
        unet = "segmentation" in grey and self.unet.augment
        if (bounds.missing or bounds.per_channel) and (unet or len(grey) == len(self.tasks)):
            raise ValueError(
                "prepare.augment: missing and per_channel are for scans of three contrasts, and"
                f" those of {' and '.join(grey)} have 1 channel; set them to 0.0 and false, or"
                " channels to 3"
            )
        return self
