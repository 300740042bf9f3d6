"""A comparison of experiments as a file, a row for each experiment and task."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.commands.compare import Comparison, Row, TaskComparison
from scanvote.commands.compare_metrics import Interval
from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.files import write_csv, write_text
from scanvote.metrics.comparisons import rounded_p


def write_comparison(found: Comparison, out: Path) -> None:
    """Write the rows to `out`, a .csv or .json file; what is undefined is empty, or null."""
    rows = [_row(found, task, row) for task in found.tasks for row in (*task.rows, *task.apart)]
    if out.suffix == ".csv":
        write_csv(pd.DataFrame(rows), out)
        return
    text = json.dumps({"note": DISCLAIMER, "rows": rows}, indent=2, ensure_ascii=False)
    write_text(out, text + "\n")


def _row(found: Comparison, task: TaskComparison, row: Row) -> dict[str, object]:
    """Return a flat row of the file: an experiment in one task; None where undefined."""
    tested = row.tested
    values: dict[str, object] = {
        "task": task.task,
        "experiment": row.name,
        "revision": found.experiments[row.name].revision,
        "compared_with": None if row.why or row.name == task.reference else task.reference,
        "not_compared": row.why or None,
        "dataset": tested.dataset if tested else None,
        "test_scans": len(tested.rows) if tested else None,
        "test_groups": int(tested.rows["group"].nunique()) if tested else None,
        "test_patients_known": tested.patients if tested else None,
        "test_scans_patient_known": int(tested.rows["known"].sum()) if tested else None,
    }
    for metric, interval in row.figures.items():
        values |= _ends(metric, interval)
    for one in task.differences:
        if one.name == row.name and not row.why:
            values |= _ends(f"difference_{one.metric}", one.difference)
            for name, p in (("p", one.p), ("p_holm", one.p_holm)):
                values[f"{one.metric}_{name}"] = None if np.isnan(p) else rounded_p(p)
            values[f"{one.metric}_words"] = one.words()
    settings = found.differing_params().items()
    return values | {f"params.{key}": by_name.get(row.name) for key, by_name in settings}


def _ends(name: str, interval: Interval) -> dict[str, object]:
    keys = (name, f"{name}_low", f"{name}_high")
    return dict(zip(keys, map(_plain, interval), strict=True))


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
