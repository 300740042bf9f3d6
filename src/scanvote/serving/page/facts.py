"""Facts about the file, and about the data behind the model."""

from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.report import terms
from scanvote.predict.schema import OodScore, ScanPrediction


def facts(finding: ScanPrediction) -> dict[str, str]:
    """List the properties of the file and its out-of-distribution scores."""
    spacing = "not given by the file" if finding.spacing is None else f"{finding.spacing:g} mm"
    place = {} if finding.slice is None else {"Slice": f"{finding.slice}, counted from 0"}
    return {
        **place,
        "Size": f"{finding.width} × {finding.height} pixels",
        "Side of a pixel": spacing,
        "Notes": "; ".join(finding.notes) or "none",
        "Similarity to the training scans": _near(finding.familiarity),
        "The same for the outline": _near(finding.mask.familiarity),
    }


def _near(score: OodScore) -> str:
    place = "outside" if score.outside else "within"
    return f"{place} what the model has seen (distance {score.distance:.2f}; outside above 1)"


def patients(contents: ModelMetadata) -> dict[str, str]:
    """Return what the tests of the model may claim about patients."""
    claims = contents.patients
    return {
        "Patients, test of the class": claims.classification,
        "Patients, test of the outline": claims.segmentation,
    }


def digests(contents: ModelMetadata) -> dict[str, str]:
    """Return digests of the model's data and of its test scans."""
    data = {f"Data, {terms.words(task)}": digest for task, digest in contents.data.items()}
    return data | {"Test scans": contents.test}
