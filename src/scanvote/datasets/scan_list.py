"""Read and write ``scans.csv``, a data set's own list of scans.

It serves data sets whose scans are converted, so that no published tree describes them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from scanvote.core.files import write_csv
from scanvote.datasets.base import METADATA_FIELDS, Scan
from scanvote.params import Task

SCAN_LIST = "scans.csv"
IGNORED = "ignored.csv"
"""Name of the table of unused files, with reasons; only some data sets write it."""
_KEYS = ("path", "label", "mask_path", "patient", "series", "case", "source_split")


def write_scan_list(scans: Iterable[Scan], folder: Path) -> None:
    """Write ``scans.csv`` to `folder`: one row per scan, in the given order."""
    rows = [
        [getattr(scan, key) for key in _KEYS]
        + [scan.facts.get(fact, "") for fact in METADATA_FIELDS]
        for scan in scans
    ]
    write_csv(pd.DataFrame(rows, columns=[*_KEYS, *METADATA_FIELDS]), folder / SCAN_LIST)


def read_scan_list(folder: Path, task: Task) -> Iterator[Scan]:
    """Yield the scans of ``scans.csv`` in `folder`, in its order.

    `task` is not used; `DataSet.scans` requires the parameter.
    """
    frame = pd.read_csv(folder / SCAN_LIST, dtype=str, keep_default_na=False, encoding="utf-8")
    for row in frame.to_dict("records"):
        facts = {fact: row[fact] for fact in METADATA_FIELDS if row[fact]}
        yield Scan(**{key: row[key] for key in _KEYS}, facts=facts)
