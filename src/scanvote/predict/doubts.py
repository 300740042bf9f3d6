"""Reasons to doubt a prediction, in sentences for shell, web page, REST and MLflow."""

from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.package.metadata import Classifiers, Operating, Segmenters
from scanvote.pipeline.report import terms
from scanvote.predict.schema import MaskFinding, ScanPrediction

UNSURE = 2 / 3
"""The probability of the class below which the answer is called unsure."""
_MARGIN = 1.5
"""How much larger than all masks of the training an outline is before it is doubted."""
_MOST = 0.5
"""The share of the picture from which that margin is not granted."""


def is_too_large(share: float, largest: float) -> bool:
    """Tell if an outline covers too much of the picture.

    It does if it is half as large again as the largest mask of the training, and also if it covers
    most of the picture and more than that largest mask. A fixed share would not do: a tumour of
    half a head is a failure, while lungs fill half of a chest X-ray.

    Args:
        share: share of the prepared picture inside the outline.
        largest: the largest such share among the masks of the training.
    """
    return share > max(largest, min(_MARGIN * largest, _MOST))


def doubts(finding: ScanPrediction, contents: ModelMetadata) -> list[str]:
    """Return the doubts about this prediction; those about the model are in `quality`."""
    texts: list[str] = []
    if contents.classifiers and finding.vote is not None:
        texts += _class_doubts(finding, finding.vote, contents.classifiers)
    if contents.segmenters and finding.mask is not None:
        texts += _mask_doubts(finding.mask, contents.segmenters)
    return texts


def _class_doubts(finding: ScanPrediction, vote: str, classifiers: Classifiers) -> list[str]:
    texts, shares = [], finding.probabilities
    likeliest = max(shares, key=lambda label: shares[label])
    if shares[likeliest] > shares[vote]:
        one, other = different(shares[likeliest], shares[vote])
        count = sum(member.vote == vote for member in finding.members)
        texts.append(
            f"{count} of {len(finding.members)} members vote {terms.words(vote)}, though on average"
            f" {terms.words(likeliest)} is likelier ({one} against {other})."
        )
    point = finding.operating
    if point is not None and classifiers.operating and point.called != (vote == point.positive):
        texts.append(f"The vote says {terms.words(vote)}, but {called(finding, classifiers)}.")
    if shares[vote] < UNSURE:
        texts.append(
            f"Unsure: a probability of {100 * shares[vote]:.0f} % leaves much room for the others."
        )
    if finding.mask is not None and classifiers.negative is not None:
        marked = finding.mask.area_pixels > 0
        if (vote == classifiers.negative) == marked:
            marks = "a tumour is marked" if marked else "none is marked"
            texts.append(f"The vote says {terms.words(vote)}, yet {marks}.")
    return texts


def called(finding: ScanPrediction, classifiers: Classifiers) -> str:
    """Say whether the class not to be missed is called, and why; empty without one.

    ``cancer is called: its probability 0.41 reaches the threshold 0.30, which was chosen to miss
    at most 5 % of cancer``
    """
    point, chosen = finding.operating, classifiers.operating
    if point is None or chosen is None:
        return ""
    positive = terms.words(point.positive)
    probability, threshold = different(finding.probabilities[point.positive], point.threshold)
    verb, side = ("is", "reaches") if point.called else ("is not", "is below")
    return (
        f"{positive} {verb} called: its probability {probability} {side} the threshold {threshold},"
        f" which was chosen to miss at most {_missed(chosen)} of {positive}"
    )


def _missed(chosen: Operating) -> str:
    return f"{round(100 * (1 - chosen.min_sensitivity), 3):g} %"


def _mask_doubts(mask: MaskFinding, segmenters: Segmenters) -> list[str]:
    if not mask.too_large:
        return []
    percents = 100 * mask.share, 100 * segmenters.largest_mask
    share, largest = different(*percents, digits=0 if min(percents) >= 10 else 1)
    place = "head" if segmenters.prepare.crop else "picture"
    return [
        f"The outline is doubtful: it covers {share} % of the {place}, and no mask of the training"
        f" more than {largest} %."
    ]


def different(one: float, other: float, digits: int = 2) -> tuple[str, str]:
    """Format two numbers with so many digits that different ones look different."""
    for places in range(digits, 7):
        texts = f"{one:.{places}f}", f"{other:.{places}f}"
        if texts[0] != texts[1]:
            return texts
    return f"{one:.{digits}f}", f"{other:.{digits}f}"
