"""Outputs of a stage whose task is not part of the study, such as ``segmentation.dataset: null``.

DVC runs every stage of dvc.yaml and expects its outputs. A folder of a task that is left out holds
`MARKER` alone, and the stages that follow see it there.
"""

from pathlib import Path

from scanvote.core.files import write_text
from scanvote.params import Task

MARKER = "left_out.txt"


def is_left_out(folder: Path) -> bool:
    """Tell if the output folder of a stage is that of a task that is left out."""
    return (folder / MARKER).is_file()


def write_left_out(task: Task, out: Path) -> dict[str, float]:
    """Write the marker to `out`; return the metrics of the stage, none."""
    write_text(out / MARKER, f"{task}.dataset is null: the task is not part of this study\n")
    return {}
