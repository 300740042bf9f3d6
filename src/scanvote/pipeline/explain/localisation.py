"""The sanity of explanations: how much of them lies in a lesion whose place is known.

Chance is the lesion's share of the head, which an explanation reaches that lights up all of the
head alike. The share of the whole image would be easier to beat: a map that only tells the head
from the background would beat it.
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
"""(H, W)."""


def attribution_in_lesion(heat: Floats, lesion: Lesion) -> float:
    """Share of a map that lies in the lesion; 0 of a blank one."""
    whole = float(heat.sum())
    return float(heat[lesion].sum()) / whole if whole > 0 else 0.0


def area_inside(image: NDArray[np.uint8], lesion: Lesion) -> float:
    """Share of the head that the lesion covers, of a scan (H, W, C).

    Where nothing stands out as a head, all of the image is taken for it.
    """
    head = head_mask(np.rint(image.mean(axis=2)).astype(np.uint8))
    inside = np.ones_like(lesion) if head is None else head | lesion
    return float(lesion.sum() / inside.sum())


def mass_means(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Means over the scans, with 95 % intervals by bootstrap over the groups; NaN of one group.

    Args:
        table: rows of `COLUMNS`.
        seed: of the draws; all means are paired.

    Returns:
        A row a model and method: `model, method, scans, chance, mass, mass_low, mass_high,
        above_chance, above_chance_low, above_chance_high`.
    """
    rows = [
        {"model": model, "method": method, **_means(part, seed)}
        for (model, method), part in table.groupby(["model", "method"], sort=False)
    ]
    return pd.DataFrame(rows)


def _means(part: pd.DataFrame, seed: int) -> dict[str, float]:
    found = {"scans": float(len(part)), "chance": float(part["area"].mean())}
    return found | with_intervals(mass_estimates(part, seed))


def mass_estimates(part: pd.DataFrame, seed: int) -> dict[str, BootstrapEstimate]:
    """The mean `mass` over the scans, and how much it is `above_chance`, of one model and method.

    Args:
        part: rows with `group`, `mass` and `area`.
        seed: of the samples of the groups.
    """
    groups = pd.factorize(part["group"], sort=True)[0]
    sums = np.zeros((groups.max() + 1, 3))
    np.add.at(sums, groups, np.stack([part["mass"], part["area"], np.ones(len(part))], axis=1))

    def figures(weights: Floats) -> dict[str, Floats]:
        mass, area, scans = sums.T @ weights
        with np.errstate(invalid="ignore"):  # without the only group nothing is left
            return {"mass": mass / scans, "area": area / scans}

    found = estimates(figures, len(sums), seed)
    return {"mass": found["mass"], "above_chance": found["mass"] - found["area"]}


def mass_metrics(means: pd.DataFrame) -> dict[str, float]:
    """Of the vote, flat: ``vote_<method>_mass``, ``vote_<method>_above_chance``, ``chance``."""
    found: dict[str, float] = {}
    for row in means[means["model"] == VOTE].to_dict("records"):
        found["chance"] = row["chance"]
        found |= _prefixed(f"vote_{row['method']}", row)
    return {name: round(value, 6) for name, value in found.items()}


def _prefixed(prefix: str, row: Mapping[object, float]) -> dict[str, float]:
    kept = ("mass", "above_chance")
    return {
        f"{prefix}_{name}{end}": row[f"{name}{end}"]
        for name in kept
        for end in ("", "_low", "_high")
    }
