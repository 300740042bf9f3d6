"""The stage `inflation`: what leaks and shortcuts add to a figure, seen with small probes.

A probe is a logistic regression on the grey pixels of a scan, or on the features of a trained
backbone that has not seen the set. It has nothing to tune, so each protocol needs a training
and a test part only. Under `random`, `look_alikes` and `grouped` every scan is tested once, in
folds. `look_alikes` groups the scans as if no patient was known, so that the step to `grouped` is
what look-alikes leave together by chance; it exists where some patients are known and some not.
In the folds of `grouped` the probes of `scanvote.pipeline.inflation.shortcuts` are tested, too.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.core.progress import progress_bar
from scanvote.images.decode import Rgb, decode_image, grey
from scanvote.manifest import read_manifest
from scanvote.metrics.bootstrap import BootstrapEstimate, Counts, confusions, interval_method
from scanvote.metrics.confusion import chief_estimates
from scanvote.metrics.intervals import with_intervals
from scanvote.params import InflationParams
from scanvote.pipeline.inflation.figures import inflation_figure, shortcuts_figure
from scanvote.pipeline.inflation.shortcuts import measure, shortcut_metrics, shortcuts
from scanvote.splits.groups import group_scans
from scanvote.splits.known_patients import protocol_words
from scanvote.splits.protocols import (
    assign_folds,
    grouped,
    official_test,
    published_test,
    stratum_of,
)

if TYPE_CHECKING:
    import keras

REGULARISATION = 0.01  # of the probe; features are standardised

Features = NDArray[np.float32]
Parts = tuple[pd.Index, pd.Index]
"""Rows to train on, rows to test on."""


def inflation(
    raw: Path,
    deduplicated: Path,
    params: InflationParams,
    seed: int,
    out: Path,
    mirror: Path | None = None,
) -> dict[str, float]:
    """Write tables and pictures of the probes to `out`.

    Of the protocols ``table.csv``, ``predictions.csv`` and ``inflation.png``; of the shortcuts
    ``shortcuts.csv`` and ``shortcuts.png``.

    Args:
        raw: folder of the scans of classification.
        deduplicated: folder of their manifest.
        params: what the probe sees, and the folds.
        seed: of the folds and the bootstrap.
        out: folder, made if missing.
        mirror: folder that may hold the backbone or its weights.

    Returns:
        By protocol accuracy and macro F1 with their 95 % intervals (``_low``, ``_high``),
        ``inflation_…``, random less grouped, whose interval is of the difference;
        ``inflation_look_alikes_…``, look-alikes less grouped, where there are both; ``shortcut_…``
        of `shortcut_metrics`; `scans` of the manifest, and `scans_patient_known`, of how many of
        them the patient is known.

    Raises:
        InputError: the manifest is damaged, the backbone cannot be used, or the classes
            cannot be spread over folds.
    """
    scans = grouped(read_manifest(deduplicated / "manifest.csv"))
    scans["stratum"] = stratum_of("classification", scans)
    scans["group"] = pd.factorize(scans["group"])[0]
    pixels, measured = features([raw / path for path in scans["path"]], params, mirror)
    trainings = dict(protocols(scans, params, seed))
    # the probes are small: threads of the BLAS would wait for each other, for minutes on busy cores
    with threadpool_limits(1):
        predictions = pd.concat(
            [_tested(name, scans, pixels, parts) for name, parts in trainings.items()]
        )
        told = shortcuts(scans, measured, trainings["grouped"], seed)
    table = score(predictions, sorted(set(scans["label"])), len(set(scans["group"])), seed)
    known = int((scans["patient"] != "").sum())
    write_csv(predictions, out / "predictions.csv")
    write_csv(table.round(6), out / "table.csv")
    names = {name: protocol_words(name, known, len(scans)) for name in table["protocol"]}
    inflation_figure(table, names, interval_method(), out / "inflation.png")
    write_csv(told.round(6), out / "shortcuts.csv")
    shortcuts_figure(told, interval_method(), out / "shortcuts.png")
    counts = {"scans": len(scans), "scans_patient_known": known}
    return _flat(table) | shortcut_metrics(told) | counts


def protocols(
    scans: pd.DataFrame, params: InflationParams, seed: int
) -> Iterator[tuple[str, list[Parts]]]:
    """The protocols that the set allows, each with its trainings."""
    grouped_folds = _folds(scans[scans["kept"]], params.folds, seed)
    yield "random", _folds(scans.assign(group=range(len(scans))), len(grouped_folds), seed)
    yield from _look_alikes(scans, len(grouped_folds), seed)
    yield "grouped", grouped_folds
    for name, (train, test) in _official(scans):
        # what is tied to the test part may be all of a small training part
        if scans.loc[train, "label"].nunique() > 1:
            yield name, [(train, test)]


def _look_alikes(scans: pd.DataFrame, folds: int, seed: int) -> Iterator[tuple[str, list[Parts]]]:
    """The groups as if no patient was known, where `deduplicate` compared scans for that."""
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
    """The published test part, with all the published training and with what is not tied to it.

    Of published folds the first is the test part.
    """
    try:
        test = official_test(scans)
    except InputError:
        return
    published = published_test(scans)
    yield "official_as_published", (scans.index[~published], scans.index[published])
    tied = scans["group"].isin(set(scans.loc[test, "group"]))
    yield "official", (scans.index[scans["kept"] & ~tied], scans.index[test])


def _folds(scans: pd.DataFrame, most: int, seed: int) -> list[Parts]:
    """As many folds as the rarest class has groups, and no more than `most`."""
    folds = min(most, int(scans.groupby("stratum")["group"].nunique().min()))
    fold = assign_folds(scans, folds, seed)
    return [(scans.index[fold != one], scans.index[fold == one]) for one in range(folds)]


def _tested(name: str, scans: pd.DataFrame, pixels: Features, parts: list[Parts]) -> pd.DataFrame:
    """The prediction of every scan that is tested under one protocol."""
    found = []
    with progress_bar(f"Probe {name}") as progress:
        for train, test in parts:
            guess = _probe(pixels[train], scans["label"][train], pixels[test])
            found.append(scans.loc[test, ["scan_id", "group", "label"]].assign(predicted=guess))
            progress(len(found), len(parts))
    return pd.concat(found).sort_index().assign(protocol=name)


def _probe(seen: Features, labels: "pd.Series[str]", unseen: Features) -> NDArray[np.str_]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=1000))
    return np.asarray(probe.fit(seen, labels).predict(unseen), str)


def features(
    paths: list[Path], params: InflationParams, mirror: Path | None
) -> tuple[Features, Features]:
    """What the probes see: (n, d) of all of a scan, and (n, e) of what is not anatomy.

    The first are grey pixels, or the pooled features of the backbone; the second are those of
    `scanvote.pipeline.inflation.shortcuts.measure`. Each image is read once and let go.
    """
    measured: list[Features] = []
    small = _scans(paths, params.image_size, measured)
    if params.backbone is None:
        pixels = np.stack([grey(one).reshape(-1).astype(np.float32) for one in small])
    else:
        pixels = _backbone_features(small, params, mirror)
    return pixels, np.stack(measured)


def _backbone_features(
    scans: Iterator[Rgb], params: InflationParams, mirror: Path | None
) -> Features:
    model = _extractor(params, mirror)
    batches = []
    while some := list(islice(scans, 32)):
        batch = np.stack(some).astype(np.float32)
        found = np.asarray(model(batch, training=False))
        batches.append(found.mean(axis=(1, 2)) if found.ndim == 4 else found)
    return np.concatenate(batches)


def _extractor(params: InflationParams, mirror: Path | None) -> "keras.Model":
    """Of RGB 0…255; a network that is named has its ImageNet weights."""
    import keras

    from scanvote.models.backbones import load_backbone, preprocessing
    from scanvote.models.input_spec import InputSpec

    assert params.backbone is not None
    inputs = keras.Input((params.image_size, params.image_size, 3))
    brief = InputSpec(inputs.shape[1:], 0, mirror)
    backbone = load_backbone(params.backbone, brief.shape, "imagenet", brief, "inflation.backbone")
    return keras.Model(inputs, backbone(preprocessing(params.backbone, inputs)))


def _scans(paths: list[Path], side: int, measured: list[Features]) -> Iterator[Rgb]:
    """(side, side, 3) uint8, RGB, of each; what `measure` finds in them is added to `measured`."""
    with progress_bar("Read") as progress:
        for path in paths:
            image = decode_image(path)
            measured.append(measure(image))
            progress(len(measured), len(paths))
            small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
            yield np.asarray(small, np.uint8)


def score(predictions: pd.DataFrame, labels: list[str], groups: int, seed: int) -> pd.DataFrame:
    """One row a protocol, then the differences: value, low and high of each statistic.

    Args:
        predictions: protocol, group, label, predicted.
        labels: the classes.
        groups: how many there are in the whole set, of which a protocol may test some.
        seed: of the bootstrap, over the groups that a protocol, or one of two, has tested.
    """
    code = {label: at for at, label in enumerate(labels)}
    rows: list[dict[str, object]] = []
    values: dict[str, Counts] = {}
    for name in predictions["protocol"].unique().tolist():
        part = predictions[predictions["protocol"] == name]
        truth, guess = (part[key].map(code).to_numpy(np.int64) for key in ("label", "predicted"))
        counts = np.zeros((groups, len(labels), len(labels)))
        found = confusions(part["group"].to_numpy(np.int64), truth, guess, len(labels))
        counts[: len(found)] = found
        values[name] = counts
        (files,) = chief_estimates([counts], seed)
        rows.append({"protocol": name, "scans": len(part), **with_intervals(files)})
    for name, more in (("inflation", "random"), ("inflation_look_alikes", "look_alikes")):
        if more in values:
            one, other = chief_estimates([values[more], values["grouped"]], seed)
            differences: dict[str, BootstrapEstimate] = {key: one[key] - other[key] for key in one}
            rows.append({"protocol": name, **with_intervals(differences)})
    return pd.DataFrame(rows).astype({"scans": "Int64"})


def _flat(table: pd.DataFrame) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for row in table.to_dict("records"):
        name = row.pop("protocol")
        known = {key: value for key, value in row.items() if not pd.isna(value)}
        metrics |= {f"{name}_{key}": round(value, 6) for key, value in known.items()}
    return metrics
