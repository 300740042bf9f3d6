"""Stage `ensemble`: choose members on validation, fit the rules, and vote."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.metrics.classification import cross_entropy, evaluate_classes
from scanvote.params import Params
from scanvote.pipeline.ensemble.calibration import Probabilities, apply_temperature, fit_temperature
from scanvote.pipeline.ensemble.candidates import (
    greedy_ensemble_selection,
    rank_models,
    read_candidates,
)
from scanvote.pipeline.ensemble.fitting import fit_votes
from scanvote.pipeline.ensemble.vote import Vote, calibrated
from scanvote.predictions import family_of, labels_of, probabilities

_SCORES = ("macro_f1", "accuracy", "auroc", "cross_entropy")


def ensemble(searches: Path, params: Params, out: Path) -> dict[str, float]:
    """Combine the best models of all families into votes.

    Writes to `out`: ``members.csv`` (all candidates, best first, with the validation scores of
    their own probabilities, whether they vote, and their temperature), ``rules.csv`` (the
    validation scores of the vote by each rule, and its temperature), ``vote.json`` (the chosen
    rule, with all fitted parameters), and ``predictions.csv``: the vote, the vote by each rule, its
    members, and the best model of each family without a member, all calibrated.

    The rules were fitted on the same scans as these scores, so only the test can compare them.

    Args:
        searches: `models/search`, with a folder for each family that has a `predictions.csv`.
        params: the whole of params.yaml.
        out: `models/ensemble`.

    Returns:
        Flat metrics: the number of members, the vote and each rule on validation, temperatures.

    Raises:
        InputError: there are fewer candidates than members, or they have different scans or
            classes.
    """
    candidates = read_candidates(searches)
    members = _members(candidates, searches, params)
    chosen = members[members["votes"]]
    tables = [candidates[name] for name in chosen["model"]]
    votes = fit_votes(
        labels_of(tables[0]),
        dict(zip(chosen["model"], chosen["temperature"], strict=True)),
        _validation_probabilities(tables),
        _validation_truth(tables[0]),
        params.ensemble.calibrate,
    )
    vote = votes[params.ensemble.rule]
    rules = {rule: vote_rows(one, tables, f"vote/{rule}") for rule, one in votes.items()}
    scores = pd.DataFrame([_rule_scores(rule, rows) for rule, rows in rules.items()])
    scores["temperature"] = [one.temperature for one in votes.values()]
    singles = [
        tempered_rows(candidates[name], temperature)
        for name, temperature in _reported_models(members).items()
    ]
    every = [rules[vote.rule].assign(model="vote"), *rules.values(), *singles]
    write_csv(members, out / "members.csv")
    write_csv(scores, out / "rules.csv")
    write_csv(pd.concat(every, ignore_index=True), out / "predictions.csv")
    vote.write(out / "vote.json")
    return _metrics(vote, scores)


def vote_rows(vote: Vote, members: list[pd.DataFrame], model: str) -> pd.DataFrame:
    """Return the table of predictions of a vote.

    Args:
        vote: the rule that turns the members' probabilities into a class.
        members: predictions of one model each, of the same scans in the same order.
        model: the name of the vote in the table.

    Returns:
        A table like a member's: `predicted` is the winner, and `votes_<class>` counts the members
        for which the class is the most likely.
    """
    voted = vote(np.stack([probabilities(member) for member in members]))
    table = members[0][["scan_id", "split", "label"]].reset_index(drop=True)
    table.insert(0, "model", model)
    table["predicted"] = np.array(vote.labels)[voted.winners]
    for code, label in enumerate(vote.labels):
        table[f"p_{label}"] = voted.probabilities[:, code].round(6)
        table[f"votes_{label}"] = pd.array(voted.votes[:, code], dtype="Int64")
    return table


def tempered_rows(table: pd.DataFrame, temperature: float) -> pd.DataFrame:
    """Return the rows of a model with calibrated probabilities."""
    values = apply_temperature(probabilities(table), temperature).round(6)
    names = [f"p_{label}" for label in labels_of(table)]
    return table.assign(**dict(zip(names, values.T, strict=True)))


def _members(candidates: dict[str, pd.DataFrame], searches: Path, params: Params) -> pd.DataFrame:
    """Return a row for each candidate, best first.

    Each has its scores, whether it votes, and its temperature.
    """
    config, top = params.ensemble, params.ensemble.top
    members = rank_models(candidates)
    if len(members) < top:
        raise InputError(
            f"ensemble.top: {top} members are wanted, {searches} has {len(members)};"
            " lower it or search more families"
        )
    tables = [candidates[name] for name in members["model"]]
    raw, truth = _validation_probabilities(tables), _validation_truth(tables[0])
    temperatures = tuple(fit_temperature(one, truth) if config.calibrate else 1.0 for one in raw)
    places = list(range(top))
    if config.members == "diverse":
        places = greedy_ensemble_selection(calibrated(raw, temperatures), truth, top, config.rule)
    return members.assign(votes=members.index.isin(places), temperature=temperatures)


def _validation_probabilities(tables: list[pd.DataFrame]) -> Probabilities:
    """Return the probabilities on validation, (M, n, C)."""
    return np.stack([probabilities(table[table["split"] == "validation"]) for table in tables])


def _validation_truth(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return the index of each validation scan's class, (n,)."""
    names = table.loc[table["split"] == "validation", "label"]
    return pd.Categorical(names, labels_of(table)).codes.astype(np.int64)


def _reported_models(members: pd.DataFrame) -> dict[str, float]:
    """Return the temperatures of the models in the table of predictions.

    First come the members, then the best model of each family without a member.
    """
    family = members["model"].map(family_of)
    best = ~family.duplicated()
    order = pd.concat([members[members["votes"]], members[best & ~members["votes"]]])
    return dict(zip(order["model"], order["temperature"], strict=True))


def _rule_scores(rule: str, rows: pd.DataFrame) -> dict[str, object]:
    validation = rows[rows["split"] == "validation"]
    scores = evaluate_classes(validation) | {"cross_entropy": cross_entropy(validation)}
    return {"rule": rule} | {name: round(scores[name], 6) for name in _SCORES}


def _metrics(vote: Vote, rules: pd.DataFrame) -> dict[str, float]:
    metrics: dict[str, float] = {"members": len(vote.members)}
    for row in rules.to_dict("records"):
        scores = {name: float(row[name]) for name in _SCORES}
        metrics |= {f"validation_{row['rule']}_{name}": value for name, value in scores.items()}
        if row["rule"] == vote.rule:
            metrics |= {f"validation_{name}": value for name, value in scores.items()}
    metrics["temperature"] = vote.temperature
    temperatures = enumerate(vote.temperatures, start=1)
    return metrics | {f"temperature_{place}": temperature for place, temperature in temperatures}
