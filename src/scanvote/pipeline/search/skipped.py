"""Empty results for a family that is not in `search.families`.

DVC runs the stage for every family of the matrix and expects its outputs.
"""

from pathlib import Path

import pandas as pd

from scanvote.core.files import write_csv

_TABLES = {
    "trials": ["rank", "trial", "problem"],
    "curves": ["epoch"],
    "predictions": ["model", "scan_id", "split", "label", "predicted"],
}


def write_empty_search(out: Path) -> dict[str, float]:
    """Write the tables of a search without rows; return its metrics."""
    for name, columns in _TABLES.items():
        write_csv(pd.DataFrame(columns=columns), out / f"{name}.csv")
    return {"trials": 0}
