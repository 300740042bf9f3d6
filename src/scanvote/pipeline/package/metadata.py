"""What a package holds, and how it is to be asked: `package.json`, typed and validated."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from scanvote.core.errors import InputError
from scanvote.core.files import write_json
from scanvote.params import PrepareTask, Section, VolumesParams
from scanvote.params.whole import Method

NAME = "package.json"
SAMPLES, SEEN = "samples", "seen"
FORM = 2
VOTE = "vote.json"
TEST = "test.csv"
CARD = "card.md"
NOT_RECORDED = "not recorded"


class Network(Section):
    """A trained network.

    Attributes:
        model: its name, as the tables of predictions have it.
        keras: its Keras archive, from the package's folder on.
        onnx: the same network as ONNX, None where that was not wanted.
    """

    model: str
    keras: str
    onnx: str | None


class Operating(Section):
    """Of two classes the one not to miss, and the least probability from which it is called."""

    positive: str
    threshold: float


class OodReference(Section):
    """What tells whether a scan is like those of the training.

    Attributes:
        arrays: the file with the training scans' descriptors, pickled arrays.
        radius: of the distance to the nearest of them, within which nearly all scans of the
            validation lie.
    """

    arrays: str
    radius: float


class ExplainSpec(Section):
    """How the vote is explained, as the section `explain` of params.yaml."""

    methods: list[Method]
    window: float
    segments: int
    samples: int


class Classifiers(Section):
    """What votes on the class of a scan; how, stands in ``vote.json``."""

    labels: list[str]
    members: list[Network]
    operating: Operating | None
    prepare: PrepareTask
    seen: OodReference
    explain: ExplainSpec


class PostprocessSpec(Section):
    """How a mask is made of probabilities, as `scanvote.models.postprocess.Postprocess`."""

    threshold: float
    smallest: int
    largest_only: bool
    fill_holes: bool


class Segmenters(Section):
    """What marks the tumour: the mean of the networks, each shown `context` slices on a side."""

    networks: list[Network]
    context: int
    postprocess: PostprocessSpec
    prepare: PrepareTask
    seen: OodReference


class Patients(Section):
    """What the test of each task may claim about patients, in `KnownPatients`'s words."""

    classification: str = NOT_RECORDED
    segmentation: str = NOT_RECORDED


class ModelMetadata(Section):
    """A package.

    Attributes:
        form: of this file.
        smoke: the networks are of a smoke run, and no result.
        backend: what Keras computed on.
        classifiers: the members of the vote.
        segmenters: the U-Nets.
        volumes: how NIfTI and DICOM volumes were cut to slices.
        data: sha256 of the manifests that the splits were made of, by task.
        test: digest of the test scans, their classes and groups.
        patients: whether patients of the test are in the training; packages that were made
            before this was asked have no record.
        versions: of Python and the libraries that the networks were packed with.
    """

    form: Literal[2]
    smoke: bool
    backend: Literal["tensorflow", "jax"]
    classifiers: Classifiers
    segmenters: Segmenters
    volumes: VolumesParams
    data: dict[str, str]
    test: str
    patients: Patients = Patients()
    versions: dict[str, str]


def read_metadata(folder: Path) -> ModelMetadata:
    """What the package in `folder` holds.

    Raises:
        InputError: it is no package, or of a form that this version does not know.
    """
    path = folder / NAME
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _check_form(values, path)
        return ModelMetadata.model_validate(values)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run `dvc repro package`") from None
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is no package of this version: {reason}") from None


def _check_form(values: dict[str, Any], path: Path) -> None:
    if values["form"] != FORM:
        raise InputError(
            f"{path} is of form {values['form']}, and this version of scanvote reads form {FORM};"
            " pack it anew (`dvc repro package`), or use the version that it is of"
        )


def write_metadata(contents: ModelMetadata, folder: Path) -> None:
    write_json(folder / NAME, contents.model_dump(mode="json"))
