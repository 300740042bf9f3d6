"""ensemble: choose the members by their validation scores, and let them vote."""

from pathlib import Path

import pandas as pd

from scanvote.errors import InputError
from scanvote.files import write_csv
from scanvote.metrics.classification import cross_entropy, evaluate_classes
from scanvote.params import Params
from scanvote.predictions import family_of, read_predictions
from scanvote.voting import majority_vote


def ensemble(searches: Path, params: Params, out: Path) -> dict[str, float]:
    """Vote of the best models over all families.

    Writes ``members.csv`` (every candidate with its validation scores, best first,
    and whether it votes) and ``predictions.csv`` to `out`: the vote, its members, and the best
    model of each family that has none among them.

    Args:
        searches: `models/search`, one folder with a `predictions.csv` a family.
        params: the whole of params.yaml; `ensemble.top` members vote.
        out: `models/ensemble`.

    Returns:
        Flat metrics: the vote on the validation split, and the number of members.

    Raises:
        InputError: there are fewer candidates than members.
    """
    tables = _candidates(searches)
    scores = pd.DataFrame([_validation_scores(table) for table in tables.values()])
    scores = scores.sort_values(
        ["macro_f1", "cross_entropy", "model"], ascending=[False, True, True], ignore_index=True
    )
    top = params.ensemble.top
    if len(scores) < top:
        raise InputError(f"ensemble.top: {top} members are wanted, {searches} has {len(scores)}")
    scores["votes"] = scores.index < top
    members = [tables[name] for name in scores["model"][:top]]
    families = scores.groupby(scores["model"].map(family_of), sort=False)["model"].first()
    beside = [tables[name] for name in families if name not in set(scores["model"][:top])]
    vote = majority_vote(members)
    write_csv(scores, out / "members.csv")
    write_csv(pd.concat([vote, *members, *beside], ignore_index=True), out / "predictions.csv")
    validation = evaluate_classes(vote[vote["split"] == "validation"])
    kept = ("accuracy", "macro_f1", "auroc")
    return {"members": top} | {f"validation_{key}": round(validation[key], 6) for key in kept}


def _candidates(searches: Path) -> dict[str, pd.DataFrame]:
    """The predictions of each model that a search kept, by its name."""
    paths = sorted(searches.glob("*/predictions.csv"))
    if not paths:
        raise InputError(f"{searches} holds no predictions; run `dvc repro search`")
    tables = [table for path in paths if len(table := read_predictions(path))]
    if not tables:
        raise InputError(f"{searches} holds no trained model; see search.families")
    every = pd.concat(tables, ignore_index=True)
    return {
        str(model): table.reset_index(drop=True)
        for model, table in every.groupby("model", sort=False)
    }


def _validation_scores(table: pd.DataFrame) -> dict[str, object]:
    validation = table[table["split"] == "validation"]
    scores = evaluate_classes(validation)
    return {
        "model": table["model"].iloc[0],
        "macro_f1": round(scores["macro_f1"], 6),
        "accuracy": round(scores["accuracy"], 6),
        "cross_entropy": round(cross_entropy(validation), 6),
    }
