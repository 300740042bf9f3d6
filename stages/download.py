"""Stage `download`: fetch a task's scans, check them, and write a manifest."""

from pathlib import Path

from scanvote.core.terminal import run_stage
from scanvote.params import Task, load_params
from scanvote.pipeline.download.stage import download
from scanvote.pipeline.left_out import leave_out
from scanvote.tracking.stage import open_stage


def main(task: Task, out: Path, metrics_path: Path) -> None:
    """Generate, extract or fetch the data set of TASK into OUT."""
    if task not in load_params().tasks:
        leave_out(task, out, metrics_path)
        return
    with open_stage("download", task) as stage:
        stage.finish(download(task, stage.params, out), metrics_path, out, ["*.csv"])


if __name__ == "__main__":
    run_stage(main)
