"""Predictions for the test scans, in a table without names.

``test.csv`` has a row for each scan. Of a vote: `scan`, the sha256 of its file; `label`; `group`, a
number that only shows which scans belong together; `predicted`. Of masks, if the package has no
classifiers: `scan`; `marked`, the pixels of the true mask in the file; `group`; and, in pixels of
the prepared slice, `overlap`, `predicted` and `truth`. The same scans, truths and groups give the
same rows in the same order, whatever the names of scans and patients.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.core.digests import digest
from scanvote.core.errors import InputError
from scanvote.manifest import owners
from scanvote.metrics.segmentation import count_pixels
from scanvote.predictions import decode_mask

VOTE_TRUTH, MASK_TRUTH = ["scan", "label", "group"], ["scan", "marked", "group"]
COUNTS = ["overlap", "predicted", "truth"]


def reference_votes(vote: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
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
    return _anonymous(table, [*VOTE_TRUTH, "predicted"])


def reference_masks(masks: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """Return the table of masks, grouped by patient.

    Args:
        masks: rows of the test split, as in `scanvote.predictions`.
        manifest: of `prepare`, with `sha256`, `mask_pixels` and `patient`.
    """
    rows = manifest.assign(owner=owners(manifest)).set_index("scan_id").loc[masks["scan_id"]]
    columns = (masks[name].tolist() for name in ("predicted", "truth", "height", "width"))
    counts = [
        count_pixels(*(decode_mask(code, height, width) for code in (predicted, truth)))
        for predicted, truth, height, width in zip(*columns, strict=True)
    ]
    table = pd.DataFrame(
        {
            "scan": rows["sha256"].to_numpy(),
            "marked": rows["mask_pixels"].to_numpy(),
            "group": rows["owner"].to_numpy(),
            **dict(zip(COUNTS, np.array(counts, int).reshape(-1, 3).T, strict=True)),
        }
    )
    return _anonymous(table, [*MASK_TRUTH, *COUNTS])


def _anonymous(table: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """Number the groups by their scans, and sort the rows.

    Names decide only between equal groups.
    """
    values = [name for name in order if name != "group"]
    members = {
        group: sorted(zip(*(rows[name] for name in values), strict=True))
        for group, rows in table.groupby("group")
    }
    ordered = sorted(members, key=lambda group: (members[group], str(group)))
    numbers = {group: number for number, group in enumerate(ordered)}
    return table.assign(group=table["group"].map(numbers)).sort_values(order, ignore_index=True)


def is_of_masks(table: pd.DataFrame) -> bool:
    """Tell if a table is of masks, not of a vote."""
    return "marked" in table


def digest_of(table: pd.DataFrame) -> str:
    """Return a digest of the scans, their classes or masks, and groups.

    Predictions do not change it.
    """
    truth = MASK_TRUTH if is_of_masks(table) else VOTE_TRUTH
    return digest(table[truth].to_numpy().tolist())


def read_reference_outputs(path: Path) -> pd.DataFrame:
    """Read the table in `path`.

    Raises:
        InputError: it is missing, or is no such table.
    """
    try:
        # as text: a digest may look like a number
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if is_of_masks(table):
            whole = ["marked", "group", *COUNTS]
            return table[[*MASK_TRUTH, *COUNTS]].astype(dict.fromkeys(whole, int))
        return table[[*VOTE_TRUTH, "predicted"]].astype({"group": int})
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no table of a package's test: {error}") from None
