"""Stage `deduplicate`: find duplicate scans, and suspected scans of one patient."""

from pathlib import Path

from scanvote.core.terminal import run_stage
from scanvote.params import Task
from scanvote.pipeline.deduplicate.stage import deduplicate
from scanvote.tracking.stage import open_stage


def main(task: Task, raw: Path, overrule: Path, patients: Path, out: Path, metrics: Path) -> None:
    """Mark duplicates and relatives among the scans of RAW, and write OUT.

    OVERRULE is a table of decisions by hand, PATIENTS one of known patients.
    """
    with open_stage("deduplicate", task, inputs=[raw, overrule, patients]) as stage:
        result = deduplicate(raw, stage.params.deduplicate, overrule, patients, out)
        stage.finish(result, metrics, out)


if __name__ == "__main__":
    run_stage(main)
