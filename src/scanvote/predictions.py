"""The tables of predictions: a row a scan and model; the vote and the evaluation read nothing else.

Of classes: `model, scan_id, split, label, predicted, p_<class>…`.
Of masks: `scan_id, patient, split, pixel_height, pixel_width, unit, height, width, truth,
predicted`, masks run-length encoded, pixels in mm or, where that is not known, px of the scan.
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
    """The rows of one model on one split.

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
    """Read a table, its words as text.

    Raises:
        InputError: it is missing.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; run `dvc repro` for the stage that makes it")
    return parse_predictions(path)


def parse_predictions(source: Path | IO[bytes]) -> pd.DataFrame:
    """A table, its words as text."""
    words = ("model", "scan_id", "split", "label", "predicted", "patient", "unit", "truth")
    return pd.read_csv(source, dtype=dict.fromkeys(words, str), keep_default_na=False)


def family_of(model: str) -> str:
    """The family that a model's name begins with: ``cnn/filters64`` is of ``cnn``."""
    return model.partition("/")[0]


def labels_of(table: pd.DataFrame) -> list[str]:
    """The classes a table has probabilities of, in its order."""
    return [name.removeprefix("p_") for name in table.columns if name.startswith("p_")]


def probabilities(table: pd.DataFrame) -> np.ndarray:
    """float (rows, classes)."""
    return table[[f"p_{label}" for label in labels_of(table)]].to_numpy(float)


def encode_mask(mask: np.ndarray) -> str:
    """Run-length code of a mask, row by row: ``start length start length…``; empty: no pixel."""
    flat = np.concatenate([[0], mask.ravel().astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(flat))
    runs = np.stack([edges[::2], edges[1::2] - edges[::2]], axis=1)
    return " ".join(map(str, runs.ravel()))


def decode_mask(code: str, height: int, width: int) -> np.ndarray:
    """bool (height, width) of a run-length code."""
    mask = np.zeros(height * width, bool)
    numbers = np.array(code.split(), int).reshape(-1, 2)
    for start, length in numbers:
        mask[start : start + length] = True
    return mask.reshape(height, width)


def mask_predictions(
    split: str, manifest: pd.DataFrame, truths: Iterable[np.ndarray], masks: Iterable[np.ndarray]
) -> pd.DataFrame:
    """The rows of one split.

    Args:
        manifest: rows of `prepare`'s, of these slices in their order; a slice of nobody known
            stands for itself.
        truths: (H, W), 0 or 1, a slice each.
        masks: bool (H, W), a slice each.
    """
    rows = [
        (*mask.shape, encode_mask(truth), encode_mask(mask))
        for truth, mask in zip(truths, masks, strict=True)
    ]
    known = manifest[["scan_id"]].assign(patient=owners(manifest)).reset_index(drop=True)
    found = pd.DataFrame(rows, columns=["height", "width", "truth", "predicted"])
    pixels = manifest[list(PIXEL)].reset_index(drop=True).rename(columns={"pixel_unit": "unit"})
    return pd.concat([known.assign(split=split), pixels, found], axis=1)
