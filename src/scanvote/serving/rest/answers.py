"""What the REST interface answers: the findings, and of which model they are."""

from base64 import b64encode
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

import scanvote
from scanvote.core.disclaimer import DISCLAIMER
from scanvote.params.whole import Method
from scanvote.pipeline.package import ModelMetadata
from scanvote.predict.schema import FileError, ScanPrediction
from scanvote.serving.engine_api import Engine, Examined, Explained
from scanvote.serving.options import ServeOptions


class _Answered(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    notice: str = Field(default=DISCLAIMER, examples=[DISCLAIMER])


class Model(BaseModel):
    """Which model says it; two answers of one model agree in all of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scanvote: str = Field(description="version that serves it", examples=["0.1.0"])
    smoke: bool = Field(description="the networks are of a smoke run, and no result")
    test: str = Field(description="digest of the test scans")
    data: dict[str, str] = Field(description="sha256 of the manifests of its data, by task")
    versions: dict[str, str] = Field(description="of the libraries that it was packed with")


class Predicted(_Answered):
    """What is said of the files that were sent."""

    model: Model
    findings: list[ScanPrediction] = Field(description="one of an image, several of a volume")
    refused: list[FileError] = Field(description="files of which nothing is said, and why")


class Explanation(_Answered):
    """What speaks for the class that the vote, and each member, predicts."""

    model: Model
    file: str
    finding: int = Field(ge=0, description="which of the file's findings, from 0")
    method: Method
    scan: str = Field(description="base64 of a PNG of the scan")
    maps: dict[str, str] = Field(
        description="base64 of PNGs as large as the scan, 255 the most; `vote`, then each member"
    )


class Bounds(BaseModel):
    """What a request may hold at most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file_bytes: int
    image_pixels: int
    files: int
    request_bytes: int


class Served(_Answered):
    """The model, what it says, and what it may be sent."""

    model: Model
    labels: list[str]
    members: list[str]
    methods: list[Method] = Field(description="that explain")
    contents: ModelMetadata = Field(description="of the package")
    card: str = Field(description="Markdown")
    limits: Bounds


def model_of(contents: ModelMetadata) -> Model:
    return Model(
        scanvote=scanvote.__version__,
        smoke=contents.smoke,
        test=contents.test,
        data=contents.data,
        versions=contents.versions,
    )


def predicted(
    contents: ModelMetadata, examined: Sequence[Examined], refused: Sequence[FileError], masks: bool
) -> Predicted:
    findings = [_with_mask(one) if masks else one.finding for one in examined]
    return Predicted(model=model_of(contents), findings=findings, refused=list(refused))


def _with_mask(one: Examined) -> ScanPrediction:
    mask = one.finding.mask.model_copy(update={"png": _base64(one.mask)})
    return one.finding.model_copy(update={"mask": mask})


def explanation(
    contents: ModelMetadata, explained: Explained, file: str, place: int
) -> Explanation:
    return Explanation(
        model=model_of(contents),
        file=file,
        finding=place,
        method=explained.method,
        scan=_base64(explained.scan),
        maps={name: _base64(png) for name, png in explained.maps.items()},
    )


def served(engine: Engine, options: ServeOptions) -> Served:
    contents, limits = engine.contents, options.limits
    return Served(
        model=model_of(contents),
        labels=contents.classifiers.labels,
        members=[member.model for member in contents.classifiers.members],
        methods=contents.classifiers.explain.methods,
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
