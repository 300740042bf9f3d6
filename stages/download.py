"""download: bring a task's scans here, check every one, and list them in a manifest."""

from pathlib import Path

from scanvote import tracking
from scanvote.core.metrics_file import HEADLINES, write_figures
from scanvote.core.terminal import run_stage
from scanvote.params import Task, load_params
from scanvote.pipeline.download.stage import download


def main(task: Task, out: Path, metrics: Path) -> None:
    """Generate, extract or fetch the data set of TASK into OUT."""
    params = load_params()
    sections = ("seed", task, "download", "volumes", "ixi", "phantom")
    with tracking.stage_run("download", item=task, params=params, sections=sections) as run:
        result = download(task, params, out)
        write_figures(metrics, result, HEADLINES["download"])
        run.log_metrics(result)
        run.log_folder(out, patterns=("*.csv",))


if __name__ == "__main__":
    run_stage(main)
