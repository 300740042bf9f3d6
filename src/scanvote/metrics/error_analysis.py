"""Test scans to look at: errors, uncertain votes and correct votes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.predictions import labels_of, probabilities

Floats = NDArray[np.float64]


def select_scans(
    vote: pd.DataFrame, members: Sequence[pd.DataFrame], max_scans: int
) -> dict[str, list[str]]:
    """Select the scans of each gallery by `scan_id`; ties in alphabetical order.

    Args:
        vote: test rows of `predictions.csv` of the vote.
        members: those of its members, of the same scans.
        max_scans: maximum number of scans in a gallery, at least 1.

    Returns:
        - ``wrong``: the wrong votes with the highest confidence;
        - ``<truth> taken for <predicted>``: the most confident of each kind of error, the most
          frequent kind first; all kinds together about `max_scans`, and at least one of each kind;
        - ``right``: the right votes with the highest confidence, one class after the other in turn;
        - ``least_sure``: the votes with the lowest confidence, right or wrong;
        - ``disagreeing``: those on which most pairs of members differ; if equal, those with the
          larger distance of the probabilities.
    """
    rows = vote[["scan_id", "label", "predicted"]].assign(
        sure=confidence(vote), **disagreement(vote["scan_id"], members)
    )
    surest = rows.sort_values(["sure", "scan_id"], ascending=[False, True])
    wrong = surest[surest["label"] != surest["predicted"]]
    right = surest[surest["label"] == surest["predicted"]]
    turns = right.assign(turn=right.groupby("label").cumcount())
    in_turn = turns.sort_values(["turn", "sure", "scan_id"], ascending=[True, False, True])
    unclear = rows.sort_values(["sure", "scan_id"])
    apart = rows.sort_values(["differing", "distance", "scan_id"], ascending=[False, False, True])
    chosen = {"wrong": wrong, **_kinds(wrong, max_scans), "right": in_turn}
    chosen |= {"least_sure": unclear, "disagreeing": apart}
    return {name: part["scan_id"].head(max_scans).tolist() for name, part in chosen.items()}


def _kinds(wrong: pd.DataFrame, max_scans: int) -> dict[str, pd.DataFrame]:
    """Select each kind of error's surest scans, most frequent kind first."""
    kinds = {f"{a} taken for {b}": one for (a, b), one in wrong.groupby(["label", "predicted"])}
    each = max(1, max_scans // max(1, len(kinds)))
    ordered = sorted(kinds, key=lambda kind: (-len(kinds[kind]), kind))
    return {kind: kinds[kind].head(each) for kind in ordered}


def confidence(table: pd.DataFrame) -> Floats:
    """Return the probability of the predicted class, (n,).

    The majority rule may predict a class that does not have the highest probability.
    """
    chosen = table["predicted"].to_numpy()[:, None] == np.array(labels_of(table))
    return np.asarray(probabilities(table)[chosen], float)


def disagreement(scans: pd.Series, members: Sequence[pd.DataFrame]) -> dict[str, Floats]:
    """Measure the disagreement of the members on each scan.

    Args:
        scans: n of `scan_id`.
        members: test rows of each member, of these scans in any order.

    Returns:
        For each scan `differing`, the share of the pairs of members that predict different classes,
        and `distance`, the Jensen–Shannon divergence (Lin, 1991) of their probabilities in nats.
    """
    if len(members) < 2:
        return {"differing": np.zeros(len(scans)), "distance": np.zeros(len(scans))}
    tables = [member.set_index("scan_id").loc[scans.tolist()] for member in members]
    predicted = np.stack([one["predicted"].to_numpy() for one in tables])
    votes = (predicted[..., None] == np.array(labels_of(tables[0]))).sum(axis=0)
    same = (votes * (votes - 1)).sum(axis=1) / (len(tables) * (len(tables) - 1))
    every = np.stack([probabilities(one) for one in tables])
    distance = _entropy(every.mean(axis=0)) - _entropy(every).mean(axis=0)
    return {"differing": 1 - same, "distance": distance.round(9)}


def _entropy(shares: Floats) -> Floats:
    return np.asarray(-(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=-1))
