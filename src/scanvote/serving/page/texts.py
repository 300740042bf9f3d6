"""Texts of the page for a scan's prediction."""

from collections import Counter
from dataclasses import dataclass

from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.report import terms
from scanvote.predict.schema import FileError, MaskFinding, OodScore, ScanPrediction
from scanvote.serving.page.facts import facts

UNSURE = 2 / 3
"""The probability of the likeliest class below which the page calls the answer unsure."""

NONE = "no_tumor"
"""Name of the class without a tumour, in all data sets."""


@dataclass(frozen=True)
class Bar:
    """Bar of a class, with calibrated probabilities from 0 to 1.

    Attributes:
        label: the class in words.
        share: probability by the vote.
        chosen: whether the vote predicts this class.
        members: probability by each member.
        votes: number of members that predict this class.
    """

    label: str
    share: float
    chosen: bool
    members: tuple[float, ...]
    votes: int


@dataclass(frozen=True)
class ResultText:
    """Texts and numbers shown beside a scan.

    Attributes:
        name: name of the file, and the slice in it.
        vote: the predicted class in words.
        outside: the scan is out-of-distribution: the warning counts, not the class.
        share: calibrated probability of the predicted class, 0 to 1.
        agreement: number of members that predict the same class, in words.
        warnings: warnings above the answer, the gravest first.
        flags: the warnings in a few words each.
        doubts: reasons for which the answer may be wrong.
        bars: one bar per class, the likeliest first.
        operating: result at the operating point, with two classes; otherwise empty.
        tumour: area of the tumour mask, in words.
        picture: alternative text of the picture.
        facts: facts about the file, by name.
    """

    name: str
    vote: str
    outside: bool
    share: float
    agreement: str
    warnings: tuple[str, ...]
    flags: tuple[str, ...]
    doubts: tuple[str, ...]
    bars: tuple[Bar, ...]
    operating: str
    tumour: str
    picture: str
    facts: dict[str, str]

    @property
    def summary(self) -> str:
        """The result in one line, for cards and for the history."""
        answer = f"{self.vote}, {self.probability}"
        return f"outside what the model has seen ({answer})" if self.outside else answer

    @property
    def probability(self) -> str:
        return percent(self.share)

    @property
    def heading(self) -> str:
        """The answer; with reserve if the scan is out-of-distribution."""
        if self.outside:
            return f"The models answer nevertheless: {self.vote}"
        return self.vote.capitalize()


def result_text(finding: ScanPrediction, contents: ModelMetadata) -> ResultText:
    """Describe a prediction in words."""
    tumour = marked(finding.mask, finding.width * finding.height)
    return ResultText(
        name=scan_name(finding),
        vote=terms.words(finding.vote),
        outside=finding.familiarity.outside,
        share=finding.probabilities[finding.vote],
        agreement=agreement(finding),
        warnings=warnings(finding, contents.smoke),
        flags=flags(finding, contents.smoke),
        doubts=doubts(finding),
        bars=bars(finding),
        operating=operating(finding),
        tumour=tumour,
        picture=f"The scan {scan_name(finding)}, {finding.width} × {finding.height} pixels. "
        f"{tumour}",
        facts=facts(finding),
    )


def percent(share: float) -> str:
    """Format a probability as ``87 %``; only certainty is 0 or 100."""
    if 0 < share < 0.01:
        return "under 1\N{NO-BREAK SPACE}%"
    if 0.99 < share < 1:
        return "over 99\N{NO-BREAK SPACE}%"
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def scan_name(finding: ScanPrediction) -> str:
    """Return file name and slice, numbered as in tables and masks."""
    if finding.slice is None:
        return finding.file
    plane = f"{finding.plane} " if finding.plane else ""
    return f"{finding.file}, {plane}slice {finding.slice}"


def agreement(finding: ScanPrediction) -> str:
    """Return the members' agreement: ``2 of 3 members agree.``"""
    agreeing = sum(member.vote == finding.vote for member in finding.members)
    count = len(finding.members)
    if agreeing == count:
        return f"All {count} members agree." if count > 1 else "There is one member."
    return f"{agreeing} of {count} members agree."


