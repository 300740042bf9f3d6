"""What a family leaves that is not searched: every stage of the matrix runs, at no cost."""

from pathlib import Path

import pandas as pd

from scanvote.core.files import write_csv

_TABLES = {
    "trials": ["rank", "trial", "problem"],
    "curves": ["epoch"],
    "predictions": ["model", "scan_id", "split", "label", "predicted"],
}


def write_empty_search(out: Path) -> dict[str, float]:
    """Write the tables of a search to `out`, without a row; its metrics."""
    for name, columns in _TABLES.items():
        write_csv(pd.DataFrame(columns=columns), out / f"{name}.csv")
    return {"trials": 0}
