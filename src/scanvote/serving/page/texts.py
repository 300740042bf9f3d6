"""What the page says of a scan: a finding in the words and marks of a person."""

from collections import Counter
from dataclasses import dataclass

from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.report import terms
from scanvote.predict.schema import FileError, MaskFinding, OodScore, ScanPrediction
from scanvote.serving.page.facts import facts

UNSURE = 2 / 3
"""The probability of the likeliest class below which the page calls the answer unsure."""

NONE = "no_tumor"
"""What all data sets call the class without a tumour."""


@dataclass(frozen=True)
class Bar:
    """A class: its calibrated probability, 0 to 1, the vote's and each member's."""

    label: str
    share: float
    chosen: bool
    members: tuple[float, ...]
    votes: int


@dataclass(frozen=True)
class ResultText:
    """What stands beside the scan.

    Attributes:
        name: of the file, and of the slice in it.
        vote: the class, as one reads it.
        outside: the models have seen nothing like it: the warning counts, not the class.
        share: its calibrated probability.
        agreement: how many members say so.
        warnings: what stands above the answer, the gravest first.
        flags: the same in two words each.
        doubts: what qualifies it.
        bars: the likeliest class first.
        operating: of two classes, what is called and from where on.
        tumour: what is marked, in words.
        picture: what the picture shows, for who does not see it.
        facts: of the file, by name.
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
        """Of all that the page says, a line: for cards and for the history."""
        said = f"{self.vote}, {self.probability}"
        return f"outside what the model has seen ({said})" if self.outside else said

    @property
    def probability(self) -> str:
        return percent(self.share)

    @property
    def heading(self) -> str:
        """The answer; of a scan outside it is said with reserve."""
        if self.outside:
            return f"The models answer nevertheless: {self.vote}"
        return self.vote.capitalize()


def result_text(finding: ScanPrediction, contents: ModelMetadata) -> ResultText:
    """A finding in words."""
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
    """``87 %``; what is not certain is never shown as 0 or 100."""
    if 0 < share < 0.01:
        return "under 1\N{NO-BREAK SPACE}%"
    if 0.99 < share < 1:
        return "over 99\N{NO-BREAK SPACE}%"
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def scan_name(finding: ScanPrediction) -> str:
    """The file, and which slice of it, by the number that tables and masks have."""
    if finding.slice is None:
        return finding.file
    plane = f"{finding.plane} " if finding.plane else ""
    return f"{finding.file}, {plane}slice {finding.slice}"


def agreement(finding: ScanPrediction) -> str:
    """``2 of 3 members agree.``"""
    alike = sum(member.vote == finding.vote for member in finding.members)
    whole = len(finding.members)
    if alike == whole:
        return f"All {whole} members agree." if whole > 1 else "There is one member."
    return f"{alike} of {whole} members agree."


def warnings(finding: ScanPrediction, smoke: bool) -> tuple[str, ...]:
    """What must be read before the answer."""
    said = ["The model is of a smoke run: its answers mean nothing."] if smoke else []
    if finding.familiarity.outside:
        said.append(
            "This scan is outside what the model has seen: "
            f"{_far(finding.familiarity)} The class below means little."
        )
    if finding.mask.familiarity.outside:
        said.append(
            "For the tumour's outline this scan is outside what the model has seen: "
            f"{_far(finding.mask.familiarity)} The outline means little."
        )
    return tuple(said)


def flags(finding: ScanPrediction, smoke: bool) -> tuple[str, ...]:
    """What is warned of, for a card."""
    held = {
        "smoke run": smoke,
        "class: outside": finding.familiarity.outside,
        "outline: outside": finding.mask.familiarity.outside,
    }
    return tuple(words for words, holds in held.items() if holds)


def _far(familiarity: OodScore) -> str:
    return (
        f"it is {familiarity.distance:.1f} times as far from the nearest training scan "
        "as nearly all scans of its kind."
    )


def reason(refusal: FileError) -> str:
    """Why a file was refused, as what follows its name."""
    if refusal.reason.startswith(refusal.file):
        return refusal.reason.removeprefix(refusal.file)
    return f": {refusal.reason}"


def doubts(finding: ScanPrediction) -> tuple[str, ...]:
    """Why the answer may be wrong, as far as it tells itself."""
    said = []
    share = finding.probabilities[finding.vote]
    likeliest = max(finding.probabilities, key=lambda label: finding.probabilities[label])
    if likeliest != finding.vote:
        said.append(
            f"Most members vote {terms.words(finding.vote)}, though on average "
            f"{terms.words(likeliest)} is likelier."
        )
    if share < UNSURE:
        said.append(f"Unsure: a probability of {percent(share)} leaves much room for the others.")
    if (finding.vote == NONE) == bool(finding.mask.area_pixels):
        marks = "a tumour is marked" if finding.mask.area_pixels else "none is marked"
        said.append(f"The vote is {terms.words(finding.vote)}, yet {marks}.")
    return (*said, *_others(finding))


def _others(finding: ScanPrediction) -> list[str]:
    """``1 member says no tumor.``, of each class but the vote's, the one of most members first."""
    votes = Counter(one.vote for one in finding.members if one.vote != finding.vote)
    return [
        f"{count} member{'s say' if count > 1 else ' says'} {terms.words(label)}."
        for label, count in sorted(votes.items(), key=lambda one: (-one[1], one[0]))
    ]


def explained_class(finding: ScanPrediction, model: str) -> str:
    """What the map of a model speaks for: the class that it holds likeliest itself."""
    votes = {one.model: one.vote for one in finding.members}
    return terms.words(votes.get(model, finding.vote))


def bars(finding: ScanPrediction) -> tuple[Bar, ...]:
    """A bar a class, the likeliest first."""
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
    """Of two classes the one not to miss: called or not, and from where on; else nothing."""
    point = finding.operating
    if point is None:
        return ""
    positive = terms.words(point.positive)
    called = "is called" if point.called else "is not called"
    return (
        f"At the operating point {positive} {called}: it is from a probability of "
        f"{point.threshold:.2f} on, and here it is {finding.probabilities[point.positive]:.2f}."
    )


def marked(mask: MaskFinding, pixels: int) -> str:
    """``Marked as tumour: 1,234 pixels (312 mm²), 4 % of the picture.``"""
    if not mask.area_pixels:
        return "No tumour found."
    words = f"{mask.area_pixels:,} pixel{'s' if mask.area_pixels > 1 else ''}"
    size = f" ({mask.area_mm2:,.0f}\N{NO-BREAK SPACE}mm²)" if mask.area_mm2 is not None else ""
    return f"Marked as tumour: {words}{size}, {percent(mask.area_pixels / pixels)} of the picture."
