"""Predictions as flat rows, for the shell's tables and the MLflow model."""

from collections.abc import Mapping

from scanvote.pipeline.package import ModelMetadata
from scanvote.predict.quality import model_doubts
from scanvote.predict.schema import FileError, ScanPrediction

Row = dict[str, str | float | int | bool | None]

PICTURES = ("mask", "explanation")
_SCAN = ("file", "slice", "plane")


def row_columns(contents: ModelMetadata) -> list[str]:
    """List the columns of `to_row`, in order."""
    columns = []
    if contents.classifiers:
        columns += [
            "vote",
            *(f"p_{label}" for label in contents.classifiers.labels),
            "agreement",
            *(network.model for network in contents.classifiers.members),
        ]
    columns += ["area_pixels", "area_mm2"] if contents.segmenters else []
    columns += ["distance", "outside"] if contents.classifiers else []
    columns += ["mask_distance", "mask_outside"] if contents.segmenters else []
    columns += ["called"] if contents.classifiers and contents.classifiers.operating else []
    columns += ["model_doubts"] if model_doubts(contents) else []
    return [*columns, "doubts", "notes", "model_digest"]


def columns(contents: ModelMetadata, pictures: Mapping[str, object]) -> list[str]:
    """List the columns of a table with these kinds of pictures."""
    kinds = [kind for kind in PICTURES if kind in pictures]
    return [*_SCAN, *row_columns(contents), *kinds, "error"]


def to_row(finding: ScanPrediction, contents: ModelMetadata) -> Row:
    """Convert a prediction to a row, without the scan's identity.

    Doubts about the whole model, and its digest, are in every row, as a row may be passed on alone.
    """
    mask, ood, values = finding.mask, finding.familiarity, Row()
    if finding.vote is not None:
        values |= {
            "vote": finding.vote,
            **{f"p_{label}": value for label, value in finding.probabilities.items()},
            "agreement": finding.agreement,
            **{member.model: member.vote for member in finding.members},
        }
    if mask:
        values |= {"area_pixels": mask.area_pixels, "area_mm2": mask.area_mm2}
    if ood:
        values |= {"distance": ood.distance, "outside": ood.outside}
    if mask:
        distances = mask.familiarity
        values |= {"mask_distance": distances.distance, "mask_outside": distances.outside}
    if finding.operating:
        values["called"] = finding.operating.called
    if whole := model_doubts(contents):
        values["model_doubts"] = " ".join(whole)
    texts: Row = {"doubts": " ".join(finding.doubts), "notes": "; ".join(finding.notes)}
    return values | texts | {"model_digest": contents.digest}


def row(
    one: ScanPrediction | FileError, contents: ModelMetadata, pictures: Mapping[str, str]
) -> Row:
    """Return a row of the table; unknown values are left out.

    Args:
        one: a prediction, or the reason that there is none.
        contents: the model.
        pictures: path of each kind of picture.
    """
    if isinstance(one, FileError):
        return {"file": one.file, "error": one.reason}
    scan: Row = {"file": one.file, "slice": one.slice, "plane": one.plane}
    return scan | to_row(one, contents) | dict(pictures)
