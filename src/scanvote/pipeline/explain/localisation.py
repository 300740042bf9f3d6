"""Localisation check: the share of explanations inside a known lesion.

Chance is the lesion's share of the head, which an explanation reaches that highlights all of the
head equally. The share of the whole image would be easier to exceed: a map that only separates the
head from the background would exceed it.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.images.skull_strip import head_mask
from scanvote.metrics.bootstrap import BootstrapEstimate, estimates
from scanvote.metrics.intervals import with_intervals
from scanvote.pipeline.explain.panel import VOTE
from scanvote.pipeline.explain.perturbation import Floats

COLUMNS = ("scan_id", "group", "model", "method", "mass", "area")

Lesion = NDArray[np.bool_]
"""Mask (H, W) of a lesion."""


def attribution_in_lesion(heat: Floats, lesion: Lesion) -> float:
    """Return a map's share inside the lesion; 0 if blank."""
    whole = float(heat.sum())
    return float(heat[lesion].sum()) / whole if whole > 0 else 0.0


def area_inside(image: NDArray[np.uint8], lesion: Lesion) -> float:
    """Return the share of the head that the lesion covers.

    If no head is found, the whole image is used.

    Args:
        image: uint8 (H, W, C).
        lesion: (H, W).
    """
    head = head_mask(np.rint(image.mean(axis=2)).astype(np.uint8))
    inside = np.ones_like(lesion) if head is None else head | lesion
    return float(lesion.sum() / inside.sum())


def mass_means(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return means over the scans with 95 % intervals.

    The bootstrap draws groups; too few of them have no interval (NaN).

    Args:
        table: rows of `COLUMNS`.
        seed: seed of the draws; all means are paired.

    Returns:
        A row for each model and method: `model, method, scans, chance, mass, mass_low, mass_high,
        above_chance, above_chance_low, above_chance_high`.
    """
    rows = [
        {"model": model, "method": method, **_means(part, seed)}
        for (model, method), part in table.groupby(["model", "method"], sort=False)
    ]
    return pd.DataFrame(rows)


def _means(part: pd.DataFrame, seed: int) -> dict[str, float]:
    counts = {"scans": float(len(part)), "chance": float(part["area"].mean())}
    return counts | with_intervals(mass_estimates(part, seed))


def mass_estimates(part: pd.DataFrame, seed: int) -> dict[str, BootstrapEstimate]:
    """Estimate the mean `mass` over the scans, and `above_chance`, its excess.

    Args:
        part: rows of one model and method with `group`, `mass` and `area`.
        seed: seed of the samples of the groups.
    """
    groups = pd.factorize(part["group"], sort=True)[0]
    sums = np.zeros((groups.max() + 1, 3))
    np.add.at(sums, groups, np.stack([part["mass"], part["area"], np.ones(len(part))], axis=1))

    def means(weights: Floats) -> dict[str, Floats]:
        mass, area, scans = sums.T @ weights
        with np.errstate(invalid="ignore"):  # without the only group nothing is left
            return {"mass": mass / scans, "area": area / scans}

    found = estimates(means, len(sums), seed)
    return {"mass": found["mass"], "above_chance": found["mass"] - found["area"]}


def mass_metrics(means: pd.DataFrame) -> dict[str, float]:
    """Return flat metrics of the vote.

    They are ``vote_<method>_mass``, ``vote_<method>_above_chance`` and ``chance``.
    """
    metrics: dict[str, float] = {}
    for row in means[means["model"] == VOTE].to_dict("records"):
        metrics["chance"] = row["chance"]
        metrics |= _prefixed(f"vote_{row['method']}", row)
    return {name: round(value, 6) for name, value in metrics.items()}


def _prefixed(prefix: str, row: Mapping[object, float]) -> dict[str, float]:
    kept = ("mass", "above_chance")
    return {
        f"{prefix}_{name}{end}": row[f"{name}{end}"]
        for name in kept
        for end in ("", "_low", "_high")
    }
