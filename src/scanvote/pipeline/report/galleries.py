"""The sections with pictures of scans: examples of errors, and explanations."""

from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Section, Table, Text
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.pictures import gallery, others, picture
from scanvote.pipeline.report.report_data import ReportData
from scanvote.pipeline.report.tables import frame_table, interval_note

_ERRORS = {
    "metrics/evaluate/classification/errors.png": (
        "Test scans with a wrong vote, with truth, vote and probability, and the explanation if"
        " there is one",
        "Wrong votes: the most confident ones of every pair of true and predicted class.",
    ),
    "metrics/evaluate/classification/disagreeing.png": (
        "Test scans on which the members disagree most",
        "Votes on which the members disagree most.",
    ),
    "metrics/evaluate/classification/right.png": (
        "Test scans with a right vote, the most confident ones of each class in turn",
        "Right votes for comparison, the most confident ones of each class.",
    ),
    "metrics/evaluate/segmentation/masks.png": (
        "Slices of the best, the median and the worst test patient with the true and the predicted"
        " outline",
        "Best, median and worst test patient by Dice, with the true and the predicted outline.",
    ),
}
_RULES = {
    "classification": "wrong and right votes by the probability of the vote",
    "segmentation": "masks by the Dice of the patient",
}
_EXPLAINED = "metrics/explain/classification"
_MAPS = {
    "mass": (
        "Share of the attribution inside the known lesion by model and method, beside chance; the"
        " numbers are in the table above",
        "Share of the attribution inside the known lesion, beside chance.",
    ),
    "best": ("Explanations of the most confident right votes", "The most confident right votes."),
    "worst": ("Explanations of the most confident wrong votes", "The most confident wrong votes."),
    "disagreeing": (
        "Explanations of the votes on which the members disagree most",
        "Votes on which the members disagree most.",
    ),
}
METHODS = {"gradcam": "Grad-CAM", "occlusion": "occlusion", "lime": "LIME superpixels"}


def errors(report: ReportData) -> Section:
    """Return the galleries of wrong and right votes and of masks."""
    pictures = [one for path, words in _ERRORS.items() for one in picture(report, path, *words)]
    shown = gallery(pictures) or [Text(f"Galleries of errors: {NOT_REPORTED}.")]
    words = (
        "Averages hide how a model fails. The scans below were selected by rules, not by a person:"
        f" {terms.listed(_RULES[task] for task in report.params.tasks)}."
    )
    return Section("errors", "Examples of errors", (Text(words), *shown))


def explanations(report: ReportData) -> Section:
    """Show the attribution inside known lesions, and galleries of explanations."""
    metrics = report.metrics_of("explain", "classification")
    drawn = [
        one for name, words in _MAPS.items() for one in picture(report, _path(name), *words)
    ] + others(report, _EXPLAINED, _MAPS)
    if not metrics and not drawn:
        blocks: tuple[Block, ...] = (Text(f"Explanations: {NOT_REPORTED}."),)
    else:
        blocks = (Text(_about(report)), *_mass(report), *gallery(drawn))
    return Section("explanations", "Explanations: what the models look at", blocks)


def _path(name: str) -> str:
    return f"{_EXPLAINED}/{name}.png"


def _about(report: ReportData) -> str:
    methods = terms.listed(METHODS[one] for one in report.params.explain.methods)
    return (
        f"Each map ({methods}) shows which parts of a scan the prediction depends on. If the lesion"
        " is known, the share of the attribution inside it is compared with chance: the lesion's"
        " share of the head's area, which an uninformative map would reach."
    )


def _mass(report: ReportData) -> list[Block]:
    """Return the attribution inside lesions, for the vote and for its members."""
    metrics = report.metrics_of("explain", "classification")
    rows = tuple(
        (
            METHODS[method],
            numbers.metric(metrics, f"vote_{method}_mass"),
            numbers.metric(metrics, "chance"),
            numbers.metric(metrics, f"vote_{method}_above_chance"),
        )
        for method in METHODS
        if f"vote_{method}_mass" in metrics
    )
    if not rows:
        return [Text(f"Share inside a known lesion: {NOT_REPORTED}, as no lesion is known.")]
    caption = (
        f"Share of the vote's attribution inside the lesion, mean of"
        f" {numbers.metric_count(metrics, 'lesions')} test scans."
    )
    head = ("method", "in the lesion", "chance", "above chance")
    note = f"{interval_note(rows)} The last column is a paired difference."
    source = "metrics/explain/classification.csv"
    return [Table(caption, head, rows, note.strip(), source), *_mass_of_members(report)]


def _mass_of_members(report: ReportData) -> list[Block]:
    source = f"{_EXPLAINED}/mass.csv"
    table = report.table(source)
    if table.empty:
        return []
    means = table.groupby(["model", "method"], sort=False)[["mass", "area"]].mean().reset_index()
    means = means.rename(columns={"mass": "in the lesion", "area": "chance"})
    naming = {
        "model": terms.model,
        "method": lambda name: METHODS.get(name) or terms.words(name),
    }
    caption = "The same for each member, as means over the scans."
    return frame_table(means, caption, naming, source=source)
