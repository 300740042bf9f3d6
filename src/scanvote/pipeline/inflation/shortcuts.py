"""Shortcut probes: class and source, told from size, border and intensities alone.

Where scans of one class come from elsewhere than the others, a network can learn the origin
instead of the disease. A random forest (Breiman 2001) and a logistic regression see the size, the
border and the intensities of a scan but not what is where inside it, in folds of whole groups.
What they tell is not all origin: the plane of a slice, which differs between diseases, shows at
its border, too.
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
"""Pixels of the border of a scan."""
SMALL, SMALL_FRAME = 32, 3
"""Side of the downscaled scan, and its border, in pixels."""
PERCENTILES = (0, 1, 5, 25, 50, 75, 95, 99, 100)
TREES = 50
REGULARISATION = 0.01
"""Of the logistic regression; as that of the stage's other probe."""

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
    """What is told: `name`, and the (n,) value of each scan."""

    name: str
    values: "pd.Series[str]"


def measure(image: Rgb) -> Features:
    """(363,) float32, size, border and intensities of a scan, in the order of `_SIZES`.

    Width and height; mean, standard deviation and minimum of its border; percentiles and mean
    of all of it; the border of the scan downscaled to `SMALL` pixels a side.
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
    """(m,) the outermost pixels; all of an image that is no larger."""
    outer = np.ones(pixels.shape, bool)
    outer[width:-width, width:-width] = False
    return pixels[outer]


def shortcuts(
    scans: pd.DataFrame, measured: Features, parts: Sequence[Parts], seed: int
) -> pd.DataFrame:
    """How well each kind of features tells the class and the source.

    Args:
        scans: a manifest with `group`, indexed from 0.
        measured: (n, 363), `measure` of each.
        parts: the folds, which test each scan at most once.
        seed: of the forests and the bootstrap over groups.

    Returns:
        A row a target and probe: `target` (class, source), `features`, `probe`, `scans`,
        `groups`, `chance_balanced_accuracy` (1 over the classes), `chance_macro_f1` (always the
        most frequent class), and with ``_low`` and ``_high`` accuracy, balanced_accuracy,
        macro_f1, and of each class ``sensitivity_…`` and ``specificity_…``, NaN for the classes
        of the other target. The source is told only
        where there are several.
    """
    rows = []
    with progress_bar("Shortcuts") as progress:
        targets = _targets(scans)
        for at, target in enumerate(targets):
            rows += list(_rows(target, targets[1:], scans, measured, parts, seed))
            progress(at + 1, len(targets))
    return pd.DataFrame(rows)


def _targets(scans: pd.DataFrame) -> list[Target]:
    """The class, and the source where there are several."""
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
    if target.name == "class":  # what the source by itself tells, were it known
        probes += [("source", "forest", _one_hot(one.values)) for one in sources]
    answers = {
        f"{name}/{kind}": _answers(
            target.values, _predicted(target.values, seen, kind, parts, seed), scans, tested
        )
        for name, kind, seen in probes
    }
    for key, found in bootstrap(answers, seed, (confusion_metrics,)).items():
        name, kind = key.split("/")
        kept = {one: found[one] for one in found if not one.startswith(("mcc", "precision_"))}
        told: dict[str, object] = {"target": target.name, "features": name, "probe": kind}
        yield {**told, **_chance(answers[key]), **with_intervals(kept)}


def _columns(measured: Features, name: str) -> Features:
    """Those of one kind of features; `all` of them."""
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


def _predicted(
    values: "pd.Series[str]", seen: Features, kind: Kind, parts: Sequence[Parts], seed: int
) -> "pd.Series[str]":
    """The value that each tested scan was given; empty for the others."""
    found = pd.Series("", values.index, dtype=object)
    for train, test in parts:
        known = values[train]
        if known.nunique() == 1:  # as of a source whose scans are all of one fold
            found[test] = known.iloc[0]
        else:
            found[test] = _probe(kind, seed).fit(seen[train], known).predict(seen[test])
    return found.astype(str)


def _probe(kind: Kind, seed: int) -> "Pipeline":
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # balanced, as what is told are the classes and not how frequent they are
    if kind == "linear":
        how = {"C": REGULARISATION, "max_iter": 1000, "class_weight": "balanced"}
        return make_pipeline(StandardScaler(), LogisticRegression(**how))
    return make_pipeline(
        RandomForestClassifier(
            TREES,
            max_features=0.1,  # of the root of 363 the two of the size would hardly be any
            min_samples_leaf=3,
            class_weight="balanced",
            random_state=derive_seed(seed, "shortcuts"),
        )
    )


def _answers(
    values: "pd.Series[str]", found: "pd.Series[str]", scans: pd.DataFrame, tested: Integers
) -> ClassifierOutput:
    """Of the tested scans, their groups numbered anew."""
    labels = tuple(sorted(set(values[tested])))
    code = {label: at for at, label in enumerate(sorted({*labels, *found[tested]}))}
    truth, guess = (one[tested].map(code).to_numpy(np.int64) for one in (values, found))
    groups = pd.factorize(scans["group"][tested])[0]
    return ClassifierOutput(tuple(code), truth, guess, np.eye(len(code))[guess], groups)


def _chance(answers: ClassifierOutput) -> dict[str, float]:
    """Sizes, and what who knows nothing reaches."""
    shares = np.bincount(answers.truth) / len(answers.truth)
    most, classes = float(shares.max()), int((shares > 0).sum())
    return {
        "scans": len(answers.truth),
        "groups": answers.group_count,
        "chance_balanced_accuracy": 1 / classes,
        "chance_macro_f1": 2 * most / (1 + most) / len(answers.labels),
    }


def shortcut_metrics(table: pd.DataFrame) -> dict[str, float]:
    """Balanced accuracy of all features together, for the class and for the source."""
    found = {}
    whole = table[table["features"] == "all"].set_index("target")
    for target, name in (("class", "shortcut_all"), ("source", "shortcut_source")):
        for end in ("", "_low", "_high"):
            value = whole[f"balanced_accuracy{end}"].get(target, np.nan)
            if not pd.isna(value):
                found[f"{name}_balanced_accuracy{end}"] = round(float(value), 6)
    return found
