"""Outputs of a stage whose task is not part of the study, such as ``segmentation.dataset: null``.

DVC runs every stage of dvc.yaml and expects its outputs. A folder of a task that is left out holds
`MARKER` alone, and the stages that follow see it there: they need no param more.
"""

from pathlib import Path

from scanvote.core.files import atomic_replace_folder, write_text
from scanvote.core.metrics_file import write_metrics
from scanvote.core.terminal import print_status
from scanvote.params import Task

MARKER = "left_out.txt"


def is_left_out(folder: Path) -> bool:
    """Tell if the output folder of a stage is that of a task that is left out."""
    return (folder / MARKER).is_file()


def write_left_out(task: Task, out: Path) -> dict[str, float]:
    """Write the marker to `out`; return the metrics of the stage, none."""
    write_text(out / MARKER, f"{task}.dataset is null: the task is not part of this study\n")
    return {}


def leave_out(task: Task, out: Path, metrics_path: Path) -> None:
    """Write the marker as the whole of `out`, and metrics without a row; say so."""
    with atomic_replace_folder(out) as folder:
        metrics = write_left_out(task, folder)
    write_metrics(metrics_path, metrics, {})
    print_status(f"nothing to do: {(out / MARKER).read_text(encoding='utf-8').strip()}")


def leave_out_as(source: Path, task: Task, out: Path, metrics_path: Path) -> bool:
    """Leave `task` out if `source`, a folder of an earlier stage, does; tell if it is left out."""
    left_out = is_left_out(source)
    if left_out:
        leave_out(task, out, metrics_path)
    return left_out
