"""The majority vote, on tables of predictions alone."""

import numpy as np
import pandas as pd

from scanvote.predictions import labels_of, probabilities


def majority_vote(members: list[pd.DataFrame]) -> pd.DataFrame:
    """Let the members vote on each scan; a tie goes to the highest mean probability.

    Args:
        members: predictions of one model each, of the same scans in the same order.

    Returns:
        A table like a member's: `predicted` is the vote, `p_<class>` the members'
        mean, and `votes_<class>` tells how many voted for each class.

    Raises:
        ValueError: the members do not speak of the same scans and classes.
    """
    first = members[0]
    for member in members[1:]:
        same_rows = first["scan_id"].array.tolist() == member["scan_id"].array.tolist()
        if not same_rows or labels_of(first) != labels_of(member):
            raise ValueError("the members of a vote speak of different scans or classes")
    labels = labels_of(first)
    mean = np.mean([probabilities(member) for member in members], axis=0)
    votes = np.stack(
        [sum((m["predicted"] == label).to_numpy(int) for m in members) for label in labels], axis=1
    )
    # a probability is at most 1, so it decides between equal numbers of votes only
    winner = (votes + 0.5 * mean).argmax(axis=1)
    table = first[["scan_id", "split", "label"]].reset_index(drop=True)
    table.insert(0, "model", "vote")
    table["predicted"] = np.array(labels)[winner]
    for code, label in enumerate(labels):
        table[f"p_{label}"] = mean[:, code].round(6)
        table[f"votes_{label}"] = pd.array(votes[:, code], dtype="Int64")
    return table
