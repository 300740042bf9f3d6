"""Stage `download`: fetch a task's scans, check them, and write a manifest."""

from pathlib import Path

from scanvote.core.terminal import run_stage
from scanvote.params import Task, load_params
from scanvote.pipeline.download.stage import download
from scanvote.pipeline.left_out import leave_out
from scanvote.pipeline.sources.taken import write_taken
from scanvote.tracking.stage import open_stage


def main(task: Task, out: Path, taken: Path, metrics_path: Path) -> None:
    """Generate, extract or fetch the data set of TASK into OUT; write to TAKEN what it was."""
    if task not in load_params().tasks:
        leave_out(task, out, metrics_path)
        write_taken(task, load_params(), taken)
        return
    with open_stage("download", task) as stage:
        metrics = download(task, stage.params, out)
        write_taken(task, stage.params, taken)
        stage.finish(metrics, metrics_path, out, ["*.csv"])


if __name__ == "__main__":
    run_stage(main)
