"""Predictions as flat rows, for the shell's tables and the MLflow model."""

from collections.abc import Mapping

from scanvote.pipeline.package.metadata import Classifiers
from scanvote.predict.schema import FileError, ScanPrediction

Row = dict[str, str | float | int | bool | None]

PICTURES = ("mask", "explanation")
_SCAN = ("file", "slice", "plane")


def row_columns(classifiers: Classifiers) -> list[str]:
    """List the columns of `to_row`, in order."""
    return [
        "vote",
        *(f"p_{label}" for label in classifiers.labels),
        "agreement",
        *(network.model for network in classifiers.members),
        "area_pixels",
        "area_mm2",
        "distance",
        "outside",
        "mask_distance",
        "mask_outside",
        *(["called"] if classifiers.operating else []),
        "notes",
    ]


def columns(classifiers: Classifiers, pictures: Mapping[str, object]) -> list[str]:
    """List the columns of a table with these kinds of pictures."""
    kinds = [kind for kind in PICTURES if kind in pictures]
    return [*_SCAN, *row_columns(classifiers), *kinds, "error"]


def to_row(finding: ScanPrediction) -> Row:
    """Convert a prediction to a row, without the scan's identity."""
    mask, ood = finding.mask, finding.familiarity
    return {
        "vote": finding.vote,
        **{f"p_{label}": value for label, value in finding.probabilities.items()},
        "agreement": finding.agreement,
        **{member.model: member.vote for member in finding.members},
        "area_pixels": mask.area_pixels,
        "area_mm2": mask.area_mm2,
        "distance": ood.distance,
        "outside": ood.outside,
        "mask_distance": mask.familiarity.distance,
        "mask_outside": mask.familiarity.outside,
        **({"called": finding.operating.called} if finding.operating else {}),
        "notes": "; ".join(finding.notes),
    }


def row(one: ScanPrediction | FileError, pictures: Mapping[str, str]) -> Row:
    """Return a row of the table; unknown values are left out.

    Args:
        one: a prediction, or the reason that there is none.
        pictures: path of each kind of picture.
    """
    if isinstance(one, FileError):
        return {"file": one.file, "error": one.reason}
    scan: Row = {"file": one.file, "slice": one.slice, "plane": one.plane}
    return scan | to_row(one) | dict(pictures)
