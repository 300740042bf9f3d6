"""Prediction tables, the only input of the vote and the evaluation.

Classification, one row per scan and model: `model, scan_id, split, label, predicted,
p_<class>…`.
Segmentation, one row per slice: `scan_id, patient, split, pixel_height, pixel_width, unit,
height, width, truth, predicted`, with run-length encoded masks and the pixel size in mm or, if
that is unknown, in px of the scan.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from scanvote.arrays import Shard
from scanvote.core.errors import InputError
from scanvote.manifest import PIXEL, owners


def class_predictions(
    model: str, split: str, shard: Shard, predicted: np.ndarray, labels: list[str]
) -> pd.DataFrame:
    """Return the table of one model on one split.

    Args:
        shard: with `scan_ids` and `labels`, int (n,).
        predicted: float (n, classes), probabilities.
        labels: names of the classes, in the order of the columns of `predicted`.
    """
    names = np.array(labels)
    table = pd.DataFrame(
        {
            "model": model,
            "scan_id": shard["scan_ids"],
            "split": split,
            "label": names[shard["labels"]],
            "predicted": names[predicted.argmax(axis=1)],
        }
    )
    rounded = np.round(predicted.astype(float), 6)
    return table.assign(**{f"p_{label}": rounded[:, code] for code, label in enumerate(labels)})


def read_predictions(path: Path) -> pd.DataFrame:
    """Read a prediction table, with names and labels as text.

    Raises:
        InputError: the file is missing.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; run `dvc repro` for the stage that makes it")
    return parse_predictions(path)


def parse_predictions(source: Path | IO[bytes]) -> pd.DataFrame:
    """Parse a prediction table, with names and labels as text."""
    text_columns = ("model", "scan_id", "split", "label", "predicted", "patient", "unit", "truth")
    return pd.read_csv(source, dtype=dict.fromkeys(text_columns, str), keep_default_na=False)


def family_of(model: str) -> str:
    """Return the family of a model, as ``cnn`` of ``cnn/filters64``."""
    return model.partition("/")[0]


def labels_of(table: pd.DataFrame) -> list[str]:
    """Return the classes in the order of the probability columns."""
    return [name.removeprefix("p_") for name in table.columns if name.startswith("p_")]


def probabilities(table: pd.DataFrame) -> np.ndarray:
    """Return the probabilities of a table, float (rows, classes)."""
    return table[[f"p_{label}" for label in labels_of(table)]].to_numpy(float)


def encode_mask(mask: np.ndarray) -> str:
    """Encode a mask by run lengths.

    Pixels count row by row: ``start length start length…``; an empty mask is an empty string.
    """
    flat = np.concatenate([[0], mask.ravel().astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(flat))
    runs = np.stack([edges[::2], edges[1::2] - edges[::2]], axis=1)
    return " ".join(map(str, runs.ravel()))


def decode_mask(code: str, height: int, width: int) -> np.ndarray:
    """Decode a run-length code to a mask, bool (height, width)."""
    mask = np.zeros(height * width, bool)
    numbers = np.array(code.split(), int).reshape(-1, 2)
    for start, length in numbers:
        mask[start : start + length] = True
    return mask.reshape(height, width)


def mask_predictions(
    split: str, manifest: pd.DataFrame, truths: Iterable[np.ndarray], masks: Iterable[np.ndarray]
) -> pd.DataFrame:
    """Return the table of masks of one split.

    Args:
        split: of the slices.
        manifest: rows of the manifest of `prepare`, of these slices in their order; a slice of
            an unknown patient counts as a patient of its own.
        truths: true masks (H, W), 0 or 1, one per slice.
        masks: predicted masks, bool (H, W), one per slice.
    """
    rows = [
        (*mask.shape, encode_mask(truth), encode_mask(mask))
        for truth, mask in zip(truths, masks, strict=True)
    ]
    scans = manifest[["scan_id"]].assign(patient=owners(manifest)).reset_index(drop=True)
    encoded = pd.DataFrame(rows, columns=["height", "width", "truth", "predicted"])
    pixels = manifest[list(PIXEL)].reset_index(drop=True).rename(columns={"pixel_unit": "unit"})
    return pd.concat([scans.assign(split=split), pixels, encoded], axis=1)
