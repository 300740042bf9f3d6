"""Stage `inflation`: effect of leaks and shortcuts on a metric.

A probe is a logistic regression on the grey pixels of a scan, or on the features of a backbone that
was not trained on the data set. It has no hyperparameters to tune, so each protocol needs a
training and a test part only. Under `random`, `look_alikes` and `grouped` every scan is tested
once, in folds. `look_alikes` groups the scans as if no patient was known. Its difference to
`grouped` is the leak that remains if only look-alikes are kept together; it exists if some patients
are known and some are not. In the folds of `grouped` the probes of
`scanvote.pipeline.inflation.shortcuts` are tested, too.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.core.progress import progress_bar
from scanvote.manifest import read_manifest
from scanvote.metrics.bootstrap import BootstrapEstimate, Counts, confusions, interval_caption
from scanvote.metrics.confusion import chief_estimates
from scanvote.metrics.intervals import with_intervals
from scanvote.params import InflationParams
from scanvote.pipeline.inflation.figures import inflation_figure, shortcuts_figure
from scanvote.pipeline.inflation.probe import features, predict
from scanvote.pipeline.inflation.shortcuts import Features, Parts, shortcut_metrics, shortcuts
from scanvote.splits.groups import group_scans
from scanvote.splits.known_patients import protocol_words
from scanvote.splits.protocols import (
    assign_folds,
    grouped,
    official_test,
    published_test,
    stratum_of,
)


def inflation(
    raw: Path,
    deduplicated: Path,
    params: InflationParams,
    seed: int,
    out: Path,
    weights_dir: Path | None = None,
) -> dict[str, float]:
    """Write tables and figures of the probes to `out`.

    For the protocols these are ``table.csv``, ``predictions.csv`` and ``inflation.png``; for the
    shortcuts ``shortcuts.csv`` and ``shortcuts.png``.

    Args:
        raw: folder of the scans of classification.
        deduplicated: folder of their manifest.
        params: the input of the probe, and the folds.
        seed: seed of the folds and of the bootstrap.
        out: folder, created if missing.
        weights_dir: folder that may hold the backbone or its weights.

    Returns:
        For each protocol accuracy and macro F1 with their 95 % intervals (``_low``, ``_high``);
        ``inflation_…``, random less grouped, with the interval of the difference;
        ``inflation_look_alikes_…``, look-alikes less grouped, if there are both; ``shortcut_…`` of
        `shortcut_metrics`; `scans`, the number of scans in the manifest, and `scans_patient_known`,
        the number of those with a known patient.

    Raises:
        InputError: the manifest is damaged, the backbone cannot be used, or the classes cannot be
            spread over folds.
    """
    scans = grouped(read_manifest(deduplicated / "manifest.csv"))
    scans["stratum"] = stratum_of("classification", scans)
    scans["group"] = pd.factorize(scans["group"])[0]
    pixels, measured = features([raw / path for path in scans["path"]], params, weights_dir)
    trainings = dict(protocols(scans, params, seed))
    # the probes are small: BLAS threads would wait for each other, for minutes on busy cores
    with threadpool_limits(1):
        predictions = pd.concat(
            [_predictions(name, scans, pixels, parts) for name, parts in trainings.items()]
        )
        shortcut_table = shortcuts(scans, measured, trainings["grouped"], seed)
    table = score(predictions, sorted(set(scans["label"])), len(set(scans["group"])), seed)
    known = int((scans["patient"] != "").sum())
    write_csv(predictions, out / "predictions.csv")
    write_csv(table.round(6), out / "table.csv")
    names = {name: protocol_words(name, known, len(scans)) for name in table["protocol"]}
    inflation_figure(table, names, _caption(table, "macro_f1"), out / "inflation.png")
    write_csv(shortcut_table.round(6), out / "shortcuts.csv")
    method = _caption(shortcut_table, "balanced_accuracy")
    shortcuts_figure(shortcut_table, method, out / "shortcuts.png")
    counts = {"scans": len(scans), "scans_patient_known": known}
    return _flatten(table) | shortcut_metrics(shortcut_table) | counts


def protocols(
    scans: pd.DataFrame, params: InflationParams, seed: int
) -> Iterator[tuple[str, list[Parts]]]:
    """Yield the protocols that the data set allows, each with its folds."""
    grouped_folds = _folds(scans[scans["kept"]], params.folds, seed)
    yield "random", _folds(scans.assign(group=range(len(scans))), len(grouped_folds), seed)
    yield from _look_alikes(scans, len(grouped_folds), seed)
    yield "grouped", grouped_folds
    for name, (train, test) in _official(scans):
        # a small training part may consist only of scans tied to the test part
        if scans.loc[train, "label"].nunique() > 1:
            yield name, [(train, test)]


def _look_alikes(scans: pd.DataFrame, folds: int, seed: int) -> Iterator[tuple[str, list[Parts]]]:
    """Yield folds that group scans as if no patient was known.

    This needs the comparisons of `deduplicate` for that purpose.
    """
    if "look_alikes" not in scans:
        return
    unnamed = scans.assign(patient="", relatives=scans["look_alikes"])
    kept = unnamed.assign(group=group_scans(unnamed))[scans["kept"]]
    # a group larger than a fold would leave less to train on than the other protocols have
    if kept["group"].value_counts().max() * folds > len(kept):
        return
    if kept.groupby("stratum")["group"].nunique().min() >= folds:
        yield "look_alikes", _folds(kept, folds, seed)


def _official(scans: pd.DataFrame) -> Iterator[tuple[str, Parts]]:
    """Yield the published split, then without scans tied to its test.

    The first has the whole published training part; from the training part of the second, scans in
    a group with a test scan are removed. If folds are published, the first is the test part.
    """
    try:
        test = official_test(scans)
    except InputError:
        return
    published = published_test(scans)
    yield "official_as_published", (scans.index[~published], scans.index[published])
    tied = scans["group"].isin(set(scans.loc[test, "group"]))
    yield "official", (scans.index[scans["kept"] & ~tied], scans.index[test])


def _folds(scans: pd.DataFrame, max_folds: int, seed: int) -> list[Parts]:
    """Split into folds of whole groups.

    There are as many folds as the rarest class has groups, and at most `max_folds`.
    """
    folds = min(max_folds, int(scans.groupby("stratum")["group"].nunique().min()))
    fold = assign_folds(scans, folds, seed)
    return [(scans.index[fold != one], scans.index[fold == one]) for one in range(folds)]


def _predictions(
    name: str, scans: pd.DataFrame, pixels: Features, parts: list[Parts]
) -> pd.DataFrame:
    """Return the prediction of every scan tested under one protocol."""
    tables = []
    with progress_bar(f"Probe {name}") as progress:
        for train, test in parts:
            predicted = predict(pixels[train], scans["label"][train], pixels[test])
            tables.append(
                scans.loc[test, ["scan_id", "group", "label"]].assign(predicted=predicted)
            )
            progress(len(tables), len(parts))
    return pd.concat(tables).sort_index().assign(protocol=name)


def score(predictions: pd.DataFrame, labels: list[str], groups: int, seed: int) -> pd.DataFrame:
    """Return a table with a row for each protocol, then the differences.

    Each row has value, low and high of each metric.

    Args:
        predictions: protocol, group, label, predicted.
        labels: the classes.
        groups: number of groups in the whole set; a protocol may test only some.
        seed: seed of the bootstrap over the groups that a protocol, or one of two, has tested.
    """
    code = {label: at for at, label in enumerate(labels)}
    rows: list[dict[str, object]] = []
    values: dict[str, Counts] = {}
    for name in predictions["protocol"].unique().tolist():
        part = predictions[predictions["protocol"] == name]
        truth, predicted = (
            part[key].map(code).to_numpy(np.int64) for key in ("label", "predicted")
        )
        counts = np.zeros((groups, len(labels), len(labels)))
        tested = confusions(part["group"].to_numpy(np.int64), truth, predicted, len(labels))
        counts[: len(tested)] = tested
        values[name] = counts
        (metrics,) = chief_estimates([counts], seed)
        rows.append({"protocol": name, "scans": len(part), **with_intervals(metrics)})
    for name, leaking in (("inflation", "random"), ("inflation_look_alikes", "look_alikes")):
        if leaking in values:
            one, other = chief_estimates([values[leaking], values["grouped"]], seed)
            differences: dict[str, BootstrapEstimate] = {key: one[key] - other[key] for key in one}
            rows.append({"protocol": name, **with_intervals(differences)})
    return pd.DataFrame(rows).astype({"scans": "Int64"})


def _caption(table: pd.DataFrame, metric: str) -> str:
    return interval_caption(table[metric], table[f"{metric}_low"])


def _flatten(table: pd.DataFrame) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for row in table.to_dict("records"):
        name = row.pop("protocol")
        known = {key: value for key, value in row.items() if not pd.isna(value)}
        metrics |= {f"{name}_{key}": round(value, 6) for key, value in known.items()}
    return metrics
