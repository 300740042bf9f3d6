"""The sections that show scans: where the models are wrong, and what they look at."""

from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Section, Table, Text
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.pictures import gallery, others, picture
from scanvote.pipeline.report.report_data import ReportData
from scanvote.pipeline.report.tables import brackets, frame_table

_ERRORS = {
    "metrics/evaluate/classification/errors.png": (
        "Test scans with a wrong vote, with truth, vote and probability, and the explanation where"
        " there is one",
        "Wrong votes: the surest of every kind of error.",
    ),
    "metrics/evaluate/classification/disagreeing.png": (
        "Test scans on which the members disagree most",
        "Where the members disagree most.",
    ),
    "metrics/evaluate/classification/right.png": (
        "Test scans with a right vote, the surest of each class in turn",
        "Right votes, for comparison: is it sure for a good reason?",
    ),
    "metrics/evaluate/segmentation/masks.png": (
        "Slices of the best, the median and the worst test patient with the true and the predicted"
        " outline",
        "Best, median and worst patient with the true and the predicted outline.",
    ),
}
_EXPLAINED = "metrics/explain/classification"
_MAPS = {
    "mass": (
        "Share of the explanation inside the known lesion by model and method, beside chance; the"
        " figures stand in the table above",
        "Share of the explanation that lies in the known lesion, beside chance.",
    ),
    "best": ("Explanations of the right votes that are surest", "The surest right votes."),
    "worst": ("Explanations of the wrong votes that are surest", "The surest wrong votes."),
    "disagreeing": (
        "Explanations of the votes on which the members disagree most",
        "Votes on which the members disagree most.",
    ),
}
METHODS = {"gradcam": "Grad-CAM", "occlusion": "occlusion", "lime": "LIME superpixels"}


def errors(facts: ReportData) -> Section:
    """Galleries of what went wrong, with what went right beside."""
    found = [one for path, words in _ERRORS.items() for one in picture(facts, path, *words)]
    shown = gallery(found) or [Text(f"Galleries of errors: {NOT_REPORTED}.")]
    words = (
        "Averages hide how a model fails. The scans below were chosen by rule, by the probability"
        " of the vote, not by a person."
    )
    return Section("errors", "Where it is wrong", (Text(words), *shown))


def explanations(facts: ReportData) -> Section:
    """How much of an explanation lies in the known lesion, and galleries."""
    found = facts.figures("explain", "classification")
    drawn = [
        one for name, words in _MAPS.items() for one in picture(facts, _path(name), *words)
    ] + others(facts, _EXPLAINED, _MAPS)
    if not found and not drawn:
        blocks: tuple[Block, ...] = (Text(f"Explanations: {NOT_REPORTED}."),)
    else:
        blocks = (Text(_about(facts)), *_mass(facts), *gallery(drawn))
    return Section("explanations", "What it looks at", blocks)


def _path(name: str) -> str:
    return f"{_EXPLAINED}/{name}.png"


def _about(facts: ReportData) -> str:
    methods = terms.listed(METHODS[one] for one in facts.params.explain.methods)
    return (
        f"Each map ({methods}) tells which parts of a scan the answer depends on. Where the lesion"
        " is known, the share of the map's mass inside it is measured beside the share of the"
        " head's area that the lesion has, which is what a map that knows nothing would reach."
    )


def _mass(facts: ReportData) -> list[Block]:
    """The vote by method, then the members; without known lesions a sentence."""
    found = facts.figures("explain", "classification")
    rows = tuple(
        (
            METHODS[method],
            numbers.of(found, f"vote_{method}_mass"),
            numbers.of(found, "chance"),
            numbers.of(found, f"vote_{method}_above_chance"),
        )
        for method in METHODS
        if f"vote_{method}_mass" in found
    )
    if not rows:
        return [Text(f"Share inside a known lesion: {NOT_REPORTED}, as no lesion is known.")]
    caption = (
        f"Share of the vote's explanation inside the lesion, mean of"
        f" {numbers.counted(found, 'lesions')} test scans."
    )
    head = ("method", "in the lesion", "chance", "above chance")
    note = f"{brackets()} The last column is paired."
    return [Table(caption, head, rows, note), *_mass_of_members(facts)]


def _mass_of_members(facts: ReportData) -> list[Block]:
    table = facts.table(f"{_EXPLAINED}/mass.csv")
    if table.empty:
        return []
    means = table.groupby(["model", "method"], sort=False)[["mass", "area"]].mean().reset_index()
    means = means.rename(columns={"mass": "in the lesion", "area": "chance"})
    naming = {
        "model": terms.model,
        "method": lambda name: METHODS.get(name) or terms.words(name),
    }
    return frame_table(means, "The same of each member: means over the scans.", naming)