def warnings(finding: ScanPrediction, smoke: bool) -> tuple[str, ...]:
    """Return the warnings to read before the answer."""
    texts = ["The model is of a smoke run: its answers mean nothing."] if smoke else []
    if finding.familiarity.outside:
        texts.append(
            "This scan is outside what the model has seen: "
            f"{_far(finding.familiarity)} The class below means little."
        )
    if finding.mask.familiarity.outside:
        texts.append(
            "For the tumour's outline this scan is outside what the model has seen: "
            f"{_far(finding.mask.familiarity)} The outline means little."
        )
    return tuple(texts)


def flags(finding: ScanPrediction, smoke: bool) -> tuple[str, ...]:
    """Return the warnings in a few words each, for a card."""
    applies = {
        "smoke run": smoke,
        "class: outside": finding.familiarity.outside,
        "outline: outside": finding.mask.familiarity.outside,
    }
    return tuple(words for words, holds in applies.items() if holds)


def _far(score: OodScore) -> str:
    return (
        f"it is {score.distance:.1f} times as far from the nearest training scan "
        "as nearly all validation scans."
    )


def reason(refusal: FileError) -> str:
    """Return the reason of a refusal, to follow the file's name."""
    if refusal.reason.startswith(refusal.file):
        return refusal.reason.removeprefix(refusal.file)
    return f": {refusal.reason}"


def doubts(finding: ScanPrediction) -> tuple[str, ...]:
    """Return signs in the prediction that the answer may be wrong."""
    texts = []
    share = finding.probabilities[finding.vote]
    likeliest = max(finding.probabilities, key=lambda label: finding.probabilities[label])
    if likeliest != finding.vote:
        texts.append(
            f"Most members vote {terms.words(finding.vote)}, though on average "
            f"{terms.words(likeliest)} is likelier."
        )
    if share < UNSURE:
        texts.append(f"Unsure: a probability of {percent(share)} leaves much room for the others.")
    if (finding.vote == NONE) == bool(finding.mask.area_pixels):
        marks = "a tumour is marked" if finding.mask.area_pixels else "none is marked"
        texts.append(f"The vote is {terms.words(finding.vote)}, yet {marks}.")
    return (*texts, *_other_votes(finding))


def _other_votes(finding: ScanPrediction) -> list[str]:
    """Count the members per other class: ``1 member says no tumor.``

    The class with the most members comes first.
    """
    votes = Counter(one.vote for one in finding.members if one.vote != finding.vote)
    return [
        f"{count} member{'s say' if count > 1 else ' says'} {terms.words(label)}."
        for label, count in sorted(votes.items(), key=lambda one: (-one[1], one[0]))
    ]


def explained_class(finding: ScanPrediction, model: str) -> str:
    """Return the class that a model's map explains: the model's own vote."""
    votes = {one.model: one.vote for one in finding.members}
    return terms.words(votes.get(model, finding.vote))


def bars(finding: ScanPrediction) -> tuple[Bar, ...]:
    """Return one bar per class, the likeliest first."""
    ordered = sorted(finding.probabilities.items(), key=lambda one: (-one[1], one[0]))
    return tuple(
        Bar(
            label=terms.words(label),
            share=share,
            chosen=label == finding.vote,
            members=tuple(member.probabilities[label] for member in finding.members),
            votes=sum(member.vote == label for member in finding.members),
        )
        for label, share in ordered
    )


def operating(finding: ScanPrediction) -> str:
    """Describe the result at the operating point; empty without one."""
    point = finding.operating
    if point is None:
        return ""
    positive = terms.words(point.positive)
    called = "is called" if point.called else "is not called"
    return (
        f"At the operating point {positive} {called}: its probability is "
        f"{finding.probabilities[point.positive]:.2f}, and the threshold is {point.threshold:.2f}."
    )


def marked(mask: MaskFinding, pixels: int) -> str:
    """Describe the mask's area.

    ``Marked as tumour: 1,234 pixels (312 mm²), 4 % of the picture.``
    """
    if not mask.area_pixels:
        return "No tumour found."
    words = f"{mask.area_pixels:,} pixel{'s' if mask.area_pixels > 1 else ''}"
    size = f" ({mask.area_mm2:,.0f}\N{NO-BREAK SPACE}mm²)" if mask.area_mm2 is not None else ""
    return f"Marked as tumour: {words}{size}, {percent(mask.area_pixels / pixels)} of the picture."
