"""What is known beside the answer: of the file, and of the data behind the model."""

from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.report import terms
from scanvote.predict.schema import OodScore, ScanPrediction


def facts(finding: ScanPrediction) -> dict[str, str]:
    """What is known of the file and how near it is to the training."""
    spacing = "not told by the file" if finding.spacing is None else f"{finding.spacing:g} mm"
    place = {} if finding.slice is None else {"Slice": f"{finding.slice}, counted from 0"}
    return {
        **place,
        "Size": f"{finding.width} × {finding.height} pixels",
        "Side of a pixel": spacing,
        "Notes": "; ".join(finding.notes) or "none",
        "Likeness to the training": _near(finding.familiarity),
        "The same, for the outline": _near(finding.mask.familiarity),
    }


def _near(familiarity: OodScore) -> str:
    place = "outside" if familiarity.outside else "within"
    return f"{place} what the model has seen ({familiarity.distance:.2f}; outside above 1)"


def patients(contents: ModelMetadata) -> dict[str, str]:
    """What the tests of the model may claim about patients."""
    claims = contents.patients
    return {
        "Patients, test of the class": claims.classification,
        "Patients, test of the outline": claims.segmentation,
    }


def digests(contents: ModelMetadata) -> dict[str, str]:
    """By what the data are known that the model was made of and tested on."""
    made_of = {f"Data, {terms.words(task)}": digest for task, digest in contents.data.items()}
    return made_of | {"Test scans": contents.test}
