"""Prediction tables of classifiers, made by chance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

LABELS = ("glioma_tumor", "no_tumor", "pituitary_tumor")


def classified(
    scans: int, labels: Sequence[str] = LABELS, members: int = 3, seed: int = 0
) -> dict[str, pd.DataFrame]:
    """Test rows of the vote and of its members, by model; each class is there."""
    random = np.random.default_rng(seed)
    truth = np.arange(scans) % len(labels)
    seen = random.normal(size=(scans, len(labels))) + np.eye(len(labels))[truth]
    tables = {}
    for number in range(members):
        scores = np.exp(seen + 0.7 * random.normal(size=seen.shape))
        tables[f"cnn/filters{number}"] = _table(
            f"cnn/filters{number}", truth, scores / scores.sum(axis=1, keepdims=True), labels
        )
    columns = [f"p_{label}" for label in labels]
    mean = np.mean([table[columns].to_numpy() for table in tables.values()], axis=0)
    vote = _table("vote", truth, mean, labels)
    for label in labels:
        vote[f"votes_{label}"] = sum(table["predicted"] == label for table in tables.values())
    return {"vote": vote, **tables}


def _table(
    model: str, truth: np.ndarray, predicted: np.ndarray, labels: Sequence[str]
) -> pd.DataFrame:
    names = np.array(labels)
    rows = pd.DataFrame(
        {
            "model": model,
            "scan_id": [f"scan/{number:03}" for number in range(len(truth))],
            "split": "test",
            "label": names[truth],
            "predicted": names[predicted.argmax(axis=1)],
        }
    )
    return rows.assign(**{f"p_{name}": predicted[:, at].round(6) for at, name in enumerate(labels)})
