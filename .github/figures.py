"""The figures of the last `dvc repro` in Markdown, for a request: `figures.py BASE`.

First `dvc metrics diff` against the revision BASE, then the report's main figures, each with its
95 % interval.
"""

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

EVALUATED = Path("metrics/evaluate")
SHOWN = {
    "classification": (
        "vote_accuracy",
        "vote_balanced_accuracy",
        "vote_macro_f1",
        "vote_auroc",
        "vote_ece",
        "best_macro_f1",
    ),
    "segmentation": (
        "dice_patient_mean",
        "dice_patient_median",
        "dice_slice_mean",
        "baseline_dice_patient_mean",
    ),
}


def figures(task: str) -> Iterator[dict[str, str]]:
    with (EVALUATED / f"{task}.csv").open(newline="") as file:
        rows = {row["figure"]: row for row in csv.DictReader(file)}
    return (rows[name] for name in SHOWN[task] if name in rows)


def difference(base: str) -> str:
    words = [sys.executable, "-m", "dvc", "metrics", "diff", "--md", base]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout.strip() or "No metric changed."


def rounded(text: str) -> str:
    return f"{float(text):.3f}" if text else ""


def markdown(base: str) -> Iterator[str]:
    yield f"## Figures of this request\n\nResearch use, not for diagnosis.\n\n{difference(base)}\n"
    yield "| figure | value | 95 % interval |\n|---|---|---|"
    for task in SHOWN:
        for row in figures(task):
            low, high = rounded(row["low"]), rounded(row["high"])
            interval = f"{low} to {high}" if low else ""
            yield f"| {task}: `{row['figure']}` | {rounded(row['value'])} | {interval} |"
    yield "\nThe whole report is among the artifacts of the job: `metrics/report.html`."


if __name__ == "__main__":
    print("\n".join(markdown(sys.argv[1])))
