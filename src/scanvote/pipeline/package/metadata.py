"""Metadata of a package, `package.json`: contents and settings, typed and validated."""

import json
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self

from pydantic import ValidationError, field_validator, model_validator

from scanvote.core.errors import InputError
from scanvote.core.files import write_json
from scanvote.metrics.performance import ClassificationPerformance, SegmentationPerformance
from scanvote.params import PrepareTask, Section, Task, VolumesParams
from scanvote.params.whole import Method
from scanvote.pipeline.package.identity import NAME as NAME
from scanvote.pipeline.package.identity import VOTE as VOTE
from scanvote.pipeline.package.identity import check_settings, identity, without_graphs

COMMAND = "dvc repro --force --single-item package"
"""Builds and registers the package: DVC skips `dvc repro package` where nothing has changed."""
SAMPLES, SEEN = "samples", "seen"
FORM = 5
_WITHOUT_FEATURES = 4
"""Format whose graphs return no features: they are not computed."""
_WITHOUT_IDENTITY = 3
"""Likewise, and without digests, which are computed when it is read."""
TEST = "test.csv"
CARD = "card.md"


class NetworkFiles(Section):
    """The files of a trained network.

    Attributes:
        model: its name, as in the tables of predictions.
        keras: path of its Keras archive, relative to the package's folder.
        onnx: path of the same network as ONNX graph; None if it was not requested.
    """

    model: str
    keras: str
    onnx: str | None


class Operating(Section):
    """Operating point of two classes.

    Attributes:
        positive: the class that must not be missed.
        threshold: minimum probability from which a scan is called so.
        min_sensitivity: share of its validation scans that the threshold had to find.
    """

    positive: str
    threshold: float
    min_sensitivity: float


class OodReference(Section):
    """Reference for out-of-distribution detection: descriptors of the training scans.

    Attributes:
        arrays: the file with the training scans' descriptors, pickled arrays.
        radius: distance to the nearest of them within which nearly all validation scans lie.
    """

    arrays: str
    radius: float


class ExplainSpec(Section):
    """Settings of explanations, as in section `explain` of params.yaml."""

    methods: list[Method]
    window: float
    segments: int
    samples: int


class Classifiers(Section):
    """Ensemble that votes on the class of a scan.

    The rule of the vote is in ``vote.json``.

    Attributes:
        negative: the class without the finding; None if no class has this role.
        patients: whether test patients are in the training, the sentence of `KnownPatients`.
        performance: of the vote on the test scans.
    """

    labels: list[str]
    members: list[NetworkFiles]
    operating: Operating | None
    negative: str | None
    prepare: PrepareTask
    seen: OodReference
    explain: ExplainSpec
    patients: str
    performance: ClassificationPerformance


class PostprocessSpec(Section):
    """Settings that turn probabilities into a mask.

    They are those of `scanvote.models.postprocess.Postprocess`.
    """

    threshold: float
    smallest: int
    largest_only: bool
    fill_holes: bool


class Segmenters(Section):
    """The U-Nets whose mean marks the tumour.

    Each network has `context` adjacent slices on either side as input.

    Attributes:
        largest_mask: largest share of the prepared picture that a mask of the training covers.
        patients: whether test patients are in the training, the sentence of `KnownPatients`.
        performance: of the masks of the test patients.
    """

    networks: list[NetworkFiles]
    context: int
    postprocess: PostprocessSpec
    prepare: PrepareTask
    seen: OodReference
    largest_mask: float
    patients: str
    performance: SegmentationPerformance


