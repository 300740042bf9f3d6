"""Who may vote, and who does: by validation alone."""

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
    """The predictions of each model that a search kept, by its name; the rows the same in all.

    Args:
        searches: `models/search`, one folder with a `predictions.csv` a family.

    Raises:
        InputError: there is no table, no model in any, a model speaks of other scans or classes
            than the rest, or none of validation.
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
            f"{path}: {model} speaks of other scans or classes than {first};"
            " run `dvc repro search` for both"
        )


def rank_models(candidates: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """A row a candidate, best first: `model, macro_f1, accuracy, cross_entropy` on validation.

    By macro F1, then by cross-entropy, then by name.
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
    """Members chosen one after the other, who helps the vote most (Caruana et al., 2004).

    The first is the best by itself. Then comes, again and again, the candidate with whom the vote
    has the highest macro F1, of equals the one with the lowest cross-entropy, then the better
    one. Nobody is chosen twice, as a member has one vote.

    Args:
        probabilities: (K, n, C) of the candidates on validation, tempered, best first.
        truth: (n,), the index of each class.
        count: how many are chosen, at most K.
        rule: of the vote, as who helps the mean may spoil the majority. The soft vote stands for
            the rules that are fitted.

    Returns:
        Their places, in order.
    """

    def loss(places: list[int]) -> tuple[float, float]:
        voted = _joined(probabilities[places], rule)
        winners = np.eye(probabilities.shape[2])[voted.winners]
        macro_f1 = quick_scores(truth, winners)["val_macro_f1"]
        cross_entropy = quick_scores(truth, voted.probabilities)["val_loss"]
        return -round(macro_f1, 9), round(cross_entropy, 9)

    chosen = [0]
    while len(chosen) < count:
        rest = [place for place in range(len(probabilities)) if place not in chosen]
        chosen.append(min(rest, key=lambda place: loss([*chosen, place])))
    return sorted(chosen)


def _joined(probabilities: Probabilities, rule: str) -> VoteResult:
    """The vote of (M, n, C) before anything is fitted."""
    members, _, classes = probabilities.shape
    vote = Vote(
        rule="majority" if rule == "majority" else "soft",
        labels=tuple(map(str, range(classes))),
        members=tuple(map(str, range(members))),
        temperatures=(1.0,) * members,
    )
    return vote(probabilities)
