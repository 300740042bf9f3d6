"""Figures of segmentations."""

from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.metrics.bootstrap import bootstrap_method, interval_caption, number_of, too_few
from scanvote.metrics.performance import Estimate
from scanvote.metrics.segmentation import EMPTY_RULE
from scanvote.plots.canvas import OUTLINE, PREDICTED, figure, grid, imshow_gray, wrap_label


def contours(
    images: np.ndarray, truths: np.ndarray, masks: np.ndarray, shown: pd.DataFrame, path: Path
) -> None:
    """Draw scans with the outlines of the true and the predicted mask.

    Each patient has a row.

    Args:
        images: uint8 (n, H, W, C) with n > 0.
        truths, masks: bool (n, H, W).
        shown: n rows with `place` (best, median or worst), `patient` and `dice`.
    """
    sizes = shown.groupby("place").size()
    columns = int(sizes.max())
    title = (
        "Best, median and worst patient\ntruth blue; U-Net after post-processing orange\n"
        f"{EMPTY_RULE}"
    )
    with grid(len(sizes) * columns, columns, title, path) as axes:
        cells = np.reshape(np.array(axes, object), (len(sizes), columns))
        for row, (place, part) in zip(cells, shown.groupby("place", sort=False), strict=False):
            at = shown.index.get_indexer(part.index)
            for cell, number, dice in zip(row, at, part["dice"], strict=False):
                imshow_gray(cell, images[number], f"Dice {dice:.2f}")
                for outline, colour in ((truths[number], OUTLINE), (masks[number], PREDICTED)):
                    if outline.any():
                        cell.contour(outline, levels=[0.5], colors=[colour], linewidths=1.2)
            caption = f"{place}: {part['patient'].iloc[0]}\n{row[0].get_title()}"
            row[0].set_title("", loc="center")
            row[0].set_title(caption, fontsize=7, loc="left")


def dice_figure(patients: pd.DataFrame, mean: Estimate, claim: str, path: Path) -> None:
    """Plot each patient's Dice as a bar, with mean, median and baseline.

    The worst patient is at the bottom; the baseline is drawn as dots.

    Args:
        patients: with `patient`, `dice` and `baseline_dice`.
        mean: their mean Dice with its interval.
        claim: statement whether patients are kept apart, in a few words.
    """
    ordered = patients.sort_values(["dice", "patient"])
    count = number_of(len(ordered), "test patient")
    method = "" if mean.low is None else f"{bootstrap_method('patients')}\n"
    title = (
        f"U-Net after post-processing, {count}\nmean Dice {mean.words('patient')}\n{method}"
        f"{wrap_label(claim, 60)}\n{EMPTY_RULE}"
    )
    with figure(path, title, size=(5.6, 1.9 + 0.22 * len(ordered))) as axes:
        axes.barh(ordered["patient"], ordered["dice"], color="#6baed6", height=0.7)
        axes.scatter(
            ordered["baseline_dice"],
            ordered["patient"],
            color="0.3",
            s=14,
            zorder=3,
            label=f"baseline, mean {ordered['baseline_dice'].mean():.3f}",
        )
        for value, name, line in (
            (ordered["dice"].mean(), "mean", "-"),
            (ordered["dice"].median(), "median", "--"),
        ):
            label = f"{name} {value:.3f}"
            axes.axvline(value, color="0.2", linestyle=line, linewidth=1, label=label)
        axes.set(xlim=(0, 1), xlabel="Dice of the patient's slices together")
        axes.legend(loc="lower right", ncols=3, bbox_to_anchor=(1, 1), fontsize=7)


def size_figure(patients: pd.DataFrame, path: Path) -> None:
    """Plot each patient's Dice against the tumour's true area over all slices.

    Args:
        patients: with `dice`, `baseline_dice`, `truth_area` and `unit`.
    """
    with_tumour = patients[patients["truth_area"] > 0]
    title = f"Dice by the size of the tumour, masks after post-processing\n{EMPTY_RULE}"
    with figure(path, title, size=(5.2, 3.6)) as axes:
        axes.scatter(
            with_tumour["truth_area"], with_tumour["dice"], color=PREDICTED, s=22, label="U-Net"
        )
        axes.scatter(
            with_tumour["truth_area"],
            with_tumour["baseline_dice"],
            color="0.5",
            s=14,
            label="baseline",
        )
        axes.set(xscale="log", ylim=(-0.02, 1.02), ylabel="Dice of the patient")
        axes.set_xlabel(f"true area of all slices, {_unit(patients)}²")
        axes.legend()


def areas_figure(patients: pd.DataFrame, path: Path) -> None:
    """Draw a Bland–Altman plot (Lancet 1986) of predicted and true areas.

    Args:
        patients: with `predicted_area`, `truth_area` and `unit`.
    """
    mean = (patients["predicted_area"] + patients["truth_area"]) / 2
    differences = patients["predicted_area"] - patients["truth_area"]
    bias, unit, few = differences.mean(), _unit(patients), too_few(len(differences))
    limits = [] if few else [bias + side * 1.96 * differences.std(ddof=1) for side in (-1, 1)]
    count = number_of(len(differences), "patient")
    agreement = f"{count}: no limits of agreement" if few else "95 % limits of agreement"
    title = (
        "Tumour area of each patient, U-Net after post-processing less truth\n"
        f"bias {bias:.0f} {unit}², {agreement}; an empty mask has the area 0"
    )
    with figure(path, title, size=(5.6, 3.6)) as axes:
        axes.scatter(mean, differences, color=PREDICTED, s=22)
        for value, line in ((bias, "-"), *((limit, "--") for limit in limits)):
            axes.axhline(value, color="0.2", linestyle=line, linewidth=1)
            axes.annotate(
                f"{value:.0f}",
                (1, value),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                fontsize=7,
            )
        axes.axhline(0, color="0.8", linewidth=1, zorder=0)
        axes.set(xlabel=f"mean of both areas, {unit}²", ylabel=f"predicted less true, {unit}²")


def _unit(patients: pd.DataFrame) -> str:
    return str(patients["unit"].iloc[0])


def models_figure(patients: pd.DataFrame, models: pd.DataFrame, path: Path) -> None:
    """Plot every patient's Dice by model, with the mean and its interval, if it has one.

    Args:
        patients: with `model`, `patient` and `dice`.
        models: with `model`, `dice_patient_mean`, `…_low` and `…_high`.
    """
    method = interval_caption(
        models["dice_patient_mean"], models["dice_patient_mean_low"], "patients"
    )
    title = f"Dice of each patient, where it was tested\n{EMPTY_RULE}\n{method}"
    with figure(path, title, size=(6.4, 1.5 + 0.5 * len(models))) as axes:
        for place, row in enumerate(models.iloc[::-1].itertuples()):
            dice = patients.loc[patients["model"] == row.model, "dice"]
            axes.scatter(dice, np.full(len(dice), place), color="#6baed6", s=14, alpha=0.7)
            low, high = row.dice_patient_mean_low, row.dice_patient_mean_high
            axes.plot([low, high], [place - 0.25] * 2, color=PREDICTED, linewidth=2)
            axes.plot(row.dice_patient_mean, place - 0.25, "o", color=PREDICTED, markersize=5)
        names = [wrap_label(name) for name in models["model"].iloc[::-1]]
        axes.set_yticks(range(len(names)), names)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(names) - 0.5))
        axes.set_xlabel("Dice of the patient's slices together; orange: their mean")
