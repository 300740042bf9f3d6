"""Texts of the page for a scan's prediction."""

from collections import Counter
from dataclasses import dataclass

from scanvote.params.whole import Method
from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.report import terms
from scanvote.predict.doubts import called, doubts
from scanvote.predict.quality import class_doubts, main_metrics, mask_doubts, model_doubts
from scanvote.predict.schema import FileError, OodScore, ScanPrediction

METHODS: dict[Method, tuple[str, str]] = {
    "gradcam": (
        "Grad-CAM",
        "where the network's last features speak for its answer; at once. "
        "It says little of networks that flatten their last map",
    ),
    "occlusion": ("Occlusion", "where hiding a patch makes the answer less likely; seconds"),
    "lime": ("LIME", "which parts count in a simple model of partly hidden variants; the slowest"),
}
"""Title and description of each explanation method."""


@dataclass(frozen=True)
class ResultText:
    """Texts and numbers shown beside a scan."""

    finding: ScanPrediction
    contents: ModelMetadata

    @property
    def name(self) -> str:
        """Name of the file, and the slice in it, numbered as in tables and masks."""
        one = self.finding
        if one.slice is None:
            return one.file
        return f"{one.file}, {f'{one.plane} ' if one.plane else ''}slice {one.slice}"

    @property
    def outside(self) -> bool:
        """Whether the scan is out-of-distribution: the warning counts, not the answer."""
        one = self.finding
        return one.class_outside if one.vote else one.mask_outside

    @property
    def answer(self) -> str:
        """The class in words, with a call that contradicts it, or what is marked."""
        mask, point, vote = self.finding.mask, self.finding.operating, self.finding.vote
        if vote is None:
            return "a tumour is marked" if mask and mask.area_pixels else "no tumour found"
        if point is None or not self._contradicted:
            return terms.words(vote)
        called = "called" if point.called else "not called"
        return f"{terms.words(vote)}, yet {terms.words(point.positive)} is {called}"

    @property
    def probability(self) -> str:
        """The probability of the predicted class; empty without a vote."""
        one = self.finding
        return percent(one.probabilities[one.vote]) if one.vote else ""

    @property
    def summary(self) -> str:
        """The result in one line, for cards and for the history."""
        answer = f"{self.answer}, {self.probability}" if self.probability else self.answer
        return f"unlike the training scans ({answer})" if self.outside else answer

    @property
    def heading(self) -> str:
        """The answer; with reserve if the scan is out-of-distribution."""
        if self.outside:
            answers = "models answer" if self.finding.vote else "model answers"
            return f"The {answers} nevertheless: {self.answer}"
        return _capitalised(self.answer)

    @property
    def agreement(self) -> str:
        """The members' agreement, as in ``2 of 3 members agree.``; empty without a vote.

        It is no reassurance if the vote was no better than a constant answer.
        """
        if self.finding.vote is None:
            return ""
        votes = [member.vote == self.finding.vote for member in self.finding.members]
        if len(votes) == 1:
            return "There is one member."
        words = f"{'All' if all(votes) else f'{sum(votes)} of'} {len(votes)} members agree"
        if class_doubts(self.contents):
            return f"{words}, which says little: see the warning on how the vote was tested."
        return f"{words}."

    @property
    def warnings(self) -> list[str]:
        """The warnings to read before the answer, those of the class before the outline's."""
        one, contents = self.finding, self.contents
        of_mask = one.mask.familiarity if one.mask else None
        return [
            *_smoke(contents),
            *_unlike(one.familiarity, "This scan", "The class below"),
            *class_doubts(contents),
            *_unlike(of_mask, "For the tumour's outline this scan", "The outline"),
            *mask_doubts(contents),
        ]

    @property
    def flags(self) -> list[str]:
        """The warnings in a few words each, for a card."""
        one = self.finding
        applies = {
            "smoke run": self.contents.smoke,
            "class: outside": one.class_outside,
            "outline: outside": one.mask_outside,
            "outline: very large": one.mask is not None and one.mask.too_large,
        }
        return [words for words, holds in applies.items() if holds]

    @property
    def doubts(self) -> list[str]:
        """The reasons for which the answer may be wrong.

        The last are the members that say another class, as in ``1 member says no tumor.``
        """
        one = self.finding
        votes = Counter(member.vote for member in one.members if member.vote != one.vote)
        return [
            *doubts(one, self.contents),
            *(
                f"{count} member{'s say' if count > 1 else ' says'} {terms.words(label)}."
                for label, count in sorted(votes.items(), key=lambda pair: (-pair[1], pair[0]))
            ),
        ]

    @property
    def tested(self) -> list[str]:
        """How good the model was on its test scans, a line for each task."""
        return main_metrics(self.contents)

    @property
    def shares(self) -> list[tuple[str, float]]:
        """The classes with their calibrated probabilities, the likeliest first."""
        return sorted(self.finding.probabilities.items(), key=lambda one: (-one[1], one[0]))

    @property
    def operating(self) -> str:
        """The result at the operating point, with two classes; otherwise empty.

        If it contradicts the vote, a doubt says so instead.
        """
        classifiers = self.contents.classifiers
        if self.finding.operating is None or classifiers is None or self._contradicted:
            return ""
        return f"{_capitalised(called(self.finding, classifiers))}."

    @property
    def tumour(self) -> str:
        """The mask's area in words; empty if the model marks nothing.

        ``Marked as tumour: 1,234 pixels (312 mm²), 4 % of the picture.``
        """
        mask = self.finding.mask
        if not mask or not mask.area_pixels:
            return "No tumour found." if mask else ""
        words = f"{mask.area_pixels:,} pixel{'s' if mask.area_pixels > 1 else ''}"
        size = f" ({mask.area_mm2:,.0f}\N{NO-BREAK SPACE}mm²)" if mask.area_mm2 is not None else ""
        share = mask.area_pixels / (self.finding.width * self.finding.height)
        return f"Marked as tumour: {words}{size}, {percent(share)} of the picture."

    @property
    def picture(self) -> str:
        """Alternative text of the picture."""
        size = f"{self.finding.width} × {self.finding.height} pixels"
        return f"The scan {self.name}, {size}. {self.tumour}".strip()

    @property
    def facts(self) -> dict[str, str]:
        """The properties of the file and its out-of-distribution scores, by name."""
        one, mask = self.finding, self.finding.mask
        scores = {"class": one.familiarity, "outline": mask.familiarity if mask else None}
        return {
            **({} if one.slice is None else {"Slice": f"{one.slice}, counted from 0"}),
            "Size": f"{one.width} × {one.height} pixels",
            "Side of a pixel": f"{one.spacing:g} mm" if one.spacing else "not given by the file",
            "Notes": "; ".join(one.notes) or "none",
            **{
                f"Similarity to training, {what}": _near(score)
                for what, score in scores.items()
                if score
            },
        }

    def explained_class(self, model: str) -> str:
        """Return the class that a model's map explains: the model's own vote."""
        votes = {one.model: one.vote for one in self.finding.members}
        return terms.words(votes.get(model, self.finding.vote or ""))

    def numbered(self, model: str) -> str:
        """Return a member by its number, as ``member 2``, and ``vote`` as it is."""
        names = [one.model for one in self.finding.members]
        return f"member {names.index(model) + 1}" if model in names else model

    @property
    def _contradicted(self) -> bool:
        """Whether the operating point calls another class than the vote."""
        point = self.finding.operating
        return point is not None and point.called != (self.finding.vote == point.positive)


