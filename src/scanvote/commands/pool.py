"""Evaluation of a cross-validation: pool the folds of several experiments."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Column, Table

from scanvote.commands.compare_results import mask_grids
from scanvote.commands.pool_missed import MISSED, write_missed
from scanvote.commands.pool_parts import (
    CrossValidation,
    Kind,
    check_tested_once,
    find_parts,
    missing_words,
)
from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.metrics.bootstrap import interval_caption
from scanvote.metrics.intervals import with_intervals
from scanvote.metrics.segmentation import (
    evaluate_masks,
    mean_difference,
    measure,
    patient_intervals,
)
from scanvote.params import Params
from scanvote.pipeline.evaluate.segmentation_figures import models_figure
from scanvote.predictions import parse_predictions

UNET, BASELINE = "models/unet/predictions.csv", "models/baseline/predictions.csv"
_SHOWN = ("dice_patient_mean", "dice_patient_median", "iou_patient_mean")


def cross_validate(
    names: Sequence[str],
    params: Params,
    out: Path,
    sites: bool = False,
    incomplete: bool = False,
) -> dict[str, dict[str, float]]:
    """Evaluate recipes and the baseline on their experiments' pooled test splits.

    Writes ``models.csv``, one row per model with the difference of the first model to it,
    ``patients.csv`` and ``dice_by_model.png`` to `out`, and prints the table. Of the patients that
    the first model misses, it writes what `write_missed` does.

    Args:
        names: recipes; the baseline is that of the first.
        params: give the tolerance and the seed.
        out: output folder.
        sites: pool ``NAME-site-…``, not ``NAME-fold0``, ``NAME-fold1``…
        incomplete: pool what is there if folds or institutions are missing.

    Returns:
        The metrics of each model, and of the baseline.

    Raises:
        InputError: there are no such experiments, they are not one cross-validation, parts are
            missing, or the test scans cannot be compared.
    """
    kind: Kind = "sites" if sites else "folds"
    found = {name: find_parts(name, kind, (UNET, BASELINE), incomplete) for name in names}
    tables = {name: _pooled(one, UNET) for name, one in found.items()}
    tables["baseline"] = _pooled(found[names[0]], BASELINE)
    _check_comparable(tables)
    measured = {name: measure(table, params.evaluate.tolerance) for name, table in tables.items()}
    patients = {name: one[1].set_index("patient", drop=False) for name, one in measured.items()}
    rows: list[dict[str, Any]] = [
        {
            "model": name,
            "experiments": len(found.get(name, found[names[0]]).parts),
            "missing": ", ".join(found.get(name, found[names[0]]).missing),
            "patients": len(patients[name]),
            "unit": one[1]["unit"].iloc[0],
            **evaluate_masks(*one),
            **patient_intervals(one[1], params.seed),
            **_difference(patients, names[0], name, params.seed),
        }
        for name, one in measured.items()
    ]
    table = pd.DataFrame(rows).round(6)
    whole = pd.concat([one.assign(model=name) for name, one in patients.items()])
    write_csv(table, out / "models.csv")
    write_csv(whole.round(6), out / "patients.csv")
    models_figure(whole, table, out / "dice_by_model.png")
    absent = [f"{name}: {missing_words(one, kind)}" for name, one in found.items() if one.missing]
    _show(table, names[0], out, absent)
    _show_missed(found[names[0]], tables[names[0]], measured[names[0]][1], out)
    words = ("unit", "missing")
    return {row.pop("model"): {k: v for k, v in row.items() if k not in words} for row in rows}


def _pooled(found: CrossValidation, path: str) -> pd.DataFrame:
    """Return the test rows of all parts.

    Raises:
        InputError: a file is missing, or a patient is tested by two parts.
    """
    tables = [parse_predictions(io.BytesIO(part.read(path))) for part in found.parts]
    tested = [one[one["split"] == "test"] for one in tables]
    check_tested_once(found, tested)
    return pd.concat(tested, ignore_index=True)


def _check_comparable(tables: Mapping[str, pd.DataFrame]) -> None:
    """Check that the masks have the same size and unit.

    The Dice depends on the size, and distances on the unit.
    """
    grids: dict[str, str] = {}
    for name, table in tables.items():
        for grid in mask_grids(table):
            grids.setdefault(grid, name)
    if len(grids) > 1:
        words = ", ".join(f"{name}: {grid}" for grid, name in grids.items())
        raise InputError(
            f"masks of several sizes or units cannot be compared ({words}); run all with one"
            " prepare.segmentation.image_size, on the same scans"
        )
    truth: dict[str, tuple[str, str]] = {}
    for name, table in tables.items():
        for scan, mask in table[["scan_id", "truth"]].itertuples(index=False):
            other, known = truth.setdefault(scan, (name, mask))
            if mask != known:
                raise InputError(
                    f"the true mask of {scan} differs between {other} and {name}: their data are"
                    " not the same; run all on the same scans"
                )


def _difference(
    patients: Mapping[str, pd.DataFrame], first: str, other: str, seed: int
) -> dict[str, float]:
    """Paired difference in mean patient Dice: `first` minus `other`.

    It is over the patients that both tested, with its bootstrap interval.
    """
    one, two = patients[first]["dice"], patients[other]["dice"]
    both = sorted(set(one.index) & set(two.index))
    if not both:
        raise InputError(f"{first} and {other} tested no patient in common")
    if first == other:
        return {"ahead_by": 0.0, "ahead_by_low": 0.0, "ahead_by_high": 0.0}
    ours, theirs = (dice.loc[both].to_numpy(float) for dice in (one, two))
    return with_intervals({"ahead_by": mean_difference(ours, theirs, seed)})


def _show(models: pd.DataFrame, first: str, out: Path, absent: Sequence[str]) -> None:
    method = interval_caption(
        models["dice_patient_mean"], models["dice_patient_mean_low"], "patients"
    )
    table = Table(
        Column("model", no_wrap=True),
        "patients",
        *(name.replace("_", " ") for name in _SHOWN),
        f"{first} ahead by",
        title="Test patients of all experiments",
        caption="".join(
            [*(f"INCOMPLETE, {one}.\n" for one in absent), f"{method}; more in {out}. {DISCLAIMER}"]
        ),
    )
    for row in models.to_dict("records"):
        cells = [_with_interval(row, name) for name in (*_SHOWN, "ahead_by")]
        if row["model"] == first:
            cells[-1] = ""
        table.add_row(str(row["model"]), str(row["patients"]), *cells)
    Console().print(table)


def _show_missed(
    found: CrossValidation, masks: pd.DataFrame, patients: pd.DataFrame, out: Path
) -> None:
    try:
        count = write_missed(found.parts, masks, patients, out)
    except InputError as error:
        print(f"no pictures of the patients that {found.name} misses: {error}")
        return
    if count:
        print(f"{count} with a Dice below {MISSED}: {out}/missed.csv and {out}/missed.png")


def _with_interval(row: Mapping[Any, Any], name: str) -> str:
    if pd.isna(row[f"{name}_low"]):  # too few patients, as the caption says
        return f"{row[name]:.3f}"
    return f"{row[name]:.3f} ({row[f'{name}_low']:.3f} to {row[f'{name}_high']:.3f})"
