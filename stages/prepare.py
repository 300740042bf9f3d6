"""Stage `prepare`: split, crop, resize, augment and pickle the scans."""

from pathlib import Path

from scanvote.core.terminal import run_stage
from scanvote.params import Task
from scanvote.pipeline.left_out import leave_out_as
from scanvote.pipeline.prepare.stage import prepare
from scanvote.tracking.stage import open_stage


def main(task: Task, raw: Path, deduplicated: Path, out: Path, metrics_path: Path) -> None:
    """Prepare the scans in RAW that DEDUPLICATED keeps; write shards to OUT."""
    if leave_out_as(raw, task, out, metrics_path):
        return
    with open_stage("prepare", task, inputs=[raw, deduplicated]) as stage:
        metrics = prepare(task, raw, deduplicated, stage.params, out)
        stage.finish(metrics, metrics_path, out, ["*.csv", "*.png"])


if __name__ == "__main__":
    run_stage(main)
