"""Metrics of a classifier, from its predictions."""

import numpy as np
import pandas as pd

from scanvote.metrics.resampled import METRICS
from scanvote.metrics.results import ClassifierOutput
from scanvote.predictions import labels_of, probabilities


def quick_scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return the validation scores of an epoch.

    Args:
        truth: int (n,), the index of each class.
        predicted: float (n, classes), probabilities.

    Returns:
        ``val_loss`` (cross-entropy), ``val_accuracy`` and ``val_macro_f1`` over the classes that
        `truth` has.
    """
    from sklearn.metrics import f1_score  # slow to import, and needed by trainings only

    winners = predicted.argmax(axis=1)
    of_truth = np.clip(predicted[np.arange(len(truth)), truth].astype(float), 1e-7, 1)
    f1 = f1_score(truth, winners, labels=np.unique(truth), average="macro", zero_division=0)
    return {
        "val_loss": float(-np.log(of_truth).mean()),
        "val_accuracy": float((winners == truth).mean()),
        "val_macro_f1": float(f1),
    }


def evaluate_classes(table: pd.DataFrame) -> dict[str, float]:
    """Return flat metrics of one classifier, NaN where undefined.

    Args:
        table: rows of `predictions.csv` of one model and one split: `label`, `predicted`,
            `p_<class>`.

    Returns:
        accuracy, balanced_accuracy, macro_f1, mcc, brier, ece, and auroc and average_precision
        (macro, one against the rest); for each class sensitivity, specificity, precision, auroc and
        average_precision, as ``sensitivity_<class>``.
    """
    output, unweighted = ClassifierOutput.of(table), np.ones((len(table), 1))
    values = [metric(output)(unweighted).items() for metric in METRICS]
    return {name: float(value[0]) for part in values for name, value in part}


def class_shares(validation: pd.Series, labels: list[str]) -> np.ndarray:
    """Return the frequency of each class, float (C,).

    These are the probabilities of the majority baseline.
    """
    return np.array([(validation == label).mean() for label in labels], float)


def cross_entropy(table: pd.DataFrame) -> float:
    """Return the mean −log of the probability of the true class."""
    labels = labels_of(table)
    codes = table["label"].map({label: code for code, label in enumerate(labels)}).to_numpy(int)
    return quick_scores(codes, probabilities(table))["val_loss"]
