"""Facts about the file, and about the data behind the model."""

from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.report import terms
from scanvote.predict.schema import OodScore, ScanPrediction


def facts(finding: ScanPrediction) -> dict[str, str]:
    """List the properties of the file and its out-of-distribution scores."""
    spacing = "not given by the file" if finding.spacing is None else f"{finding.spacing:g} mm"
    place = {} if finding.slice is None else {"Slice": f"{finding.slice}, counted from 0"}
    of_mask = finding.mask.familiarity if finding.mask else None
    scores = {"class": finding.familiarity, "outline": of_mask}
    return {
        **place,
        "Size": f"{finding.width} × {finding.height} pixels",
        "Side of a pixel": spacing,
        "Notes": "; ".join(finding.notes) or "none",
        **{
            f"Similarity to training, {what}": _near(score)
            for what, score in scores.items()
            if score is not None
        },
    }


def _near(score: OodScore) -> str:
    place = "outside" if score.outside else "within"
    return f"{place} what the model has seen (distance {score.distance:.2f}; outside above 1)"


def patients(contents: ModelMetadata) -> dict[str, str]:
    """Return what the tests of the model may claim about patients."""
    names = {"classification": "class", "segmentation": "outline"}
    return {
        f"Patients, test of the {names[task]}": part.patients
        for task, part in contents.parts.items()
    }


def digests(contents: ModelMetadata) -> dict[str, str]:
    """Return digests of the model, of its data and of its test scans."""
    model = {"Model": contents.digest}
    data = {f"Data, {terms.words(task)}": digest for task, digest in contents.data.items()}
    return model | data | {"Test scans": contents.test}
