"""The section on the models: what was searched, how it was trained, which ones vote and how."""

from pathlib import PurePosixPath

from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import (
    Block,
    Collapsible,
    Heading,
    Picture,
    Section,
    Table,
    Text,
)
from scanvote.pipeline.report.pictures import picture, side_by_side
from scanvote.pipeline.report.report_data import Metrics, ReportData
from scanvote.pipeline.report.tables import frame_table

FAMILIES = ("ann", "cnn", "transfer", "published")
_ABOUT = {
    "ann": "dense layers on the pixels",
    "cnn": "convolutions from scratch",
    "transfer": "a backbone of another task with a new head",
    "published": "exact networks of published systems",
    "unet": "U-Net, for the masks",
}
_MEMBERS = ("model", "votes", "macro_f1", "accuracy", "cross_entropy", "temperature")


def models(facts: ReportData) -> Section:
    """The searches of the classifiers, the members and the rules of the vote, and the U-Net."""
    blocks: list[Block] = [
        Text(
            "Everything in this section was chosen on validation scans. The test scans were"
            " predicted once, by the models that had been chosen."
        ),
        *_searches(facts),
        Heading("The vote"),
        *_vote(facts),
        Heading("The U-Net and the baseline"),
        *_masks(facts),
    ]
    folders = [*(f"models/search/{family}" for family in FAMILIES), "models/unet"]
    if drawn := side_by_side(one for folder in folders for one in _figures(facts, folder)):
        blocks.append(
            Collapsible(
                "How the searches went: every trial, and how the best learned", tuple(drawn)
            )
        )
    return Section("models", "The models and how they were chosen", tuple(blocks))


def _searches(facts: ReportData) -> list[Block]:
    found = [(name, facts.figures("search", name)) for name in FAMILIES]
    found.append(("unet", facts.figures("unet", "segmentation")))
    rows = tuple(
        (
            terms.family(name),
            _ABOUT[name],
            numbers.counted(one, "trials") if one.get("trials") else "not searched",
            *(_counted(one, key) for key in ("failed_trials", "best_parameters")),
            _scored(one),
        )
        for name, one in found
    )
    search = facts.params.search
    note = (
        f"Search: {search.algorithm}, at most {search.max_trials} trials a family,"
        f" {search.epochs} epochs, optimizer {search.optimizer}, learning rate"
        f" {facts.params.lr:g}, batches of {search.batch_size}, loss {terms.words(search.loss)}."
    )
    head = ("family", "what", "trials", "failed", "parameters of the best", "on validation")
    return [Table("The families, what was tried of each, and the best of it.", head, rows, note)]


def _counted(found: Metrics, key: str) -> str:
    return numbers.counted(found, key) if key in found else "–"


def _scored(found: Metrics) -> str:
    for key, words in (("best_val_macro_f1", "macro F1"), ("best_val_dice", "Dice")):
        if key in found:
            return f"{numbers.number(found[key])} {words}"
    return "–"


def voters(facts: ReportData) -> list[str]:
    """The members of the vote, the best first."""
    members = facts.table("models/ensemble/members.csv")
    if "votes" not in members:
        return []
    return [terms.model(str(one)) for one in members["model"][members["votes"]]]


def _vote(facts: ReportData) -> list[Block]:
    members, rules = (facts.table(f"models/ensemble/{name}.csv") for name in ("members", "rules"))
    ensemble = facts.params.ensemble
    how = {
        "best": "the best by validation over all families",
        "diverse": "taken one after the other, who helps the vote on validation most",
    }[ensemble.members]
    calibrated = (
        "A temperature of each, fitted on validation, calibrates the probabilities."
        if ensemble.calibrate
        else "The probabilities are not calibrated."
    )
    told = f"{ensemble.top} members vote, {how}; the rule is `{ensemble.rule}`. {calibrated}"
    caption = "Every candidate with its scores on validation, the best first."
    naming = {"model": terms.model, "rule": terms.rule}
    return [
        Text(told),
        *(frame_table(members, caption, naming, _MEMBERS) or [_missing("The candidates")]),
        *frame_table(
            rules,
            "Every rule of the vote, on validation.",
            naming,
            note="The rules were fitted on these very scans: only the test compares them.",
        ),
    ]


def _masks(facts: ReportData) -> list[Block]:
    found, base = facts.figures("unet", "segmentation"), facts.figures("baseline", "segmentation")
    if not found:
        return [_missing("The U-Net")]
    how = facts.records.get("models/unet/postprocess.json", {})
    ways = ", ".join(f"{terms.words(key)} {_said(value)}" for key, value in how.items())
    dice = numbers.of(found, "postprocessed_val_dice")
    words = f"The U-Net reaches a Dice of {dice} on the patients of validation"
    words += f", where its masks were chosen: {ways}." if ways else "."
    if "best_val_dice" in base:
        words += (
            f" The baseline marks the brightest region of the brain without learning; the best of"
            f" {numbers.counted(base, 'ways')} ways has {numbers.of(base, 'best_val_dice')} there."
        )
    return [Text(words)]


def _said(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value}"


def _missing(what: str) -> Block:
    return Text(f"{what}: {numbers.NOT_REPORTED}.")


def _figures(facts: ReportData, folder: str) -> list[Picture]:
    name = terms.family(PurePosixPath(folder).name)
    return [
        *picture(
            facts,
            f"{folder}/choices.png",
            f"{name}: score on validation of each trial by the value of each hyperparameter",
            f"{name}: what was tried, and what it did to the score on validation.",
        ),
        *picture(
            facts,
            f"{folder}/curves.png",
            f"{name}: loss and score by epoch of the best models",
            f"{name}: how the best models learned.",
        ),
    ]
