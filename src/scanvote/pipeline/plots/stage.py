"""Stage `plots`: what `dvc plots` shows, in a folder for each kind of chart.

DVC calls it an error if the file of a plot in dvc.yaml is missing, and a study need not have every
task, family and curve. Of a folder it shows what is there, and nothing if it is empty.
"""

import shutil
from pathlib import Path

import pandas as pd

from scanvote.core.files import copy_file, write_csv

TABLES = {
    "confusion": "metrics/evaluate/classification/confusion.csv",
    "roc": "metrics/evaluate/classification/roc.csv",
    "precision_recall": "metrics/evaluate/classification/precision_recall.csv",
    "reliability": "metrics/evaluate/classification/reliability.csv",
    "dice": "metrics/evaluate/segmentation/patients.csv",
}
"""The table of each kind of chart; its copy bears the name of its task."""

_CURVES = ("models/search/*/curves.csv", "models/unet/curves.csv")
_SCORE = r"val_(?:macro_f1|dice)_(\d+)"
_PICTURES = (
    "models/search/*/*.png",
    "models/unet/*.png",
    "data/prepared/*/*.png",
    "metrics/inflation/*/*.png",
    "metrics/evaluate/*/*.png",
)


def gather_plots(root: Path, out: Path) -> None:
    """Copy the tables and pictures of the results below `root` into folders of `out`.

    Each folder is replaced; it is empty if the study has nothing for it:

    - ``curves/<family or unet>.csv``: `epoch`, `model` (1 is the best), `score` on validation
    - a folder for each of `TABLES`
    - ``pictures/<stage>/…``, as in the stage's own folder
    """
    folder = _new_folder(out / "curves")
    for path in _files(root, *_CURVES):
        curves = score_curves(pd.read_csv(path))
        if len(curves):  # a family that is not searched has none
            write_csv(curves, folder / f"{path.parent.name}.csv")
    for kind, table in TABLES.items():
        folder = _new_folder(out / kind)
        for path in _files(root, table):
            copy_file(path, folder / f"{path.parent.name}.csv")
    folder = _new_folder(out / "pictures")
    for path in _files(root, *_PICTURES):
        target = folder.joinpath(*path.relative_to(root).parts[1:])
        target.parent.mkdir(parents=True, exist_ok=True)
        copy_file(path, target)


def score_curves(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the validation score of each model by epoch, one row for each of its epochs.

    Args:
        curves: of `curves.csv`: `epoch`, and a column for each score and rank.
    """
    scores = curves.set_index("epoch").filter(regex=f"^{_SCORE}$")
    scores.columns = scores.columns.str.extract(_SCORE, expand=False)
    rows = scores.melt(var_name="model", value_name="score", ignore_index=False)
    return rows.dropna().reset_index()


def _new_folder(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _files(root: Path, *patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in root.glob(pattern))
