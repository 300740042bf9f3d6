"""How good a classifier is, from its predictions."""

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from scanvote.predictions import labels_of, probabilities


def quick_scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """The validation scores of an epoch.

    Args:
        truth: int (n,), the index of each class.
        predicted: float (n, classes), probabilities.

    Returns:
        ``val_loss`` (cross-entropy), ``val_accuracy`` and ``val_macro_f1``.
    """
    guess = predicted.argmax(axis=1)
    of_truth = np.clip(predicted[np.arange(len(truth)), truth].astype(float), 1e-7, 1)
    return {
        "val_loss": float(-np.log(of_truth).mean()),
        "val_accuracy": float((guess == truth).mean()),
        "val_macro_f1": _macro_f1(truth, guess, np.arange(predicted.shape[1])),
    }


def evaluate_classes(table: pd.DataFrame) -> dict[str, float]:
    """Flat metrics of one classifier.

    Args:
        table: rows of `predictions.csv` of one model and one split: `label`,
            `predicted`, `p_<class>`.

    Returns:
        accuracy, macro_f1, auroc (macro, one against the rest; NaN where a class
        is absent), and sensitivity, specificity and precision of each class.
        A precision without any prediction is 0.
    """
    labels = labels_of(table)
    truth, guess = table["label"], table["predicted"]
    scores = {
        "accuracy": float((truth == guess).mean()),
        "macro_f1": _macro_f1(truth, guess, labels),
        "auroc": auroc(table),
    }
    matrix = sk.confusion_matrix(truth, guess, labels=labels)
    for label, row in zip(labels, _one_against_rest(matrix), strict=True):
        scores |= {f"{name}_{label}": value for name, value in row.items()}
    return scores


def auroc(table: pd.DataFrame) -> float:
    """Macro average over the classes, each against the rest."""
    curves = [roc_of(table, label) for label in labels_of(table)]
    return float(np.mean([np.nan if curve is None else sk.auc(*curve) for curve in curves]))


def roc_of(table: pd.DataFrame, label: str) -> tuple[np.ndarray, np.ndarray] | None:
    """False and true positive rates of `label` against the rest; None if one side is absent."""
    truth = (table["label"] == label).to_numpy()
    if truth.all() or not truth.any():
        return None
    false_positive, true_positive, _ = sk.roc_curve(truth, table[f"p_{label}"])
    return false_positive, true_positive


def majority_class_accuracy(validation: pd.Series, test: pd.Series) -> float:
    """Of the predictor that always says the class most frequent in validation."""
    return float((test == validation.value_counts().sort_index().idxmax()).mean())


def cross_entropy(table: pd.DataFrame) -> float:
    """Mean −log of the probability given to the truth."""
    labels = labels_of(table)
    codes = table["label"].map({label: code for code, label in enumerate(labels)}).to_numpy(int)
    return quick_scores(codes, probabilities(table))["val_loss"]


def _macro_f1(truth: object, guess: object, labels: object) -> float:
    return float(sk.f1_score(truth, guess, labels=labels, average="macro", zero_division=0))


def _one_against_rest(matrix: np.ndarray) -> list[dict[str, float]]:
    """Sensitivity, specificity and precision of each class of a confusion matrix."""
    rows = []
    for code in range(len(matrix)):
        hit = matrix[code, code]
        missed, false = matrix[code].sum() - hit, matrix[:, code].sum() - hit
        rest = matrix.sum() - hit - missed - false
        rows.append(
            {
                "sensitivity": _ratio(hit, hit + missed),
                "specificity": _ratio(rest, rest + false),
                "precision": _ratio(hit, hit + false),
            }
        )
    return rows


def _ratio(part: int, whole: int) -> float:
    return float(part / whole) if whole else 0.0
