"""Patients whose mask is mostly wrong: a row and pictures of each."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.arrays import load_shard
from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.plots.canvas import OUTLINE, PREDICTED, grid, imshow_gray
from scanvote.predictions import decode_mask
from scanvote.tracking.experiments import Experiment

MISSED = 0.5
"""Dice of all slices of a patient below which it is shown."""
_SHARD = "data/prepared/segmentation/test-{:05}.pkl"
_SHOWN = ["patient", "dice", "sensitivity", "precision", "truth_area", "predicted_area", "unit"]


def write_missed(
    parts: Sequence[Experiment], masks: pd.DataFrame, patients: pd.DataFrame, out: Path
) -> int:
    """Write ``missed.csv`` and ``missed.png`` to `out`, and return the number of patients.

    Shown is the slice on which the tumour is largest: the contrasts, and the outlines of the true
    and the predicted mask on the contrast in which the tumour stands out most. The table has the
    place of the tumour on that slice, from 0 to 1 of height and width, and how bright it is in each
    contrast, in standard deviations from the mean of the other pixels that are not black.

    Args:
        parts: the experiments that tested these patients.
        masks: their rows of `predictions.csv`.
        patients: of `metrics.segmentation.measure`.

    Raises:
        InputError: the slices of an experiment are not in DVC's cache.
    """
    missed = patients.loc[patients["dice"] < MISSED, _SHOWN].sort_values(["dice", "patient"])
    for name in ("missed.csv", "missed.png"):
        (out / name).unlink(missing_ok=True)
    if missed.empty:
        return 0
    slices = {name: _largest(masks[masks["patient"] == name]) for name in missed["patient"]}
    images = _images(parts, {one["scan_id"] for one in slices.values()})
    facts = [_facts(one, images[one["scan_id"]]) for one in slices.values()]
    table = pd.concat([missed.reset_index(drop=True), pd.DataFrame(facts)], axis=1)
    write_csv(table.round(3), out / "missed.csv")
    _draw(table, slices, images, out / "missed.png")
    return len(missed)


def _largest(rows: pd.DataFrame) -> pd.Series:
    """Return the row of a patient's slice with the largest true mask."""
    areas = [_mask(row, "truth").sum() for _, row in rows.iterrows()]
    return rows.iloc[int(np.argmax(areas))]


def _mask(row: pd.Series, which: str) -> np.ndarray:
    return decode_mask(row[which], row["height"], row["width"])


def _images(parts: Sequence[Experiment], scans: set[str]) -> Mapping[str, np.ndarray]:
    """Read the images of these scans, uint8 (H, W, C), from the experiments' test slices."""
    found = dict[str, np.ndarray]()
    for part in parts:
        for data in _shards(part):
            shard = load_shard(io.BytesIO(data))
            for scan, image in zip(shard["scan_ids"].tolist(), shard["images"], strict=True):
                if scan in scans:
                    found[scan] = image.copy()  # a view would keep the whole shard in memory
    return found


def _shards(part: Experiment) -> Iterator[bytes]:
    yield part.read(_SHARD.format(0))
    for number in range(1, 100_000):
        try:
            yield part.read(_SHARD.format(number))
        except InputError:  # the one before was the last
            return


def _facts(row: pd.Series, image: np.ndarray) -> dict[str, object]:
    """Return where the tumour of a slice lies, and how it stands out in each contrast."""
    truth = _mask(row, "truth")
    facts: dict[str, object] = {"slice": row["scan_id"], "slice_pixels": int(truth.sum())}
    if truth.any():
        down, right = np.argwhere(truth).mean(axis=0) / truth.shape
        facts |= {"down": down, "right": right}
        contrasts = enumerate(_contrasts(image, truth), 1)
        facts |= {f"contrast_{number}": value for number, value in contrasts}
    return facts


def _contrasts(image: np.ndarray, truth: np.ndarray) -> list[float]:
    values = []
    for channel in np.moveaxis(image.astype(float), -1, 0):
        others = channel[~truth & (channel > 0)]
        spread = others.std() if len(others) else 0.0
        values.append((channel[truth].mean() - others.mean()) / spread if spread else 0.0)
    return values


def _draw(
    table: pd.DataFrame,
    slices: Mapping[str, pd.Series],
    images: Mapping[str, np.ndarray],
    path: Path,
) -> None:
    """Draw a row for each patient: the contrasts of a slice, then both outlines."""
    channels = next(iter(images.values())).shape[-1]
    title = (
        f"Patients with a Dice below {MISSED}, the slice on which the tumour is largest\n"
        "its contrasts; then the true mask blue, the predicted one orange"
    )
    with grid(len(table) * (channels + 1), channels + 1, title, path) as cells:
        rows = np.reshape(np.array(cells, object), (len(table), channels + 1))
        for row, (_, facts) in zip(rows, table.iterrows(), strict=True):
            image = images[facts["slice"]]
            for number, cell in enumerate(row[:-1]):
                imshow_gray(cell, image[..., number], "")
            contrasts = [abs(facts.get(f"contrast_{at}", 0.0)) for at in range(1, channels + 1)]
            imshow_gray(row[-1], image[..., int(np.argmax(contrasts))], "")
            for which, colour in (("truth", OUTLINE), ("predicted", PREDICTED)):
                mask = _mask(slices[facts["patient"]], which)
                if mask.any():
                    row[-1].contour(mask, levels=[0.5], colors=[colour], linewidths=1.2)
            row[0].set_title(
                f"{facts['patient']}: Dice {facts['dice']:.2f}", fontsize=7, loc="left"
            )
