"""Response bodies of the REST interface, with the identity of the model."""

from base64 import b64encode
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

import scanvote
from scanvote.core.disclaimer import DISCLAIMER
from scanvote.metrics.performance import ClassificationPerformance, SegmentationPerformance
from scanvote.params.whole import Method
from scanvote.pipeline.package import ModelMetadata
from scanvote.predict.quality import quality
from scanvote.predict.schema import FileError, ScanPrediction
from scanvote.serving.engine_api import Engine, Examined, Explained
from scanvote.serving.options import ServeOptions


class _WithNotice(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    notice: str = Field(default=DISCLAIMER, examples=[DISCLAIMER])


class Performance(BaseModel):
    """How good the model was on its test scans, with 95 % intervals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: list[str] = Field(
        description="in a few words, the doubts first",
        examples=[["Class: tested on 172 scans of 110 patients: accuracy 0.92 (0.86–0.96)."]],
    )
    classification: ClassificationPerformance | None = Field(
        description="null: the model does not classify, its study had no classes"
    )
    segmentation: SegmentationPerformance | None = Field(
        description="null: the model marks nothing, its study had no masks"
    )


class Model(BaseModel):
    """Identity of the model: answers of one `digest` are of one model, and of no other.

    They agree in all of this but `scanvote` and `runtime`, which are of the server.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str = Field(
        description="the model digest, of all that decides an answer: settings, networks, vote",
        examples=["9b2f1c5d7a3e4f60812c94d5b6a7e8f0"],
    )
    scanvote: str = Field(description="version of scanvote on the server", examples=["0.1.0"])
    runtime: str = Field(
        description="what computes the networks on the server",
        examples=["ONNX Runtime 1.31.1, CPU"],
    )
    smoke: bool = Field(description="true: the networks are of a smoke run, and mean nothing")
    test: str = Field(description="digest of the test scans")
    data: dict[str, str] = Field(description="sha256 of the manifests of the model's data, by task")
    versions: dict[str, str] = Field(
        description="versions of the libraries that packaged the model"
    )
    performance: Performance


class Predicted(_WithNotice):
    """Predictions for the uploaded files."""

    model: Model
    findings: list[ScanPrediction] = Field(description="one for an image, several for a volume")
    refused: list[FileError] = Field(description="files without a prediction, and the reasons")


class Explanation(_WithNotice):
    """Attribution maps for the class that the vote, and each member, predicts."""

    model: Model
    file: str
    finding: int = Field(ge=0, description="index of the file's finding, from 0")
    method: Method
    scan: str = Field(description="base64 of a PNG of the scan")
    maps: dict[str, str] = Field(
        description="base64 of PNGs as large as the scan, 255 strongest; `vote`, then each member"
    )


class Bounds(BaseModel):
    """Limits of a request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file_bytes: int
    image_pixels: int
    files: int
    request_bytes: int


class Served(_WithNotice):
    """The model, its classes and methods, and the limits of a request."""

    model: Model
    labels: list[str] = Field(description="its classes; empty if it does not classify")
    members: list[str] = Field(description="the networks that vote; empty likewise")
    methods: list[Method] = Field(
        description="explanation methods that the server can compute; empty likewise"
    )
    contents: ModelMetadata = Field(description="metadata of the package")
    card: str = Field(description="model card, Markdown")
    limits: Bounds


def model_of(engine: Engine) -> Model:
    contents = engine.contents
    return Model(
        digest=contents.digest,
        scanvote=scanvote.__version__,
        runtime=engine.runtime,
        smoke=contents.smoke,
        test=contents.test,
        data=contents.data,
        versions=contents.versions,
        performance=Performance(
            words=quality(contents),
            classification=contents.classifiers.performance if contents.classifiers else None,
            segmentation=contents.segmenters.performance if contents.segmenters else None,
        ),
    )


def predicted(
    engine: Engine, examined: Sequence[Examined], refused: Sequence[FileError], masks: bool
) -> Predicted:
    findings = [_with_mask(one) if masks else one.finding for one in examined]
    return Predicted(model=model_of(engine), findings=findings, refused=list(refused))


def _with_mask(one: Examined) -> ScanPrediction:
    mask = one.finding.mask
    with_png = mask.model_copy(update={"png": _base64(one.mask)}) if mask else None
    return one.finding.model_copy(update={"mask": with_png})


def explanation(engine: Engine, explained: Explained, file: str, place: int) -> Explanation:
    return Explanation(
        model=model_of(engine),
        file=file,
        finding=place,
        method=explained.method,
        scan=_base64(explained.scan),
        maps={name: _base64(png) for name, png in explained.maps.items()},
    )


def served(engine: Engine, options: ServeOptions) -> Served:
    contents, limits = engine.contents, options.limits
    classifiers = contents.classifiers
    return Served(
        model=model_of(engine),
        labels=contents.labels,
        members=[member.model for member in classifiers.members] if classifiers else [],
        methods=engine.methods,
        contents=contents,
        card=engine.card,
        limits=Bounds(
            file_bytes=limits.bytes,
            image_pixels=limits.pixels,
            files=options.files,
            request_bytes=options.request_bytes,
        ),
    )


def _base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")
