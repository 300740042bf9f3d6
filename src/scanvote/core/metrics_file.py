"""Metrics files of a stage: a headline for DVC, a full table."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.core.files import write_json, write_text

Metrics = Mapping[str, float | None]
"""Metrics by name; None or NaN if undefined."""
Headline = Mapping[str, str]
"""The name of the metric, by key of the headline."""


def _own(*names: str) -> Headline:
    """Return a headline whose keys are the names of its metrics."""
    return {name: name for name in names}


HEADLINES: Mapping[str, Headline] = {
    # `dvc metrics show` and `dvc exp show` print one column per key. No key is in both headlines,
    # or DVC would put the path before it; keys are short, so that vote and Dice fit a
    # terminal of 120 columns
    "evaluate/classification": {
        "test_scans": "test_scans",
        "known": "test_scans_patient_known",
        "vote_f1": "vote_macro_f1",
        "vote_low": "vote_macro_f1_low",
        "vote_high": "vote_macro_f1_high",
        "best_f1": "best_macro_f1",
    },
    "evaluate/segmentation": {
        "patients": "test_patients",
        "dice": "dice_patient_mean",
        "dice_low": "dice_patient_mean_low",
        "dice_high": "dice_patient_mean_high",
        "baseline": "baseline_dice_patient_mean",
    },
    # DVC shows these only if a person names the file
    "download": _own("scans", "patients", "classes", "tumour_masks", "excluded", "ignored"),
    "deduplicate": _own(  # `kept`, `redundant` and `conflict_scans` add up to the scans
        "kept",
        "redundant",
        "conflict_scans",
        "patient_conflicts",
        "relatives_groups",
        "recall",
        "recall_same_side",
        "precision",
    ),
    "prepare": _own(
        "train_scans",
        "validation_scans",
        "test_scans",
        "test_scans_patient_known",
        "test_scans_patient_shared",
        "leaked_pairs_group",
        "crop_fallback_share",
        "lost_mask_share",
    ),
    "inflation": _own(
        "scans",
        "scans_patient_known",
        "random_macro_f1",
        "grouped_macro_f1",
        "inflation_macro_f1",
        "inflation_macro_f1_low",
        "inflation_macro_f1_high",
        "shortcut_all_balanced_accuracy",
    ),
    "search": _own(
        "trials", "failed_trials", "best_parameters", "best_val_macro_f1", "best_val_accuracy"
    ),
    "unet": _own(
        "trials",
        "failed_trials",
        "best_parameters",
        "models",
        "best_val_dice",
        "postprocessed_val_dice",
    ),
    "baseline": _own("ways", "best_val_dice"),
    "ensemble": _own(
        "members",
        "validation_macro_f1",
        "validation_accuracy",
        "validation_cross_entropy",
        "temperature",
    ),
    "explain": _own(
        "scans",
        "lesions",
        "chance",
        "vote_occlusion_above_chance",
        "vote_lime_above_chance",
        "vote_gradcam_above_chance",
    ),
    "package": _own(
        "members",
        "unets",
        "difference_max",
        "differing_scans",
        "onnx_difference_max",
        "outside",
        "unet_outside",
        "bytes",
    ),
}
"""The metrics to look at first, by stage, for `evaluate` by task."""

_COLUMNS = ("figure", "value", "low", "high")
_BOUNDS = ("_low", "_high")
_UNDEFINED = "nan"


def write_metrics(path: Path, metrics: Metrics, headline: Headline) -> None:
    """Write the headline to `path`, and all metrics to ``….csv`` beside it.

    A row of the table is a metric with its interval, ``<metric>_low`` and ``<metric>_high``. An
    undefined metric, as of an absent class, is null in the headline and nan in the table; a
    metric without an interval has empty cells there.

    Args:
        path: ``metrics/<stage>/<task or family>.json``.
        metrics: flat.
        headline: one of `HEADLINES`; metrics that the stage did not measure are left out.
    """
    write_json(path, {key: metrics[name] for key, name in headline.items() if name in metrics})
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([_COLUMNS, *_rows(metrics)])
    write_text(path.with_suffix(".csv"), text.getvalue())


def read_metrics(path: Path) -> dict[str, float | None]:
    """Read all metrics that `write_metrics` wrote; an interval follows its metric.

    Args:
        path: of the headline, or of the table.

    Returns:
        None for an undefined metric; an empty mapping if there is no table.

    Raises:
        InputError: the file is no such table.
    """
    path = path.with_suffix(".csv")
    if not path.is_file():
        return {}
    metrics: dict[str, float | None] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for end, column in zip(("", *_BOUNDS), _COLUMNS[1:], strict=True):
                    if row[column]:
                        metrics[f"{row['figure']}{end}"] = _number(row[column])
    except (KeyError, ValueError):
        raise InputError(f"{path} is no table of {', '.join(_COLUMNS)}") from None
    return metrics


def read_headlines(folder: Path = Path("metrics/evaluate")) -> dict[str, float | None]:
    """Merge the headlines that DVC shows, which share no key."""
    headlines: dict[str, float | None] = {}
    for path in sorted(folder.glob("*.json")):
        headlines |= json.loads(path.read_text(encoding="utf-8"))
    return headlines


def _rows(metrics: Metrics) -> Iterator[list[str]]:
    complete = {name for name in metrics if all(f"{name}{end}" in metrics for end in _BOUNDS)}
    bounds = {f"{name}{end}" for name in complete for end in _BOUNDS}
    for name, value in metrics.items():
        if name not in bounds:
            interval = [metrics[f"{name}{end}"] for end in _BOUNDS] if name in complete else []
            cells = [_text(one) for one in (value, *interval)]
            yield [name, *cells, *[""] * (len(_COLUMNS) - 1 - len(cells))]


def _text(value: float | None) -> str:
    """Format as JSON does: integers stay integers, and every digit is kept."""
    undefined = value is None or value != value
    return _UNDEFINED if undefined else json.dumps(value, allow_nan=False)


def _number(text: str) -> float | None:
    value: float | None = None if text == _UNDEFINED else json.loads(text)
    return value
