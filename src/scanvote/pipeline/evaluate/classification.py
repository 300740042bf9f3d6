"""evaluate: the test split, once: metrics, tests, tables and figures of the vote.

Numbers come from the prediction tables alone; the shards are read for the galleries.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from scanvote.arrays import Shard, load_shard
from scanvote.core.files import write_csv
from scanvote.manifest import read_manifest
from scanvote.metrics.comparisons import BASELINE, METRICS, TESTS, compare
from scanvote.metrics.intervals import ENDS, classes_table, merged, with_intervals
from scanvote.metrics.operating_point import at_threshold, groups_at_threshold
from scanvote.metrics.resampled import bootstrap
from scanvote.metrics.results import ClassifierOutput
from scanvote.params import Params
from scanvote.pipeline.evaluate.classification_figures import draw_classification
from scanvote.pipeline.evaluate.inputs import TestResults, model_outputs, read_test_results
from scanvote.pipeline.evaluate.subgroups import class_subgroups
from scanvote.predictions import family_of
from scanvote.splits.known_patients import KnownPatients

_CHIEF = [f"{name}{end}" for name in METRICS for end in ENDS]
_OF_RULES = [*_CHIEF, *(f"{name}{end}" for name in ("brier", "ece") for end in ENDS)]
Scores = dict[str, dict[str, float]]
"""By model its figures."""


def evaluate_classification(
    predictions: Path, beside: Path, prepared: Path, params: Params, out: Path
) -> dict[str, float]:
    """Evaluate the vote and its members on the test split.

    Writes to `out` the tables ``members.csv`` (a model a row, every figure), ``classes.csv`` (a
    class a row, of the vote), ``comparisons.csv`` (of `compare`: the vote against every other
    model, the best member first, and all against the majority class) and ``subgroups.csv``; the
    plotted ones ``confusion.csv``, ``roc.csv``, ``precision_recall.csv``, ``reliability.csv`` and
    ``agreement.csv``; and the pictures ``confusion.png``, ``roc.png``, ``precision_recall.png``,
    ``reliability.png``, ``agreement.png``, ``comparisons.png``, ``errors.png``,
    ``disagreeing.png`` and ``right.png``.

    Args:
        predictions: `models/ensemble`.
        beside: `metrics/explain/classification`, whose maps the galleries show.
        prepared: `data/prepared/classification`.
        params: the whole of params.yaml.
        out: `metrics/evaluate/classification`.

    Returns:
        Flat metrics: ``vote_…``, ``best_…`` (the best member by validation),
        ``member_2_…``…, each family's best model, ``cnn_…``, each rule, ``rule_soft_…``; the
        vote less the best member, ``difference_…``, with `mcnemar_p` and `delong_p`; the majority
        class to beat, the size of the test, and of how many of its scans the patient is known.
        ``…_positive_classes_…`` are of the scans with the finding alone, where
        `evaluate.negative` names the class without it. An interval is ``…_low`` and ``…_high``;
        what is undefined, as for a class that is absent, is NaN.

    Raises:
        InputError: an input is missing or does not fit, or a class has an ambiguous name.
    """
    tested = read_test_results(predictions, prepared)
    known = KnownPatients.of(read_manifest(prepared / "manifest.csv"))
    answers = model_outputs(tested, params.evaluate)
    figures = bootstrap(answers, params.seed)
    scores = {
        name: merged(with_intervals(figures[name]), _operating(answers[name], rows))
        for name, rows in tested.models.items()
    }
    comparisons = compare(_pairs(tested), answers, figures).round(6)
    tables = {
        "members": pd.DataFrame([{"model": name, **score} for name, score in scores.items()]),
        "classes": classes_table(answers["vote"], figures["vote"]),
        "comparisons": comparisons,
        "subgroups": class_subgroups(answers["vote"], tested.scans, params.seed),
    }
    for name, table in tables.items():
        write_csv(table.round(6), out / f"{name}.csv")
    _draw(tested, comparisons, known.short(), predictions, beside, prepared, params, out)
    return {
        **_by_role(scores, tested),
        **_against_best(comparisons, tested.best),
        "majority_class_accuracy": round(figures[BASELINE]["accuracy"].value, 6),
        "test_scans": len(tested.groups),
        "test_groups": answers["vote"].group_count,
        **known.test_metrics(),
    }


def _operating(answers: ClassifierOutput, rows: pd.DataFrame) -> dict[str, float]:
    """Of two classes the threshold, and in numbers of scans and groups what it misses."""
    if answers.point is None:
        return {}
    positive, least = answers.labels[answers.point.code], answers.point.threshold
    found = at_threshold(rows, positive, least)
    found |= groups_at_threshold(rows, answers.groups, positive, least)
    return {f"operating_{name}": value for name, value in found.items()}


def _pairs(tested: TestResults) -> Iterator[tuple[str, str]]:
    """The vote and every other model, the best member first; all of these and the baseline."""
    others = [tested.best, *(name for name in tested.single if name != tested.best)]
    yield from (("vote", name) for name in others)
    yield from ((name, BASELINE) for name in ("vote", *others))


def _by_role(scores: Scores, tested: TestResults) -> dict[str, float]:
    best, *others = tested.voters
    parts = [_prefixed("vote", scores["vote"]), _prefixed("best", scores[best])]
    for place, name in enumerate(others, start=2):
        parts.append(_prefixed(f"member_{place}", scores[name], _CHIEF))
    families = {family_of(name): name for name in reversed(tested.single)}  # the best comes last
    for family in sorted(families):
        parts.append(_prefixed(family, scores[families[family]], _CHIEF))
    for name in scores:
        if name.startswith("vote/"):
            rule = name.removeprefix("vote/")
            parts.append(_prefixed(f"rule_{rule}", scores[name], _OF_RULES))
    return merged(*parts)


def _prefixed(
    prefix: str, scores: Mapping[str, float], names: list[str] | None = None
) -> dict[str, float]:
    return {f"{prefix}_{name}": round(scores[name], 6) for name in names or scores}


def _against_best(comparisons: pd.DataFrame, best: str) -> dict[str, float]:
    own = comparisons[(comparisons["model"] == "vote") & (comparisons["against"] == best)]
    found: dict[str, float] = {}
    for row in own.to_dict("records"):
        name = f"difference_{row['metric']}"
        found |= {name: row["difference"], f"{name}_low": row["low"], f"{name}_high": row["high"]}
        if row["metric"] in TESTS:
            found[f"{row['test']}_p"] = row["p"]
    return found


def _draw(
    tested: TestResults,
    comparisons: pd.DataFrame,
    patients: str,
    predictions: Path,
    beside: Path,
    prepared: Path,
    params: Params,
    out: Path,
) -> None:
    draw_classification(
        tested.models,
        tested.best,
        tested.voters,
        tested.groups,
        comparisons,
        patients,
        _temperatures(predictions, tested.members),
        prepared,
        _maps(beside / "maps.pkl"),
        params.evaluate.gallery,
        params.seed,
        out,
    )


def _temperatures(predictions: Path, members: pd.DataFrame) -> dict[str, float]:
    """Of every model that was calibrated, the vote among them."""
    known = members.dropna(subset="temperature")
    vote = json.loads((predictions / "vote.json").read_text(encoding="utf-8"))
    return dict(zip(known["model"], known["temperature"], strict=True)) | {
        "vote": float(vote["temperature"])
    }


def _maps(path: Path) -> Shard | None:
    """The explanations; None where the stage `explain` made none."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return load_shard(file)
