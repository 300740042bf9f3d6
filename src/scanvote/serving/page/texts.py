"""Texts of the page for a scan's prediction."""

from collections import Counter
from dataclasses import dataclass

from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.report import terms
from scanvote.predict.doubts import called, doubts
from scanvote.predict.quality import class_doubts, main_metrics, mask_doubts, model_doubts
from scanvote.predict.schema import FileError, MaskFinding, OodScore, ScanPrediction
from scanvote.serving.page.facts import facts


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
        answer: the predicted class, or without a vote what is marked, in words.
        outside: the scan is out-of-distribution: the warning counts, not the answer.
        probability: of the predicted class, in words; empty without a vote.
        agreement: number of members that predict the same class, in words; empty likewise.
        warnings: warnings above the answer, the gravest first.
        flags: the warnings in a few words each.
        doubts: reasons for which the answer may be wrong.
        tested: how good the model was on its test scans, a line for each task.
        bars: one bar per class, the likeliest first.
        operating: result at the operating point, with two classes; otherwise empty.
        tumour: area of the tumour mask, in words; empty if the model marks nothing.
        picture: alternative text of the picture.
        facts: facts about the file, by name.
    """

    name: str
    answer: str
    outside: bool
    probability: str
    agreement: str
    warnings: tuple[str, ...]
    flags: tuple[str, ...]
    doubts: tuple[str, ...]
    tested: tuple[str, ...]
    bars: tuple[Bar, ...]
    operating: str
    tumour: str
    picture: str
    facts: dict[str, str]

    @property
    def summary(self) -> str:
        """The result in one line, for cards and for the history."""
        answer = f"{self.answer}, {self.probability}" if self.probability else self.answer
        return f"unlike the training scans ({answer})" if self.outside else answer

    @property
    def heading(self) -> str:
        """The answer; with reserve if the scan is out-of-distribution."""
        if self.outside:
            answers = "models answer" if self.bars else "model answers"
            return f"The {answers} nevertheless: {self.answer}"
        return f"{self.answer[:1].upper()}{self.answer[1:]}"


def result_text(finding: ScanPrediction, contents: ModelMetadata) -> ResultText:
    """Describe a prediction in words."""
    tumour = marked(finding.mask, finding.width * finding.height) if finding.mask else ""
    size = f"{finding.width} × {finding.height} pixels"
    return ResultText(
        name=scan_name(finding),
        answer=answer(finding),
        outside=finding.class_outside if finding.vote else finding.mask_outside,
        probability=percent(finding.probabilities[finding.vote]) if finding.vote else "",
        agreement=agreement(finding, contents),
        warnings=warnings(finding, contents),
        flags=flags(finding, contents),
        doubts=(*doubts(finding, contents), *_other_votes(finding)),
        tested=tuple(main_metrics(contents)),
        bars=bars(finding),
        operating=operating(finding, contents),
        tumour=tumour,
        picture=f"The scan {scan_name(finding)}, {size}. {tumour}".strip(),
        facts=facts(finding),
    )


def answer(finding: ScanPrediction) -> str:
    """Return the class in words, with a call that contradicts it, or what is marked."""
    if finding.vote is None:
        marked = finding.mask is not None and finding.mask.area_pixels > 0
        return "a tumour is marked" if marked else "no tumour found"
    point, vote = finding.operating, terms.words(finding.vote)
    if point is None or point.called == (finding.vote == point.positive):
        return vote
    return f"{vote}, yet {terms.words(point.positive)} is {'' if point.called else 'not '}called"


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


def agreement(finding: ScanPrediction, contents: ModelMetadata) -> str:
    """Return the members' agreement: ``2 of 3 members agree.``

    It is no reassurance if the vote was no better than a constant answer.
    """
    if finding.vote is None:
        return ""
    agreeing = sum(member.vote == finding.vote for member in finding.members)
    count = len(finding.members)
    if count == 1:
        return "There is one member."
    words = f"{'All' if agreeing == count else f'{agreeing} of'} {count} members agree"
    if class_doubts(contents):
        return f"{words}, which says little: see the warning on how the vote was tested."
    return f"{words}."


def model_warnings(contents: ModelMetadata) -> list[str]:
    """Return the warnings of the model, whatever the scan."""
    return [*_smoke(contents), *model_doubts(contents)]


def warnings(finding: ScanPrediction, contents: ModelMetadata) -> tuple[str, ...]:
    """Return the warnings to read before the answer, those of the class before the outline's."""
    of_class, of_mask = class_doubts(contents), mask_doubts(contents)
    if finding.familiarity and finding.familiarity.outside:
        of_class.insert(
            0,
            "This scan is unlike the training scans: "
            f"{_far(finding.familiarity)} The class below means little.",
        )
    if finding.mask and finding.mask.familiarity.outside:
        of_mask.insert(
            0,
            "For the tumour's outline this scan is unlike the training scans: "
            f"{_far(finding.mask.familiarity)} The outline means little.",
        )
    return (*_smoke(contents), *of_class, *of_mask)


def _smoke(contents: ModelMetadata) -> list[str]:
    return ["The model is of a smoke run: its answers mean nothing."] if contents.smoke else []


def flags(finding: ScanPrediction, contents: ModelMetadata) -> tuple[str, ...]:
    """Return the warnings in a few words each, for a card."""
    applies = {
        "smoke run": contents.smoke,
        "class: outside": finding.class_outside,
        "outline: outside": finding.mask_outside,
        "outline: very large": finding.mask is not None and finding.mask.too_large,
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
    return terms.words(votes.get(model, finding.vote or ""))


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


def operating(finding: ScanPrediction, contents: ModelMetadata) -> str:
    """Describe the result at the operating point; empty without one.

    If it contradicts the vote, a doubt says so instead.
    """
    point = finding.operating
    if point is None or contents.classifiers is None:
        return ""
    if point.called != (finding.vote == point.positive):
        return ""
    words = called(finding, contents.classifiers)
    return f"{words[0].upper()}{words[1:]}."


def marked(mask: MaskFinding, pixels: int) -> str:
    """Describe the mask's area.

    ``Marked as tumour: 1,234 pixels (312 mm²), 4 % of the picture.``
    """
    if not mask.area_pixels:
        return "No tumour found."
    words = f"{mask.area_pixels:,} pixel{'s' if mask.area_pixels > 1 else ''}"
    size = f" ({mask.area_mm2:,.0f}\N{NO-BREAK SPACE}mm²)" if mask.area_mm2 is not None else ""
    return f"Marked as tumour: {words}{size}, {percent(mask.area_pixels / pixels)} of the picture."