def model_warnings(contents: ModelMetadata) -> list[str]:
    """Return the warnings of the model, whatever the scan."""
    return [*_smoke(contents), *model_doubts(contents)]


def percent(share: float) -> str:
    """Format a probability as ``87 %``; only certainty is 0 or 100."""
    if 0 < share < 0.01:
        return "under 1\N{NO-BREAK SPACE}%"
    if 0.99 < share < 1:
        return "over 99\N{NO-BREAK SPACE}%"
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def reason(refusal: FileError) -> str:
    """Return the reason of a refusal, to follow the file's name."""
    if refusal.reason.startswith(refusal.file):
        return refusal.reason.removeprefix(refusal.file)
    return f": {refusal.reason}"


def _capitalised(words: str) -> str:
    return words[:1].upper() + words[1:]


def _smoke(contents: ModelMetadata) -> list[str]:
    return ["The model is of a smoke run: its answers mean nothing."] if contents.smoke else []


def _unlike(score: OodScore | None, scan: str, doubtful: str) -> list[str]:
    if score is None or not score.outside:
        return []
    return [
        f"{scan} is unlike the training scans: it is {score.distance:.1f} times as far from the"
        f" nearest training scan as nearly all validation scans. {doubtful} means little."
    ]


def _near(score: OodScore) -> str:
    place = "outside" if score.outside else "within"
    return f"{place} what the model has seen (distance {score.distance:.2f}; outside above 1)"
