"""Figures and plotted tables of an evaluation of classification."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.arrays import Shard
from scanvote.core.files import write_csv
from scanvote.metrics.agreement import agreement
from scanvote.metrics.bootstrap import interval_caption
from scanvote.metrics.classification import evaluate_classes
from scanvote.metrics.curves import GRID, curves_of, lines_of
from scanvote.metrics.error_analysis import confidence
from scanvote.metrics.reliability import INTERVALS, reliability
from scanvote.metrics.results import ClassifierOutput
from scanvote.pipeline.ensemble.calibration import apply_temperature
from scanvote.pipeline.evaluate.curve_figures import (
    KINDS,
    CurveData,
    curve_figure,
    reliability_figure,
)
from scanvote.pipeline.evaluate.gallery_figures import draw_galleries
from scanvote.pipeline.evaluate.matrix_figures import (
    agreement_figure,
    comparisons_figure,
    confusion_figure,
)
from scanvote.plots.canvas import wrap, wrap_label
from scanvote.predictions import labels_of, probabilities


def draw_classification(
    models: Mapping[str, pd.DataFrame],
    best: str,
    members: Sequence[str],
    groups: np.ndarray,
    comparisons: pd.DataFrame,
    patients: str,
    positive: str | None,
    temperatures: Mapping[str, float],
    prepared: Path,
    maps: Shard | None,
    gallery: int,
    seed: int,
    out: Path,
) -> None:
    """Draw the vote on the test split, beside its best member.

    Writes ``confusion.png``, ``roc.png``, ``precision_recall.png``, ``reliability.png``,
    ``agreement.png``, ``comparisons.png``, ``errors.png``, ``disagreeing.png``, ``right.png``, and
    for DVC's plots ``confusion.csv``, ``roc.csv``, ``precision_recall.csv``, ``reliability.csv``,
    ``agreement.csv``.

    Args:
        models: test rows of `predictions.csv` by model, with `vote`; all of the same scans in the
            same order.
        best: the best member by validation.
        members: the models that vote.
        groups: (n,) int, the group of each row, from 0; groups are drawn with replacement.
        comparisons: a row for each comparison: `model`, `against`, `metric` (accuracy, macro_f1,
            auroc), `difference` (model less against) with its interval `low` and `high`.
        patients: statement whether patients are kept apart, in a few words.
        positive: the class not to miss, of two classes.
        temperatures: of the calibrated models; their probabilities before calibration are
            recomputed with it and shown, too.
        prepared: `data/prepared/classification`, for the scans.
        maps: `metrics/explain/classification/maps.pkl`. A scan without a map, and any scan if this
            is None, is shown alone.
        gallery: maximum number of scans in a gallery.
        seed: seed of the bootstrap over groups.
        out: `metrics/evaluate/classification`.
    """
    pair = {"vote": models["vote"], "best member": models[best]}
    subtitle = wrap(f"best member: {best}", 60)
    role = "" if positive is None else f"\nnot to be missed: {wrap_label(positive)}"
    _draw_confusion(pair, f"{subtitle}\n{wrap(patients, 60)}{role}", out)
    _draw_curves(models["vote"], models[best], groups, role, seed, out)
    pair_temperatures = [temperatures.get(name, 1.0) for name in ("vote", best)]
    _draw_reliability(pair, pair_temperatures, groups, subtitle, out)
    _draw_agreement(models, members, out)
    comparisons_figure(comparisons, out / "comparisons.png")
    draw_galleries(models["vote"], [models[name] for name in members], prepared, maps, gallery, out)


def _draw_confusion(pair: Mapping[str, pd.DataFrame], subtitle: str, out: Path) -> None:
    vote = pair["vote"]
    labels = labels_of(vote)
    actual = vote[["label", "predicted"]].set_axis(["actual", "predicted"], axis=1)
    write_csv(actual, out / "confusion.csv")
    matrices = {name: _counts(table) for name, table in pair.items()}
    title = f"{len(vote)} test scans: how many, and their share of the true class\n{subtitle}"
    confusion_figure(matrices, labels, title, out / "confusion.png")


def _counts(table: pd.DataFrame) -> np.ndarray:
    """Return the confusion matrix, (C, C) int.

    Rows are the truth, columns the prediction.
    """
    together = np.zeros(len(table), int)
    return np.asarray(ClassifierOutput.of(table, together).counts()[0], int)


def _draw_curves(
    vote: pd.DataFrame, best: pd.DataFrame, groups: np.ndarray, role: str, seed: int, out: Path
) -> None:
    labels, curves = labels_of(vote), curves_of(vote, groups, seed)
    scores = evaluate_classes(vote), evaluate_classes(best)
    of_vote = (curves.roc, curves.precision_recall)
    for kind, bands, lines in zip(KINDS, of_vote, lines_of(best), strict=True):
        mean = bands[-1]
        heights = {"vote": mean.line, "vote_low": mean.low, "vote_high": mean.high}
        table = pd.DataFrame({kind.x: GRID, **heights, "best_member": lines[-1]})
        write_csv(table.round(6), out / f"{kind.name}.csv")
        classes = [
            CurveData(
                label,
                float((vote["label"] == label).mean()),
                band,
                line,
                *(score[f"{kind.area}_{label}"] for score in scores),
            )
            for label, band, line in zip(labels, bands, lines, strict=False)
        ]
        curve_figure(kind, classes, len(vote), role, out / f"{kind.name}.png")


def _draw_reliability(
    pair: Mapping[str, pd.DataFrame],
    temperatures: Sequence[float],
    groups: np.ndarray,
    subtitle: str,
    out: Path,
) -> None:
    by_model = {}
    for (name, table), temperature in zip(pair.items(), temperatures, strict=True):
        right = (table["label"] == table["predicted"]).to_numpy()
        states = [table]
        if temperature != 1:
            states.append(_uncalibrated(table, temperature))
        confidences = [confidence(state) for state in states]
        by_model[name] = [(reliability(one, right, groups), one) for one in confidences]
    write_csv(by_model["vote"][0][0], out / "reliability.csv")
    bins = pd.concat([table for states in by_model.values() for table, _ in states])
    method = interval_caption(bins["right"], bins["low"], method=INTERVALS)
    title = f"Accuracy by confidence, in bins of equally many scans\n{subtitle}\n{method}"
    reliability_figure(by_model, title, out / "reliability.png")


def _uncalibrated(table: pd.DataFrame, temperature: float) -> pd.DataFrame:
    columns = [f"p_{label}" for label in labels_of(table)]
    before = apply_temperature(probabilities(table), 1 / temperature)
    return table.assign(**dict(zip(columns, before.T, strict=True)))


def _draw_agreement(models: Mapping[str, pd.DataFrame], members: Sequence[str], out: Path) -> None:
    predicted = {name: models[name]["predicted"].to_numpy() for name in ("vote", *members)}
    table = agreement(pd.DataFrame({"truth": models["vote"]["label"].to_numpy(), **predicted}))
    write_csv(table, out / "agreement.csv")
    title = f"Agreement beyond chance on {len(models['vote'])} test scans\nCohen's kappa"
    agreement_figure(table, title, out / "agreement.png")
