"""Stage `deduplicate`: find duplicate scans, and suspected scans of one patient."""

from pathlib import Path

from scanvote.core.terminal import run_stage
from scanvote.params import Task
from scanvote.pipeline.deduplicate.stage import deduplicate
from scanvote.pipeline.left_out import leave_out_as
from scanvote.tracking.stage import open_stage


def main(
    task: Task, raw: Path, overrides: Path, patients: Path, out: Path, metrics_path: Path
) -> None:
    """Mark duplicates and relatives among the scans of RAW, and write OUT.

    OVERRIDES is a table of manual overrides, PATIENTS one of known patients.
    """
    if leave_out_as(raw, task, out, metrics_path):
        return
    with open_stage("deduplicate", task, inputs=[raw, overrides, patients]) as stage:
        metrics = deduplicate(raw, stage.params.deduplicate, overrides, patients, out)
        stage.finish(metrics, metrics_path, out)


if __name__ == "__main__":
    run_stage(main)
