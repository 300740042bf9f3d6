"""Pictures of segmentations decode, are the same bytes twice, and show what they are of."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scanvote.metrics.performance import Estimate
from scanvote.pipeline.evaluate import segmentation_figures
from tests.drawing import check_picture


def patients(dice: float = 0.1, area: float = 40.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "patient": ["p1", "p2", "p3"],
            "dice": [dice, 0.9, 0.7],
            "baseline_dice": [0.2, 0.5, 0.1],
            "truth_area": [100.0, 30.0, 0.0],
            "predicted_area": [area, 33.0, 0.0],
            "unit": "mm",
        }
    )


def contours(path: Path, side: int = 3) -> None:
    truths, masks = np.zeros((2, 5, 8, 8), bool)
    truths[0, 2 : 2 + side, 3:6] = True
    masks[1, 1:3, 1:3] = True
    images = np.full((5, 8, 8, 1), 90, np.uint8)
    places = ["best", "best", "median", "median", "worst"]
    shown = pd.DataFrame({"place": places, "patient": places, "dice": 0.5}, index=[7, 3, 9, 1, 2])
    segmentation_figures.contours(images, truths, masks, shown, path)


def dice(path: Path, worst: float = 0.1) -> None:
    mean = Estimate(value=0.6, low=0.4, high=0.8, groups=3)
    segmentation_figures.dice_figure(patients(worst), mean, "patient-disjoint", path)


def size(path: Path, worst: float = 0.1) -> None:
    segmentation_figures.size_figure(patients(worst), path)


def areas(path: Path, area: float = 40.0) -> None:
    segmentation_figures.areas_figure(patients(area=area), path)


def enough(path: Path, area: float = 40.0) -> None:
    """Six patients, who have limits of agreement."""
    segmentation_figures.areas_figure(pd.concat([patients(area=area)] * 2), path)


def models(path: Path, best: float = 0.9) -> None:
    every = pd.concat([patients(best).assign(model=name) for name in ("a_b", "c")])
    table = pd.DataFrame({"model": ["a_b", "c"], "dice_patient_mean": 0.5})
    table = table.assign(dice_patient_mean_low=[0.3, np.nan], dice_patient_mean_high=[0.6, np.nan])
    segmentation_figures.models_figure(every, table, path)


@pytest.mark.parametrize(
    ("draw", "change"),
    [(contours, 4), (dice, 0.3), (size, 0.3), (areas, 90.0), (enough, 90.0), (models, 0.2)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_picture(
    draw: Callable[..., None], change: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_picture(draw, change, tmp_path, monkeypatch)
