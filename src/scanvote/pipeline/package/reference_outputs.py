"""What a package said of its test scans: a table in which nobody is named.

``test.csv`` has a row a scan: `scan`, the sha256 of its file; `label`; `group`, a number that only
tells which scans belong together; `predicted`. The same scans, classes and groups are the same
rows in the same order, whatever scans and patients are called.
"""

from pathlib import Path

import pandas as pd

from scanvote.core.digests import digest
from scanvote.core.errors import InputError

TRUTH = ["scan", "label", "group"]


def write_reference_outputs(vote: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """The table of a vote.

    Args:
        vote: its rows of the test split, as `scanvote.predictions` has them.
        manifest: of `prepare`, with `sha256` and `group`.
    """
    known = manifest.set_index("scan_id").loc[vote["scan_id"]]
    table = pd.DataFrame(
        {
            "scan": known["sha256"].to_numpy(),
            "label": vote["label"].to_numpy(),
            "group": known["group"].to_numpy(),
            "predicted": vote["predicted"].to_numpy(),
        }
    )
    table["group"] = table["group"].map(_numbers(table))
    return table.sort_values([*TRUTH, "predicted"], ignore_index=True)


def _numbers(table: pd.DataFrame) -> dict[object, int]:
    """Of each group, by its scans and their classes: of names only between equal groups."""
    members = {
        group: sorted(zip(rows["scan"], rows["label"], rows["predicted"], strict=True))
        for group, rows in table.groupby("group")
    }
    ordered = sorted(members, key=lambda group: (members[group], str(group)))
    return {group: number for number, group in enumerate(ordered)}


def digest_of(table: pd.DataFrame) -> str:
    """Of the scans, their classes and groups, not of what was predicted."""
    return digest(table[TRUTH].to_numpy().tolist())


def read_reference_outputs(path: Path) -> pd.DataFrame:
    """The table in `path`.

    Raises:
        InputError: it is missing, or no such table.
    """
    try:
        # as text: a digest may look like a number
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        return table[[*TRUTH, "predicted"]].astype({"group": int})
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no table of a package's test: {error}") from None
