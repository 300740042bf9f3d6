"""All of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field

from scanvote.params.data import (
    ClassificationParams,
    DeduplicateParams,
    DownloadParams,
    InflationParams,
    IxiParams,
    PhantomParams,
    PrepareParams,
    SplitParams,
    TaskParams,
    VolumesParams,
)
from scanvote.params.models import (
    AnnParams,
    BaselineParams,
    CnnParams,
    PublishedParams,
    SearchParams,
    TransferParams,
    UnetParams,
)
from scanvote.params.section import Count, Positive, Section, Share


class EnsembleParams(Section):
    top: Positive


class EvaluateParams(Section):
    gallery: Positive
    positive: str | None
    min_sensitivity: Share
    tolerance: Annotated[float, Field(gt=0)]


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
    baseline: BaselineParams
    ensemble: EnsembleParams
    evaluate: EvaluateParams
