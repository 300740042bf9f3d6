"""Shortcut probes: class and source predicted without anatomy.

If scans of one class come from another origin than the rest, a network can learn the origin instead
of the disease. A random forest (Breiman 2001) and a logistic regression see the size, the border
and the intensities of a scan but not its spatial content, in folds of whole groups. Not all that
they predict is due to the origin: the plane of a slice, which differs between diseases, is visible
at its border, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.core.progress import progress_bar
from scanvote.core.seeds import derive_seed
from scanvote.images.decode import Rgb, grey
from scanvote.manifest import source_labels
from scanvote.metrics.bootstrap import Integers
from scanvote.metrics.intervals import with_intervals
from scanvote.metrics.resampled import bootstrap, confusion_metrics
from scanvote.metrics.results import ClassifierOutput

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FRAME = 4
"""Width of the border of a scan in pixels."""
SMALL, SMALL_FRAME = 32, 3
"""Side of the downscaled scan, and its border, in pixels."""
PERCENTILES = (0, 1, 5, 25, 50, 75, 95, 99, 100)
TREES = 50
REGULARISATION = 0.01
"""Inverse regularisation strength C of every logistic regression; features are standardised."""

Features = NDArray[np.float32]
Parts = tuple[pd.Index, pd.Index]
"""Rows to train on, rows to test on."""
Kind = Literal["forest", "linear"]

_SIZES = {
    "size": 2,
    "border": 3,
    "intensity": len(PERCENTILES) + 1,
    "border_pixels": SMALL**2 - (SMALL - 2 * SMALL_FRAME) ** 2,
}
_PROBES: tuple[tuple[str, Kind], ...] = (
    ("size", "forest"),
    ("border", "forest"),
    ("intensity", "forest"),
    ("border_pixels", "linear"),
    ("border_pixels", "forest"),
    ("all", "forest"),
)


@dataclass(frozen=True)
class Target:
    """A property to predict.

    Attributes:
        name: `class` or `source`.
        values: (n,), the value of each scan.
    """

    name: str
    values: "pd.Series[str]"


def measure(image: Rgb) -> Features:
    """Return size, border and intensities of a scan, (363,) float32.

    The order is that of `_SIZES`: width and height; mean, standard deviation and minimum of the
    border; percentiles and mean of all pixels; the border of the scan after downscaling to `SMALL`
    pixels a side.
    """
    pixels = grey(image)
    border = _frame(pixels, FRAME).astype(float)
    small = cv2.resize(pixels, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    parts: tuple[Any, ...] = (
        (pixels.shape[1], pixels.shape[0]),
        (border.mean(), border.std(), border.min()),
        (*np.percentile(pixels, PERCENTILES), pixels.mean()),
        _frame(np.asarray(small, np.uint8), SMALL_FRAME),
    )
    return np.concatenate([np.asarray(part, np.float32) for part in parts])


def _frame(pixels: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Return the outermost pixels, (m,), of an image.

    If it is not larger than the border, these are all its pixels.
    """
    outer = np.ones(pixels.shape, bool)
    outer[width:-width, width:-width] = False
    return pixels[outer]


def shortcuts(
    scans: pd.DataFrame, measured: Features, parts: Sequence[Parts], seed: int
) -> pd.DataFrame:
    """Evaluate probes of class and source on each kind of features.

    Args:
        scans: a manifest with `group`, indexed from 0.
        measured: (n, 363), `measure` of each scan.
        parts: the folds, which test each scan at most once.
        seed: seed of the forests and of the bootstrap over groups.

    Returns:
        A row for each target and probe: `target` (class, source), `features`, `probe`, `scans`,
        `groups`, `chance_balanced_accuracy` (1 over the classes), `chance_macro_f1` (of always
        predicting the most frequent class), and with ``_low`` and ``_high`` accuracy,
        balanced_accuracy, macro_f1, and for each class ``sensitivity_…`` and ``specificity_…``,
        NaN for the classes of the other target. The source is a target only if there are
        several sources.
    """
    rows = []
    with progress_bar("Shortcuts") as progress:
        targets = _targets(scans)
        for at, target in enumerate(targets):
            rows += list(_rows(target, targets[1:], scans, measured, parts, seed))
            progress(at + 1, len(targets))
    return pd.DataFrame(rows)


def _targets(scans: pd.DataFrame) -> list[Target]:
    """Return the class, and the source if there are several."""
    label = Target("class", scans["label"].astype(str))
    origin = source_labels(scans) != ""
    if scans["source"].nunique() > 1:
        return [label, Target("source", scans["source"].astype(str))]
    if origin.nunique() > 1:
        return [label, Target("source", origin.map({True: "known", False: "unknown"}))]
    return [label]


