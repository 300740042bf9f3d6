"""The figures that a stage leaves: a headline for `dvc metrics`, and beside it a table of all."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.core.files import write_json, write_text

Figures = Mapping[str, float | None]
"""By name; None, or NaN, for what is undefined."""
Headline = Mapping[str, str]
"""By key of the headline the figure that stands there."""


def _own(*names: str) -> Headline:
    """Figures under their own names."""
    return {name: name for name in names}


HEADLINES: Mapping[str, Headline] = {
    # shown by `dvc metrics show` and `dvc exp show`, a column a key: no key in two of these, as
    # DVC would then put the path before it; short, so that all fit a terminal of 200 columns
    "evaluate/classification": {
        "test_scans": "test_scans",
        "known": "test_scans_patient_known",
        "vote_f1": "vote_macro_f1",
        "vote_low": "vote_macro_f1_low",
        "vote_high": "vote_macro_f1_high",
        "best_f1": "best_macro_f1",
        "best_low": "best_macro_f1_low",
        "best_high": "best_macro_f1_high",
    },
    "evaluate/segmentation": {
        "patients": "test_patients",
        "dice": "dice_patient_mean",
        "dice_low": "dice_patient_mean_low",
        "dice_high": "dice_patient_mean_high",
        "baseline": "baseline_dice_patient_mean",
    },
    # shown where a person names the file
    "download": _own("scans", "patients", "classes", "tumour_masks", "excluded", "ignored"),
    "deduplicate": _own(
        "scans",
        "kept",
        "redundant",
        "conflict_scans",
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
"""By stage, and of `evaluate` by task, what a person looks at first."""

_COLUMNS = ("figure", "value", "low", "high")
_ENDS = ("_low", "_high")
_UNDEFINED = "nan"


def write_metrics(path: Path, figures: Figures, headline: Headline) -> None:
    """Write the headline to `path`, and all figures to the table beside it, ``….csv``.

    A row of the table is a figure with its interval, ``<figure>_low`` and ``<figure>_high``. What
    is undefined, as of a class that is absent, is null in the headline and nan in the table; what
    has no interval has empty cells.

    Args:
        path: ``metrics/<stage>/<task or family>.json``.
        figures: flat.
        headline: of `HEADLINES`; what the stage had no cause to measure is left out.
    """
    write_json(path, {key: figures[name] for key, name in headline.items() if name in figures})
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([_COLUMNS, *_rows(figures)])
    write_text(path.with_suffix(".csv"), text.getvalue())


def read_metrics(path: Path) -> dict[str, float | None]:
    """All figures that `write_metrics` was given; an interval follows its figure.

    Args:
        path: of the headline, or of the table.

    Returns:
        None for what is undefined; nothing where the stage has left no table.

    Raises:
        InputError: the file is no such table.
    """
    path = path.with_suffix(".csv")
    if not path.is_file():
        return {}
    found: dict[str, float | None] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for end, column in zip(("", *_ENDS), _COLUMNS[1:], strict=True):
                    if row[column]:
                        found[f"{row['figure']}{end}"] = _number(row[column])
    except (KeyError, ValueError):
        raise InputError(f"{path} is no table of {', '.join(_COLUMNS)}") from None
    return found


def read_headlines(folder: Path = Path("metrics/evaluate")) -> dict[str, float | None]:
    """The headlines that DVC shows, which share no key, as one mapping."""
    found: dict[str, float | None] = {}
    for path in sorted(folder.glob("*.json")):
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


def _rows(figures: Figures) -> Iterator[list[str]]:
    whole = {name for name in figures if all(f"{name}{end}" in figures for end in _ENDS)}
    ends = {f"{name}{end}" for name in whole for end in _ENDS}
    for name, value in figures.items():
        if name not in ends:
            interval = [figures[f"{name}{end}"] for end in _ENDS] if name in whole else []
            cells = [_text(one) for one in (value, *interval)]
            yield [name, *cells, *[""] * (len(_COLUMNS) - 1 - len(cells))]


def _text(value: float | None) -> str:
    """As JSON writes it: a count stays one, and every digit is there."""
    undefined = value is None or value != value
    return _UNDEFINED if undefined else json.dumps(value, allow_nan=False)


def _number(text: str) -> float | None:
    value: float | None = None if text == _UNDEFINED else json.loads(text)
    return value