class ModelMetadata(Section):
    """The content of a package.

    Attributes:
        form: format version of this file.
        smoke: the networks are of a smoke run, and no result.
        backend: the Keras backend.
        classifiers: the members of the vote; None if the study had no classification.
        segmenters: the U-Nets; None if it had no segmentation.
        volumes: settings for slicing NIfTI and DICOM volumes.
        data: sha256 of the manifests behind the splits, by task.
        test: digest of the test of `judged`: packages of equal digests can be compared.
        versions: of Python and the libraries with which the package was built.
        digest: the model digest, of all that decides an answer: packages that share it are one
            model.
        files: sha256 of each other file of the package, by its path.
    """

    form: Literal[5]
    smoke: bool
    backend: Literal["tensorflow", "jax"]
    classifiers: Classifiers | None
    segmenters: Segmenters | None
    volumes: VolumesParams
    data: dict[str, str]
    test: str
    versions: dict[str, str]
    digest: str
    files: dict[str, str]

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        if not self.parts:
            raise ValueError("a package has classifiers or segmenters")
        return self

    @field_validator("files")
    @classmethod
    def _check_files(cls, files: dict[str, str]) -> dict[str, str]:
        for path in map(PurePosixPath, files):
            if path.is_absolute() or ".." in path.parts:  # a copy of the package writes there
                raise ValueError(f"{path} lies outside the package")
        return files

    @property
    def parts(self) -> dict[Task, Classifiers | Segmenters]:
        """What the package has, by task."""
        parts: dict[Task, Classifiers | Segmenters] = {}
        if self.classifiers is not None:
            parts["classification"] = self.classifiers
        if self.segmenters is not None:
            parts["segmentation"] = self.segmenters
        return parts

    @property
    def networks(self) -> list[NetworkFiles]:
        """All networks: the members, then the U-Nets."""
        members = self.classifiers.members if self.classifiers else []
        return [*members, *(self.segmenters.networks if self.segmenters else [])]

    @property
    def has_graphs(self) -> bool:
        """Whether all networks are there as ONNX graphs."""
        return all(network.onnx for network in self.networks)

    @property
    def judged(self) -> Task:
        """The task on whose test the package is compared with others."""
        return next(iter(self.parts))

    @property
    def labels(self) -> list[str]:
        """The classes; none without classifiers."""
        return self.classifiers.labels if self.classifiers else []


def read_metadata(folder: Path) -> ModelMetadata:
    """Read the metadata of the package in `folder`.

    Of the formats before this one, the graphs are left out, because they return no features.

    Raises:
        InputError: it is no package, its format version is not supported, or it was changed.
    """
    path = folder / NAME
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _check_version(values, path)
        if values["form"] == _WITHOUT_IDENTITY:
            whole = without_graphs(values) | {"form": FORM, "digest": "", "files": {}}
            return identified(ModelMetadata.model_validate(whole), folder)
        if values["form"] == _WITHOUT_FEATURES:
            values = without_graphs(values) | {"form": FORM}
        contents = ModelMetadata.model_validate(values)
        check_settings(values, folder)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run `{COMMAND}`") from None
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is no package of this version: {reason}; build it again (`{COMMAND}`)"
        ) from None
    return contents


def _check_version(values: dict[str, Any], path: Path) -> None:
    if values["form"] not in (_WITHOUT_IDENTITY, _WITHOUT_FEATURES, FORM):
        raise InputError(
            f"{path} has format {values['form']}, and this version of scanvote reads formats"
            f" {_WITHOUT_IDENTITY} to {FORM}; build it again (`{COMMAND}`), or use the"
            " version that wrote it"
        )


def identified(contents: ModelMetadata, folder: Path) -> ModelMetadata:
    """Return the metadata with the digests of the files that `folder` now holds.

    Raises:
        InputError: a network, the vote or the reference scans are missing.
    """
    values = json.loads(contents.model_dump_json())
    return contents.model_copy(update=identity(values, folder))


def write_metadata(contents: ModelMetadata, folder: Path) -> None:
    """Write ``package.json``, with the digests of all other files, after these.

    Raises:
        InputError: a network, the vote or the reference scans are missing.
    """
    write_json(folder / NAME, identified(contents, folder).model_dump(mode="json"))
