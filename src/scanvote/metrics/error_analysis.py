"""Which test scans are worth a look: each kind of error, what is least clear, and what is right."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.predictions import labels_of, probabilities

Floats = NDArray[np.float64]


def select_scans(
    vote: pd.DataFrame, members: Sequence[pd.DataFrame], most: int
) -> dict[str, list[str]]:
    """The scans of each gallery, by `scan_id`; of equals the first in the alphabet.

    Args:
        vote: test rows of `predictions.csv` of the vote.
        members: those of its members, of the same scans.
        most: scans in a gallery, at least 1.

    Returns:
        - ``wrong``: the wrong votes that are surest;
        - ``<truth> taken for <predicted>``: the surest of each kind of error, the most frequent
          kind first; all kinds together about `most`, and each at least once;
        - ``right``: the right votes that are surest, in turn of each class;
        - ``least_sure``: votes right or wrong;
        - ``disagreeing``: those on which most pairs of members differ; of equals those whose
          probabilities are further apart.
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
    chosen = {"wrong": wrong, **_kinds(wrong, most), "right": in_turn}
    chosen |= {"least_sure": unclear, "disagreeing": apart}
    return {name: part["scan_id"].head(most).tolist() for name, part in chosen.items()}


def _kinds(wrong: pd.DataFrame, most: int) -> dict[str, pd.DataFrame]:
    """Of each kind of error its surest scans, the most frequent kind first."""
    kinds = {f"{a} taken for {b}": one for (a, b), one in wrong.groupby(["label", "predicted"])}
    each = max(1, most // max(1, len(kinds)))
    ordered = sorted(kinds, key=lambda kind: (-len(kinds[kind]), kind))
    return {kind: kinds[kind].head(each) for kind in ordered}


def confidence(table: pd.DataFrame) -> Floats:
    """(n,) the probability of what is predicted, which a vote by majority may not rank first."""
    said = table["predicted"].to_numpy()[:, None] == np.array(labels_of(table))
    return np.asarray(probabilities(table)[said], float)


def disagreement(scans: pd.Series, members: Sequence[pd.DataFrame]) -> dict[str, Floats]:
    """How far the members are apart on each scan.

    Args:
        scans: n of `scan_id`.
        members: test rows of each member, of these scans in any order.

    Returns:
        Of each scan `differing`, the share of the pairs of members that predict different
        classes, and `distance`, the Jensen–Shannon divergence (Lin, 1991) of their
        probabilities in nats.
    """
    if len(members) < 2:
        return {"differing": np.zeros(len(scans)), "distance": np.zeros(len(scans))}
    tables = [member.set_index("scan_id").loc[scans.tolist()] for member in members]
    said = np.stack([one["predicted"].to_numpy() for one in tables])
    votes = (said[..., None] == np.array(labels_of(tables[0]))).sum(axis=0)
    same = (votes * (votes - 1)).sum(axis=1) / (len(tables) * (len(tables) - 1))
    every = np.stack([probabilities(one) for one in tables])
    distance = _entropy(every.mean(axis=0)) - _entropy(every).mean(axis=0)
    return {"differing": 1 - same, "distance": distance.round(9)}


def _entropy(shares: Floats) -> Floats:
    return np.asarray(-(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=-1))
