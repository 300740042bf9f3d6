"""Leakage audit: linked scans that are in different splits."""

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.params import SplitParams
from scanvote.splits.groups import LINKS, link_keys


def check_leaks(scans: pd.DataFrame, config: SplitParams) -> dict[str, int]:
    """Count linked pairs of scans across the splits, by kind of link.

    Raises:
        InputError: there are such pairs, and the protocol is not `random`, which measures them.
    """
    leaks = leakage_audit(scans)
    leaking = {kind: pairs for kind, pairs in leaks.items() if pairs}
    if leaking and config.protocol != "random":
        raise InputError(f"the split leaks, which is a fault of scanvote: {leaking}")
    return leaks


def leakage_audit(manifest: pd.DataFrame) -> dict[str, int]:
    """Count the pairs of linked scans that are in different splits.

    Args:
        manifest: with `split` and `group` besides the columns that `group_scans` needs; the
            group also covers links through copies that were dropped.

    Returns:
        ``{"leaked_pairs_patient": 0, ...}``, one count per kind of link. Pairs of one patient
        cannot be counted if the patient is unknown.
    """
    return {f"leaked_pairs_{link}": _pairs_across(manifest, link) for link in (*LINKS, "group")}


def patient_conflicts(scans: pd.DataFrame) -> int:
    """Count the used pictures that stand under two patients, who are in one group."""
    return int(scans["patient_conflict"].sum()) if "patient_conflict" in scans else 0


def _pairs_across(manifest: pd.DataFrame, link: str) -> int:
    keys = link_keys(manifest, link)
    known, splits = keys[keys != ""], manifest["split"]
    together = known.groupby(known).size()
    inside = known.groupby([known, splits]).size()
    return int((together * (together - 1)).sum() - (inside * (inside - 1)).sum()) // 2
