"""Figures of classifiers against scikit-learn and against pencil and paper."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from scanvote.metrics.classification import (
    class_shares,
    cross_entropy,
    evaluate_classes,
    quick_scores,
)
from scanvote.predictions import class_predictions

LABELS = ["a", "b", "c"]


def table(truth: list[int], predicted: np.ndarray | list[list[float]]) -> pd.DataFrame:
    names = np.array([f"scan{number}" for number in range(len(truth))])
    shard = {"scan_ids": names, "labels": np.array(truth)}
    return class_predictions("m", "test", shard, np.array(predicted, float), LABELS)


def certain(guesses: list[int]) -> np.ndarray:
    return np.eye(3)[guesses]


@given(st.integers(0, 2**31), st.integers(6, 40))
@settings(max_examples=30)
def test_as_scikit_learn_finds_them(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    truth = [0, 1, 2, *random.integers(0, 3, rows - 3).tolist()]
    predicted = random.dirichlet([1, 1, 1], rows).round(6)
    guess = predicted.argmax(axis=1)
    scores = evaluate_classes(table(truth, predicted))
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(truth, guess))
    assert scores["macro_f1"] == pytest.approx(sk.f1_score(truth, guess, average="macro"))
    wanted = np.mean([sk.roc_auc_score(np.array(truth) == k, predicted[:, k]) for k in range(3)])
    assert scores["auroc"] == pytest.approx(wanted)
    for code, label in enumerate(LABELS):
        one, said = np.array(truth) == code, guess == code
        assert scores[f"sensitivity_{label}"] == pytest.approx(sk.recall_score(one, said))
        assert scores[f"specificity_{label}"] == pytest.approx(sk.recall_score(~one, ~said))
        assert scores[f"precision_{label}"] == pytest.approx(
            sk.precision_score(one, said, zero_division=np.nan), nan_ok=True
        )


def test_by_hand() -> None:
    #                 truth a a a a, b b, c    guess a a a b, b a, b
    scores = evaluate_classes(table([0, 0, 0, 0, 1, 1, 2], certain([0, 0, 0, 1, 1, 0, 1])))
    assert scores["accuracy"] == pytest.approx(4 / 7)
    assert scores["sensitivity_a"] == pytest.approx(3 / 4)
    assert scores["specificity_a"] == pytest.approx(2 / 3)
    assert scores["precision_a"] == pytest.approx(3 / 4)
    assert scores["precision_b"] == pytest.approx(1 / 3)
    assert scores["specificity_b"] == pytest.approx(3 / 5)
    assert scores["macro_f1"] == pytest.approx((0.75 + 0.4 + 0) / 3)
    assert scores["sensitivity_c"] == 0
    assert np.isnan(scores["precision_c"]), "nothing is called c"


def test_the_perfect_classifier() -> None:
    scores = evaluate_classes(table([0, 1, 2, 1], certain([0, 1, 2, 1])))
    assert scores.pop("brier") == scores.pop("ece") == 0
    assert set(scores.values()) == {1.0}


def test_the_classifier_that_always_says_one_class() -> None:
    scores = evaluate_classes(table([0, 0, 1, 2], certain([0, 0, 0, 0])))
    assert scores["accuracy"] == 0.5
    assert scores["macro_f1"] == pytest.approx(2 / 3 / 3)
    assert scores["auroc"] == 0.5
    assert (scores["sensitivity_a"], scores["specificity_a"]) == (1, 0)
    assert (scores["sensitivity_b"], scores["specificity_b"]) == (0, 1)
    assert np.isnan(scores["precision_b"])


def test_a_class_absent_from_the_test() -> None:
    """c is never there: the means are of a and b, and no area can be told."""
    absent = table([0, 0, 1, 1], certain([0, 0, 1, 2]))
    scores = evaluate_classes(absent)
    assert scores["macro_f1"] == pytest.approx((1 + 2 / 3) / 2)
    assert scores["balanced_accuracy"] == pytest.approx((1 + 1 / 2) / 2)
    assert np.isnan(scores["auroc"])
    assert np.isnan(scores["sensitivity_c"])
    assert (scores["precision_c"], scores["specificity_c"]) == (0, 0.75)


def test_one_class_alone_has_no_area() -> None:
    scores = evaluate_classes(table([0, 0], certain([0, 1])))
    assert all(np.isnan(scores[f"auroc_{label}"]) for label in LABELS)
    assert np.isnan(scores["auroc"])


def test_cross_entropy_by_hand() -> None:
    scores = table([0, 2], [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    assert cross_entropy(scores) == pytest.approx((np.log(2) + np.log(4)) / 2)


def test_a_certain_error_is_dear_and_not_infinite() -> None:
    assert 10 < cross_entropy(table([1], certain([0]))) < 100


def test_the_scores_of_an_epoch_are_those_of_the_table() -> None:
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, 3, 50), random.dirichlet([1, 1, 1], 50)
    quick, whole = quick_scores(truth, predicted), table(truth.tolist(), predicted)
    scores = evaluate_classes(whole)
    assert quick["val_accuracy"] == scores["accuracy"]
    assert quick["val_macro_f1"] == scores["macro_f1"]
    assert quick["val_loss"] == pytest.approx(sk.log_loss(truth, predicted))
    assert quick["val_loss"] == pytest.approx(cross_entropy(whole), abs=1e-4)


def test_the_shares_of_the_classes_are_those_of_the_validation() -> None:
    shares = class_shares(pd.Series(list("aabc")), ["c", "a", "d"])
    assert shares.tolist() == [0.25, 0.5, 0]
