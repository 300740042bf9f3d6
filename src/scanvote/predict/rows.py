"""What is said of a scan as a flat row: of the shell's tables, and of the MLflow model."""

from collections.abc import Mapping

from scanvote.pipeline.package.metadata import Classifiers
from scanvote.predict.schema import FileError, ScanPrediction

Row = dict[str, str | float | int | bool | None]

PICTURES = ("mask", "explanation")
_WHOSE = ("file", "slice", "plane")


def row_columns(classifiers: Classifiers) -> list[str]:
    """Of `to_row`, in order."""
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
    """Of a table in which pictures of these kinds are named."""
    kinds = [kind for kind in PICTURES if kind in pictures]
    return [*_WHOSE, *row_columns(classifiers), *kinds, "error"]


def to_row(finding: ScanPrediction) -> Row:
    """What is said, without whose scan it is said of."""
    mask, own = finding.mask, finding.familiarity
    return {
        "vote": finding.vote,
        **{f"p_{label}": value for label, value in finding.probabilities.items()},
        "agreement": finding.agreement,
        **{member.model: member.vote for member in finding.members},
        "area_pixels": mask.area_pixels,
        "area_mm2": mask.area_mm2,
        "distance": own.distance,
        "outside": own.outside,
        "mask_distance": mask.familiarity.distance,
        "mask_outside": mask.familiarity.outside,
        **({"called": finding.operating.called} if finding.operating else {}),
        "notes": "; ".join(finding.notes),
    }


def row(one: ScanPrediction | FileError, pictures: Mapping[str, str]) -> Row:
    """A row of the table; what is not known is left out.

    Args:
        one: what is said.
        pictures: where each kind was written to.
    """
    if isinstance(one, FileError):
        return {"file": one.file, "error": one.reason}
    whose: Row = {"file": one.file, "slice": one.slice, "plane": one.plane}
    return whose | to_row(one) | dict(pictures)
