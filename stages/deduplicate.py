"""deduplicate: find the scans that are one and the same, and those that are relatives."""

from pathlib import Path

from scanvote.core.terminal import run_stage
from scanvote.params import Task
from scanvote.pipeline.deduplicate.stage import deduplicate
from scanvote.tracking.stage import open_stage


def main(task: Task, raw: Path, overrule: Path, patients: Path, out: Path, metrics: Path) -> None:
    """Judge the scans of RAW, with what OVERRULE decides and PATIENTS tells, and write OUT."""
    with open_stage("deduplicate", task, inputs=[raw, overrule, patients]) as stage:
        result = deduplicate(raw, stage.params.deduplicate, overrule, patients, out)
        stage.finish(result, metrics, out)


if __name__ == "__main__":
    run_stage(main)
