"""Figures of a search: learning curves, and scores by hyperparameter."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scanvote.plots.canvas import PREDICTED, figure
from scanvote.tuning.importance import eta_squared, varied_hyperparameters

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def curves_figure(curves: pd.DataFrame, score: str, title: str, path: Path) -> None:
    """Plot loss and validation score by epoch, one colour per model.

    Args:
        curves: one row per epoch: `epoch` from 0, ``loss_1``, ``val_loss_1``, ``<score>_1``…
        score: name of the validation score.
    """
    models = [name[5:] for name in map(str, curves) if name.startswith("loss_")]
    epochs = curves["epoch"] + 1
    with figure(path, title, size=(8.4, 3.2), columns=2) as (left, right):
        for place, model in enumerate(models):
            colour, label = f"C{place}", f"model {model}"
            left.plot(epochs, curves[f"loss_{model}"], "--", color=colour)
            left.plot(epochs, curves[f"val_loss_{model}"], color=colour)
            right.plot(epochs, curves[f"{score}_{model}"], marker=".", color=colour, label=label)
        left.set(xlabel="epoch", ylabel="loss (dashed: training)")
        words = score.replace("_", " ").replace("val", "validation")
        right.set(xlabel="epoch", ylabel=words)
        right.legend()


def hyperparameter_figure(table: pd.DataFrame, score: str, title: str, path: Path) -> None:
    """Plot each trial's score by the value of each hyperparameter.

    There is one panel per hyperparameter, in falling order of `eta_squared`.

    Args:
        table: one row per trial, as `trials_table` returns it.
        score: the column to show.
    """
    shares = {name: eta_squared(table, name, score) for name in varied_hyperparameters(table)}
    names = sorted(shares, key=lambda name: (-np.nan_to_num(shares[name]), name)) or ["trial"]
    with figure(path, title, size=(2.6 * len(names) + 0.8, 3.2), columns=len(names)) as axes:
        for panel, name in zip(np.atleast_1d(axes), names, strict=True):
            _plot_values(panel, table[table[score].notna()], name, score)
            if name in shares:
                panel.set_title(_explained(shares[name]))
        np.atleast_1d(axes)[0].set_ylabel(score.replace("_", " ").replace("val", "validation"))


def _explained(share: float) -> str:
    known = share == share  # not NaN
    return f"explains {100 * share:.0f} % of the variance" if known else "no value trained twice"


def _plot_values(axes: "Axes", trials: pd.DataFrame, name: str, score: str) -> None:
    known = trials[trials[name].notna()]
    values = sorted(known[name].unique())
    positions = known[name].map({value: at for at, value in enumerate(values)})
    axes.scatter(positions, known[score], color="#6baed6", s=22, alpha=0.8)
    means = known.groupby(positions)[score].mean()
    axes.plot(means.index, means, color=PREDICTED, marker="_", markersize=14, linewidth=1)
    labels = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    axes.set_xticks(range(len(values)), labels, rotation=30 if max(map(len, labels)) > 4 else 0)
    axes.set(xlabel=name.replace("_", " "), xlim=(-0.5, len(values) - 0.5))
