"""Evaluation of the classification: metrics, tests, tables and figures of the vote.

The test split is used once. Numbers come from the prediction tables alone; the shards are read only
for the galleries.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from scanvote.arrays import Shard, load_shard
from scanvote.core.files import write_csv
from scanvote.manifest import read_manifest
from scanvote.metrics.bootstrap import ENDS
from scanvote.metrics.comparisons import BASELINE, METRICS, TESTS, compare, rounded
from scanvote.metrics.intervals import classes_table, merged, with_intervals
from scanvote.metrics.operating_point import at_threshold, groups_at_threshold
from scanvote.metrics.performance import write_performance
from scanvote.metrics.resampled import bootstrap
from scanvote.metrics.results import ClassifierOutput
from scanvote.params import Params
from scanvote.pipeline.evaluate.classification_figures import draw_classification
from scanvote.pipeline.evaluate.inputs import TestResults, model_outputs, read_test_results
from scanvote.pipeline.evaluate.performance import classification_performance
from scanvote.pipeline.evaluate.subgroups import class_subgroups
from scanvote.predictions import family_of
from scanvote.splits.known_patients import KnownPatients

_CHIEF = [f"{name}{end}" for name in METRICS for end in ENDS]
_OF_RULES = [*_CHIEF, *(f"{name}{end}" for name in ("brier", "ece") for end in ENDS)]
Scores = dict[str, dict[str, float]]
"""Metrics by model."""


def evaluate_classification(
    predictions: Path, explanations: Path, prepared: Path, params: Params, out: Path
) -> dict[str, float]:
    """Evaluate the vote and its members on the test split.

    Writes to `out` ``performance.json``, the summary that stands wherever the model answers; the
    tables ``members.csv`` (a row for each model, all metrics), ``classes.csv`` (a row for each
    class, of the vote), ``comparisons.csv`` (of `compare`: the vote against every other model, the
    best member first, and all against the majority class) and ``subgroups.csv``; the plotted ones
    ``confusion.csv``, ``roc.csv``, ``precision_recall.csv``, ``reliability.csv`` and
    ``agreement.csv``; and the figures ``confusion.png``, ``roc.png``, ``precision_recall.png``,
    ``reliability.png``, ``agreement.png``, ``comparisons.png``, ``errors.png``, ``disagreeing.png``
    and ``right.png``.

    Args:
        predictions: `models/ensemble`.
        explanations: `metrics/explain/classification`, whose maps the galleries show.
        prepared: `data/prepared/classification`.
        params: the whole of params.yaml.
        out: `metrics/evaluate/classification`.

    Returns:
        Flat metrics: ``vote_…``; ``best_…``, the best member by validation; ``member_2_…``…; the
        best model of each family, such as ``cnn_…``; each rule, such as ``rule_soft_…``; the vote
        less the best member, ``difference_…``, with `mcnemar_p` and `delong_p`; the accuracy of the
        majority class as a baseline, the size of the test, and the number of its scans with a known
        patient. ``…_positive_classes_…`` are metrics of the scans with the finding alone, if
        `evaluate.negative` names the class without it. An interval is ``…_low`` and ``…_high``; an
        undefined metric, as of an absent class, is NaN.

    Raises:
        InputError: an input is missing or does not fit, or a class has an ambiguous name.
    """
    results = read_test_results(predictions, prepared)
    known_patients = KnownPatients.of(read_manifest(prepared / "manifest.csv"))
    outputs = model_outputs(results, params.evaluate)
    metrics = bootstrap(outputs, params.seed)
    performance = classification_performance(outputs, metrics, known_patients)
    scores = {
        name: merged(with_intervals(metrics[name]), _operating_point_metrics(outputs[name], rows))
        for name, rows in results.models.items()
    }
    positive = performance.positive
    comparisons = rounded(compare(_pairs(results), outputs, metrics))
    tables = {
        "members": _members_table(scores, positive),
        "classes": classes_table(outputs["vote"], metrics["vote"]),
        "subgroups": class_subgroups(outputs["vote"], results.scans, params.seed),
    }
    write_csv(comparisons, out / "comparisons.csv")
    for name, table in tables.items():
        write_csv(table.round(6), out / f"{name}.csv")
    write_performance(performance, out)
    _draw(
        results,
        comparisons,
        known_patients.short(),
        positive,
        predictions,
        explanations,
        prepared,
        params,
        out,
    )
    return {
        **_by_role(scores, results),
        **_against_best(comparisons, results.best),
        "majority_class_accuracy": round(metrics[BASELINE]["accuracy"].value, 6),
        "test_scans": len(results.groups),
        "test_groups": outputs["vote"].group_count,
        **known_patients.test_metrics(),
    }


def _members_table(scores: Scores, positive: str | None) -> pd.DataFrame:
    """Return a row for each model; of two classes it names the one of the operating point."""
    role = {} if positive is None else {"operating_class": positive}
    return pd.DataFrame([{"model": name, **role, **score} for name, score in scores.items()])


def _operating_point_metrics(output: ClassifierOutput, rows: pd.DataFrame) -> dict[str, float]:
    """Return the threshold of two classes, with missed scans and groups."""
    if output.point is None:
        return {}
    positive, min_probability = output.labels[output.point.code], output.point.threshold
    counts = at_threshold(rows, positive, min_probability)
    counts |= groups_at_threshold(rows, output.groups, positive, min_probability)
    return {f"operating_{name}": value for name, value in counts.items()}


def _pairs(results: TestResults) -> Iterator[tuple[str, str]]:
    """Yield pairs for comparison: vote and others, then all and baseline.

    The best member comes first among the other models.
    """
    others = [results.best, *(name for name in results.single if name != results.best)]
    yield from (("vote", name) for name in others)
    yield from ((name, BASELINE) for name in ("vote", *others))


def _by_role(scores: Scores, results: TestResults) -> dict[str, float]:
    best, *others = results.voters
    blocks = [_prefixed("vote", scores["vote"]), _prefixed("best", scores[best])]
    for place, name in enumerate(others, start=2):
        blocks.append(_prefixed(f"member_{place}", scores[name], _CHIEF))
    families = {family_of(name): name for name in reversed(results.single)}  # the best comes last
    for family in sorted(families):
        blocks.append(_prefixed(family, scores[families[family]], _CHIEF))
    for name in scores:
        if name.startswith("vote/"):
            rule = name.removeprefix("vote/")
            blocks.append(_prefixed(f"rule_{rule}", scores[name], _OF_RULES))
    return merged(*blocks)


def _prefixed(
    prefix: str, scores: Mapping[str, float], names: list[str] | None = None
) -> dict[str, float]:
    return {f"{prefix}_{name}": round(scores[name], 6) for name in names or scores}


def _against_best(comparisons: pd.DataFrame, best: str) -> dict[str, float]:
    own = comparisons[(comparisons["model"] == "vote") & (comparisons["against"] == best)]
    differences: dict[str, float] = {}
    for row in own.to_dict("records"):
        name = f"difference_{row['metric']}"
        differences |= {
            name: row["difference"],
            f"{name}_low": row["low"],
            f"{name}_high": row["high"],
        }
        if row["metric"] in TESTS:
            differences[f"{row['test']}_p"] = row["p"]
    return differences


def _draw(
    results: TestResults,
    comparisons: pd.DataFrame,
    patients: str,
    positive: str | None,
    predictions: Path,
    explanations: Path,
    prepared: Path,
    params: Params,
    out: Path,
) -> None:
    draw_classification(
        results.models,
        results.best,
        results.voters,
        results.groups,
        comparisons,
        patients,
        positive,
        _temperatures(predictions, results.members),
        prepared,
        _read_maps(explanations / "maps.pkl"),
        params.evaluate.gallery,
        params.seed,
        out,
    )


def _temperatures(predictions: Path, members: pd.DataFrame) -> dict[str, float]:
    """Return the temperatures of all calibrated models, with the vote."""
    known = members.dropna(subset="temperature")
    vote = json.loads((predictions / "vote.json").read_text(encoding="utf-8"))
    return dict(zip(known["model"], known["temperature"], strict=True)) | {
        "vote": float(vote["temperature"])
    }


def _read_maps(path: Path) -> Shard | None:
    """Read the explanations; None if the stage `explain` made none."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return load_shard(file)
