"""Candidates and members of the ensemble, chosen on validation alone."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.metrics.classification import cross_entropy, evaluate_classes, quick_scores
from scanvote.pipeline.ensemble.calibration import Probabilities
from scanvote.pipeline.ensemble.vote import Vote, VoteResult
from scanvote.predictions import labels_of, read_predictions

_SCAN = ["scan_id", "split", "label"]


def read_candidates(searches: Path) -> dict[str, pd.DataFrame]:
    """Read the predictions of each model that a search kept, by name.

    All have the same rows.

    Args:
        searches: `models/search`, with a folder for each family that has a `predictions.csv`.

    Raises:
        InputError: there is no table, no table has a model, a model has other scans or classes than
            the rest, or no row of validation.
    """
    paths = sorted(searches.glob("*/predictions.csv"))
    if not paths:
        raise InputError(f"{searches} holds no predictions; run `dvc repro search`")
    candidates: dict[str, pd.DataFrame] = {}
    for path in paths:
        for model, rows in read_predictions(path).groupby("model", sort=False):
            candidates[str(model)] = rows.reset_index(drop=True)
            _check(candidates, str(model), path)
    if not candidates:
        raise InputError(f"{searches} holds no trained model; see search.families")
    return candidates


def _check(candidates: dict[str, pd.DataFrame], model: str, path: Path) -> None:
    first, rows = next(iter(candidates)), candidates[model]
    if not (rows["split"] == "validation").any():
        raise InputError(
            f"{path}: {model} has no row of validation, on which the vote is fitted;"
            " run `dvc repro search`"
        )
    same = labels_of(rows) == labels_of(candidates[first])
    if not same or not rows[_SCAN].equals(candidates[first][_SCAN]):
        raise InputError(
            f"{path}: {model} has other scans or classes than {first};"
            " run `dvc repro search` for both"
        )


def rank_models(candidates: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return validation scores of the candidates, best first.

    The order is by macro F1, then by cross-entropy, then by name.

    Returns:
        A row for each candidate: `model, macro_f1, accuracy, cross_entropy`.
    """
    scores = pd.DataFrame([_scores(model, table) for model, table in candidates.items()])
    return scores.sort_values(
        ["macro_f1", "cross_entropy", "model"], ascending=[False, True, True], ignore_index=True
    )


def _scores(model: str, table: pd.DataFrame) -> dict[str, object]:
    validation = table[table["split"] == "validation"]
    scores = evaluate_classes(validation)
    return {
        "model": model,
        "macro_f1": round(scores["macro_f1"], 6),
        "accuracy": round(scores["accuracy"], 6),
        "cross_entropy": round(cross_entropy(validation), 6),
    }


def greedy_ensemble_selection(
    probabilities: Probabilities, truth: NDArray[np.int64], count: int, rule: str
) -> list[int]:
    """Select members by greedy ensemble selection (Caruana et al., 2004).

    The first member is the best single candidate. Each further one gives the vote the highest macro
    F1; ties go to the lowest cross-entropy, then to the better candidate. No candidate is selected
    twice, as every member has one vote.

    Args:
        probabilities: (K, n, C) of the candidates on validation, calibrated, best first.
        truth: (n,), the index of each class.
        count: number of members, at most K.
        rule: of the vote, because a candidate that helps the mean may harm the majority. The soft
            vote is used instead of the rules with fitted parameters.

    Returns:
        The places of the selected candidates, in ascending order.
    """

    def loss(places: list[int]) -> tuple[float, float]:
        voted = _unfitted_vote(probabilities[places], rule)
        winners = np.eye(probabilities.shape[2])[voted.winners]
        macro_f1 = quick_scores(truth, winners)["val_macro_f1"]
        cross_entropy = quick_scores(truth, voted.probabilities)["val_loss"]
        return -round(macro_f1, 9), round(cross_entropy, 9)

    chosen = [0]
    while len(chosen) < count:
        rest = [place for place in range(len(probabilities)) if place not in chosen]
        chosen.append(min(rest, key=lambda place: loss([*chosen, place])))
    return sorted(chosen)


def _unfitted_vote(probabilities: Probabilities, rule: str) -> VoteResult:
    """Return the vote on (M, n, C) before anything is fitted."""
    members, _, classes = probabilities.shape
    vote = Vote(
        rule="majority" if rule == "majority" else "soft",
        labels=tuple(map(str, range(classes))),
        members=tuple(map(str, range(members))),
        temperatures=(1.0,) * members,
    )
    return vote(probabilities)
