"""Read and write ``scans.csv``, a data set's own list of scans.

It serves data sets whose scans are converted, so that no published tree describes them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from scanvote.core.files import write_csv
from scanvote.datasets.base import METADATA_FIELDS, Scan
from scanvote.params import Task

SCAN_LIST = "scans.csv"
IGNORED = "ignored.csv"
"""Name of the table of unused files, with reasons; only some data sets write it."""
FINDINGS = "findings.csv"
"""Name of the table of what is odd in the files; only if there is anything."""
_KEYS = ("path", "label", "mask_path", "patient", "series", "case", "source_split")


@dataclass(frozen=True)
class Finding:
    """What is odd in a file, or, without `name`, in a set.

    `kind` is one of ``scanvote.pipeline.download.integrity.RULES``.
    """

    kind: str
    name: str
    detail: str


def write_findings(findings: Iterable[Finding], folder: Path) -> None:
    """Write ``findings.csv`` to `folder`, if there are any."""
    import pandas as pd  # slow to import; the stage `sources` writes none

    rows = [astuple(one) for one in findings]
    if rows:
        write_csv(pd.DataFrame(rows, columns=["kind", "name", "detail"]), folder / FINDINGS)


def read_findings(folder: Path) -> list[Finding]:
    """Read ``findings.csv`` in `folder`; empty without that table."""
    import pandas as pd

    if not (folder / FINDINGS).is_file():
        return []
    frame = pd.read_csv(folder / FINDINGS, dtype=str, keep_default_na=False, encoding="utf-8")
    return [Finding(**{str(key): row[key] for key in row}) for row in frame.to_dict("records")]


def write_scan_list(scans: Iterable[Scan], folder: Path) -> None:
    """Write ``scans.csv`` to `folder`: one row per scan, in the given order."""
    import pandas as pd

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
    import pandas as pd

    frame = pd.read_csv(folder / SCAN_LIST, dtype=str, keep_default_na=False, encoding="utf-8")
    for row in frame.to_dict("records"):
        facts = {fact: row[fact] for fact in METADATA_FIELDS if row[fact]}
        yield Scan(**{key: row[key] for key in _KEYS}, facts=facts)
