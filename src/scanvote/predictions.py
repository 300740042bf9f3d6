"""The tables of predictions: a row a scan and model; the vote and the evaluation read nothing else.

Of classes: `model, scan_id, split, label, predicted, p_<class>…`.
Of masks: `scan_id, patient, split, height, width, truth, predicted`, masks run-length encoded.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.arrays import Shard
from scanvote.errors import InputError


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
    words = ("model", "scan_id", "split", "label", "predicted", "patient", "truth")
    return pd.read_csv(path, dtype=dict.fromkeys(words, str), keep_default_na=False)


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
    split: str, shard: Shard, masks: np.ndarray, patients: Mapping[str, str]
) -> pd.DataFrame:
    """The rows of one split.

    Args:
        shard: with `scan_ids` and `masks`, 0 or 1 (n, H, W), the truth.
        masks: bool (n, H, W), predicted.
        patients: the patient of each scan.
    """
    height, width = masks.shape[1:]
    return pd.DataFrame(
        {
            "scan_id": shard["scan_ids"],
            "patient": [patients[scan] for scan in shard["scan_ids"]],
            "split": split,
            "height": height,
            "width": width,
            "truth": [encode_mask(mask) for mask in shard["masks"]],
            "predicted": [encode_mask(mask) for mask in masks],
        }
    )