def _rows(
    target: Target,
    sources: Sequence[Target],
    scans: pd.DataFrame,
    measured: Features,
    parts: Sequence[Parts],
    seed: int,
) -> Iterator[dict[str, object]]:
    tested = np.sort(np.concatenate([test for _, test in parts]))
    probes = [(name, kind, _columns(measured, name)) for name, kind in _PROBES]
    if target.name == "class":  # the source as a feature: how well it alone predicts the class
        probes += [("source", "forest", _one_hot(one.values)) for one in sources]
    outputs = {
        f"{name}/{kind}": _output(
            target.values, _predictions(target.values, features, kind, parts, seed), scans, tested
        )
        for name, kind, features in probes
    }
    for key, metrics in bootstrap(outputs, seed, (confusion_metrics,)).items():
        name, kind = key.split("/")
        kept = {one: metrics[one] for one in metrics if not one.startswith(("mcc", "precision_"))}
        keys: dict[str, object] = {"target": target.name, "features": name, "probe": kind}
        yield {**keys, **_chance(outputs[key]), **with_intervals(kept)}


def _columns(measured: Features, name: str) -> Features:
    """Return the columns of one kind of features, or of `all`."""
    if name == "all":
        return measured
    start = 0
    for kind, size in _SIZES.items():
        if kind == name:
            break
        start += size
    return measured[:, start : start + _SIZES[name]]


def _one_hot(values: "pd.Series[str]") -> Features:
    return np.eye(values.nunique(), dtype=np.float32)[pd.factorize(values, sort=True)[0]]


def _predictions(
    values: "pd.Series[str]", features: Features, kind: Kind, parts: Sequence[Parts], seed: int
) -> "pd.Series[str]":
    """Return the predicted value of each tested scan; empty for the others."""
    predicted = pd.Series("", values.index, dtype=object)
    for train, test in parts:
        labels = values[train]
        if labels.nunique() == 1:  # for example if all scans of a source are in the test fold
            predicted[test] = labels.iloc[0]
        else:
            predicted[test] = (
                _probe(kind, seed).fit(features[train], labels).predict(features[test])
            )
    return predicted.astype(str)


def _probe(kind: Kind, seed: int) -> "Pipeline":
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # balanced, so that the probe does not profit from class frequencies
    if kind == "linear":
        options = {"C": REGULARISATION, "max_iter": 1000, "class_weight": "balanced"}
        return make_pipeline(StandardScaler(), LogisticRegression(**options))
    return make_pipeline(
        RandomForestClassifier(
            TREES,
            max_features=0.1,  # the default, √363, would hardly ever draw the two sizes
            min_samples_leaf=3,
            class_weight="balanced",
            random_state=derive_seed(seed, "shortcuts"),
        )
    )


def _output(
    values: "pd.Series[str]", predictions: "pd.Series[str]", scans: pd.DataFrame, tested: Integers
) -> ClassifierOutput:
    """Return the output for the tested scans, with renumbered groups."""
    labels = tuple(sorted(set(values[tested])))
    code = {label: at for at, label in enumerate(sorted({*labels, *predictions[tested]}))}
    truth, predicted = (one[tested].map(code).to_numpy(np.int64) for one in (values, predictions))
    groups = pd.factorize(scans["group"][tested])[0]
    return ClassifierOutput(tuple(code), truth, predicted, np.eye(len(code))[predicted], groups)


def _chance(output: ClassifierOutput) -> dict[str, float]:
    """Return numbers of scans and groups, and the chance levels."""
    shares = np.bincount(output.truth) / len(output.truth)
    largest, classes = float(shares.max()), int((shares > 0).sum())
    return {
        "scans": len(output.truth),
        "groups": output.group_count,
        "chance_balanced_accuracy": 1 / classes,
        "chance_macro_f1": 2 * largest / (1 + largest) / classes,
    }


def shortcut_metrics(table: pd.DataFrame) -> dict[str, float]:
    """Return balanced accuracy of all features together, for class and source."""
    metrics = {}
    rows = table[table["features"] == "all"].set_index("target")
    for target, name in (("class", "shortcut_all"), ("source", "shortcut_source")):
        for end in ("", "_low", "_high"):
            value = rows[f"balanced_accuracy{end}"].get(target, np.nan)
            if not pd.isna(value):
                metrics[f"{name}_balanced_accuracy{end}"] = round(float(value), 6)
    return metrics
