"""The section on searches, training settings and members of the vote."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from scanvote.metrics.bootstrap import number_of
from scanvote.params import TuningParams
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


def models(report: ReportData) -> Section:
    """Describe the searches, the vote's members and rules, and the U-Net, if studied."""
    blocks: list[Block] = [
        Text(
            "Everything in this section was chosen on validation scans. The test scans were"
            " predicted once, by the models that had been chosen."
        ),
        *_searches(report),
    ]
    if report.studies("classification"):
        blocks += [Heading("The vote"), *_vote(report)]
    if report.studies("segmentation"):
        blocks += [Heading("The U-Net and the baseline"), *_masks(report)]
    folders = [*(f"models/search/{family}" for family in FAMILIES), "models/unet"]
    if drawn := side_by_side(one for folder in folders for one in _figures(report, folder)):
        blocks.append(
            Collapsible(
                "The searches: every trial, and the learning curves of the best", tuple(drawn)
            )
        )
    return Section("models", "The models and how they were chosen", tuple(blocks))


def _searches(report: ReportData) -> list[Block]:
    searches = []
    if report.studies("classification"):
        searches += [(name, report.metrics_of("search", name)) for name in FAMILIES]
    if report.studies("segmentation"):
        searches.append(("unet", report.metrics_of("unet", "segmentation")))
    rows = tuple(
        (
            terms.family(name),
            _ABOUT[name],
            numbers.metric_count(metrics, "trials") if metrics.get("trials") else "not searched",
            *(_count_or_dash(metrics, key) for key in ("failed_trials", "best_parameters")),
            _best_score(metrics),
        )
        for name, metrics in searches
    )
    note = " ".join(_budgets(report))
    head = ("family", "networks", "trials", "failed", "parameters of the best", "validation score")
    return [
        Table(
            "The families of networks, their trials, and the best trial of each.", head, rows, note
        )
    ]


def _budgets(report: ReportData) -> Iterator[str]:
    """Yield what each task's search may cost, and how its networks are trained."""
    params = report.params
    if report.studies("classification"):
        search = params.search
        trials = f"at most {number_of(search.max_trials, 'trial')} per family"
        yield _budget("classifiers", search, trials, search.loss, params.lr)
    if report.studies("segmentation"):
        unet = params.unet
        trials = f"at most {number_of(unet.max_trials, 'trial')}"
        yield _budget("U-Net", unet, trials, " or ".join(unet.loss), params.lr)


def _budget(name: str, training: TuningParams, trials: str, loss: str, rate: float) -> str:
    return (
        f"Search of the {name}: {training.algorithm}, {trials}, at most"
        f" {number_of(training.epochs, 'epoch')}, optimizer {training.optimizer}, learning rate"
        f" {rate:g}, batches of {training.batch_size}, loss {terms.words(loss)}."
    )


def _count_or_dash(metrics: Metrics, key: str) -> str:
    return numbers.metric_count(metrics, key) if key in metrics else "–"


def _best_score(metrics: Metrics) -> str:
    scores = {"best_val_macro_f1": "macro F1", "best_val_dice": "Dice, before post-processing"}
    for key, words in scores.items():
        if key in metrics:
            return f"{numbers.number(metrics[key])} {words}"
    return "–"


def voters(report: ReportData) -> list[str]:
    """Return the names of the vote's members, the best first."""
    members = report.table("models/ensemble/members.csv")
    if "votes" not in members:
        return []
    return [terms.model(str(one)) for one in members["model"][members["votes"]]]


def _vote(report: ReportData) -> list[Block]:
    members, rules = (f"models/ensemble/{name}.csv" for name in ("members", "rules"))
    ensemble = report.params.ensemble
    selection = {
        "best": "the best on validation over all families",
        "diverse": "selected greedily, each the one that improves the vote on validation most",
    }[ensemble.members]
    calibrated = (
        "A temperature per member, fitted on validation, calibrates the probabilities."
        if ensemble.calibrate
        else "The probabilities are not calibrated."
    )
    words = f"{ensemble.top} members vote, {selection}; the rule is `{ensemble.rule}`. {calibrated}"
    caption = "Every candidate with its scores on validation, the best first."
    naming = {"model": terms.model, "rule": terms.rule}
    return [
        Text(words),
        *(
            frame_table(report.table(members), caption, naming, _MEMBERS, source=members)
            or [_missing("The candidates")]
        ),
        *frame_table(
            report.table(rules),
            "Every rule of the vote, on validation.",
            naming,
            note="The rules were fitted on these scans: only the test scans compare them fairly.",
            source=rules,
        ),
    ]


def _masks(report: ReportData) -> list[Block]:
    unet = report.metrics_of("unet", "segmentation")
    baseline = report.metrics_of("baseline", "segmentation")
    if not unet:
        return [_missing("The U-Net")]
    settings = report.records.get("models/unet/postprocess.json", {})
    values = ", ".join(f"{terms.words(key)} {_as_text(value)}" for key, value in settings.items())
    before, after = (numbers.metric(unet, k) for k in ("best_val_dice", "postprocessed_val_dice"))
    words = (
        f"On the validation patients the masks of the U-Net have a Dice of {before} before"
        f" post-processing and of {after} after it; the post-processing was chosen on them"
    )
    words += f": {values}." if values else "."
    if "best_val_dice" in baseline:
        count = numbers.metric_count(baseline, "ways")
        words += (
            " The baseline marks the brightest region of the brain without learning; the best of"
            f" its {count} variants has {numbers.metric(baseline, 'best_val_dice')} there."
        )
    return [Text(words)]


def _as_text(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value}"


def _missing(subject: str) -> Block:
    return Text(f"{subject}: {numbers.NOT_REPORTED}.")


def _figures(report: ReportData, folder: str) -> list[Picture]:
    name = terms.family(PurePosixPath(folder).name)
    return [
        *picture(
            report,
            f"{folder}/choices.png",
            f"{name}: score on validation of each trial by the value of each hyperparameter",
            f"{name}: score of each trial on validation, by hyperparameter.",
        ),
        *picture(
            report,
            f"{folder}/curves.png",
            f"{name}: loss and score by epoch of the best models",
            f"{name}: learning curves of the best models{_drawn(report, folder)}.",
        ),
    ]


def _drawn(report: ReportData, folder: str) -> str:
    """Name the models of the figure of the learning curves, which numbers them by their rank."""
    trials = report.table(f"{folder}/trials.csv")
    if "trial" not in trials or "search" not in folder:
        return ""
    best = trials.sort_values("rank").head(report.params.ensemble.top)
    family = PurePosixPath(folder).name
    names = [
        f"model {rank} is {terms.model(f'{family}/{trial}')}"
        for rank, trial in zip(best["rank"], best["trial"], strict=True)
    ]
    return f": {', '.join(names)}"
