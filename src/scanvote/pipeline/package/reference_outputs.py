"""Predictions for the test scans, in a table without names.

``test.csv`` has a row for each scan: `scan`, the sha256 of its file; `label`; `group`, a number
that only shows which scans belong together; `predicted`. The same scans, classes and groups give
the same rows in the same order, whatever the names of scans and patients.
"""

from pathlib import Path

import pandas as pd

from scanvote.core.digests import digest
from scanvote.core.errors import InputError

TRUTH = ["scan", "label", "group"]


def write_reference_outputs(vote: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """Return the table of a vote.

    Args:
        vote: its rows of the test split, as in `scanvote.predictions`.
        manifest: of `prepare`, with `sha256` and `group`.
    """
    rows = manifest.set_index("scan_id").loc[vote["scan_id"]]
    table = pd.DataFrame(
        {
            "scan": rows["sha256"].to_numpy(),
            "label": vote["label"].to_numpy(),
            "group": rows["group"].to_numpy(),
            "predicted": vote["predicted"].to_numpy(),
        }
    )
    table["group"] = table["group"].map(_group_numbers(table))
    return table.sort_values([*TRUTH, "predicted"], ignore_index=True)


def _group_numbers(table: pd.DataFrame) -> dict[object, int]:
    """Number the groups by their scans and classes.

    Names decide only between equal groups.
    """
    members = {
        group: sorted(zip(rows["scan"], rows["label"], rows["predicted"], strict=True))
        for group, rows in table.groupby("group")
    }
    ordered = sorted(members, key=lambda group: (members[group], str(group)))
    return {group: number for number, group in enumerate(ordered)}


def digest_of(table: pd.DataFrame) -> str:
    """Return a digest of the scans, their classes and groups.

    Predictions do not change it.
    """
    return digest(table[TRUTH].to_numpy().tolist())


def read_reference_outputs(path: Path) -> pd.DataFrame:
    """Read the table in `path`.

    Raises:
        InputError: it is missing, or is no such table.
    """
    try:
        # as text: a digest may look like a number
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        return table[[*TRUTH, "predicted"]].astype({"group": int})
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no table of a package's test: {error}") from None
