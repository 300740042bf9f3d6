"""evaluate: the test split, once: metrics, tables and figures of the vote.

Numbers come from the prediction tables alone; the shards are read for the galleries.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import auc, confusion_matrix

from scanvote import figures
from scanvote.arrays import images_of
from scanvote.files import write_csv
from scanvote.manifest import read_manifest
from scanvote.metrics.classification import evaluate_classes, majority_class_accuracy, roc_of
from scanvote.metrics.intervals import chief_intervals
from scanvote.metrics.operating import at_threshold, positive_class, threshold
from scanvote.params import Params
from scanvote.predictions import (
    family_of,
    labels_of,
    probabilities,
    read_predictions,
)

_ROC_GRID = np.linspace(0, 1, 101)


def evaluate_classification(
    predictions: Path, prepared: Path, params: Params, out: Path
) -> dict[str, float]:
    """Evaluate the vote and its members on the test split.

    Writes to `out`: ``members.csv``, ``confusion.csv`` and ``roc.csv`` (for DVC's
    plots), ``confusion.png``, ``roc.png`` and ``errors.png``.

    Args:
        predictions: `models/ensemble`.
        prepared: `data/prepared/classification`.
        params: the whole of params.yaml.
        out: `metrics/evaluate/classification`.

    Returns:
        Flat metrics: ``vote_…``, ``best_…`` (the best member by validation),
        ``member_2_…``…, each family's best model, ``cnn_…``, the majority class to beat, and
        the size of the test. An interval is ``…_low`` and ``…_high``.
    """
    table = read_predictions(predictions / "predictions.csv")
    members = pd.read_csv(predictions / "members.csv")
    models, validation = _by_model(table, "test"), _by_model(table, "validation")
    vote, best = models["vote"], models[members["model"][0]]
    groups = _groups(prepared)
    scores = _scores(models, validation, groups, params)
    write_csv(pd.DataFrame([{"model": n, **s} for n, s in scores.items()]), out / "members.csv")
    _class_plots(vote, best, out)
    _error_gallery(vote, prepared, params.evaluate.gallery, out / "errors.png")
    majority = majority_class_accuracy(validation["vote"]["label"], vote["label"])
    return {
        **_prefixed("vote", scores["vote"]),
        **_member_metrics(scores, members.loc[members["votes"], "model"].tolist()),
        **_family_metrics(scores, members["model"].tolist()),
        "majority_class_accuracy": round(majority, 6),
        "test_scans": len(vote),
        "test_groups": len(set(groups.values())),
    }


def _by_model(table: pd.DataFrame, split: str) -> dict[str, pd.DataFrame]:
    rows = table[table["split"] == split]
    return {str(name): one for name, one in rows.groupby("model", sort=False)}


def _scores(
    models: dict[str, pd.DataFrame],
    validation: dict[str, pd.DataFrame],
    groups: dict[str, int],
    params: Params,
) -> dict[str, dict[str, float]]:
    """By model all its figures on the test split, with intervals over the groups.

    Of two classes also the operating point that the validation split chooses.
    """
    positive = positive_class(models["vote"], params.evaluate.positive)
    scores = {}
    for name, rows in models.items():
        own = rows["scan_id"].map(groups).to_numpy(int)
        scores[name] = evaluate_classes(rows) | chief_intervals(rows, own, positive, params.seed)
        if positive is not None:
            least = threshold(validation[name], positive, params.evaluate.min_sensitivity)
            found = at_threshold(rows, positive, least)
            scores[name] |= {f"operating_{key}": value for key, value in found.items()}
    return scores


def _groups(prepared: Path) -> dict[str, int]:
    """The group of each test scan, from 0."""
    manifest = read_manifest(prepared / "manifest.csv")
    test = manifest[manifest["split"] == "test"]
    return dict(zip(test["scan_id"], pd.factorize(test["group"])[0], strict=True))


_CHIEF = tuple(
    f"{name}{end}" for name in ("accuracy", "macro_f1", "auroc") for end in ("", "_low", "_high")
)


def _member_metrics(scores: dict[str, dict[str, float]], members: list[str]) -> dict[str, float]:
    """All scores of the best member by validation, the chief ones of the others."""
    found = _prefixed("best", scores[members[0]])
    for place, name in enumerate(members[1:], start=2):
        found |= _prefixed(f"member_{place}", {key: scores[name][key] for key in _CHIEF})
    return found


def _family_metrics(scores: dict[str, dict[str, float]], ranked: list[str]) -> dict[str, float]:
    """The chief scores of each family's best model by validation."""
    found: dict[str, float] = {}
    for name in reversed(ranked):  # the best of a family overwrites the others
        if name in scores:
            found |= _prefixed(family_of(name), {key: scores[name][key] for key in _CHIEF})
    return found


def _prefixed(prefix: str, scores: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": round(value, 6) for name, value in scores.items()}


def _class_plots(vote: pd.DataFrame, best: pd.DataFrame, out: Path) -> None:
    labels = labels_of(vote)
    pairs = vote[["label", "predicted"]].set_axis(["actual", "predicted"], axis=1)
    write_csv(pairs, out / "confusion.csv")
    matrix = confusion_matrix(vote["label"], vote["predicted"], labels=labels)
    title = f"Majority vote, {len(vote)} test scans"
    figures.confusion_figure(matrix, labels, title, out / "confusion.png")
    curves = {label: curve for label in labels if (curve := roc_of(vote, label))}
    areas = {label: float(auc(*curve)) for label, curve in curves.items()}
    figures.roc_figure(curves, areas, f"{title}\neach class against the rest", out / "roc.png")
    averages = {"vote": _average_roc(vote), "best_member": _average_roc(best)}
    write_csv(pd.DataFrame({"false_positive_rate": _ROC_GRID, **averages}), out / "roc.csv")


def _average_roc(table: pd.DataFrame) -> np.ndarray:
    """True positive rate on `_ROC_GRID`, averaged over the classes against the rest."""
    curves = [roc_of(table, label) for label in labels_of(table)]
    rates = [np.interp(_ROC_GRID, *curve) for curve in curves if curve]
    return np.mean(rates, axis=0).round(6) if rates else np.full(len(_ROC_GRID), np.nan)


def _error_gallery(vote: pd.DataFrame, prepared: Path, most: int, path: Path) -> None:
    """The errors that the vote was surest of."""
    sure = probabilities(vote).max(axis=1)
    wrong = vote.assign(sure=sure)[vote["label"] != vote["predicted"]]
    shown = wrong.sort_values(["sure", "scan_id"], ascending=[False, True]).head(most)
    title = f"Wrong votes: {len(wrong)} of {len(vote)}, the surest {len(shown)} shown"
    if shown.empty:
        shown = vote.assign(sure=sure).sort_values(["sure", "scan_id"]).head(most)
        title = f"No wrong vote in {len(vote)}; the least sure {len(shown)} shown"
    captions = [
        f"{row.label}\n→ {row.predicted} {row.sure:.2f}".replace("_", " ")
        for row in shown.itertuples()
    ]
    images = images_of(prepared, "test", shown["scan_id"].tolist())
    figures.gallery(images, captions, title, path)
