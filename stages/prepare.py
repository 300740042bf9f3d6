"""prepare: split, crop, resize, augment and pickle the scans that are kept."""

from pathlib import Path

from scanvote import tracking
from scanvote.core.metrics_file import HEADLINES, write_figures
from scanvote.core.terminal import run_stage
from scanvote.params import Task, load_params
from scanvote.pipeline.prepare.stage import prepare
from scanvote.plots.canvas import mark_smoke


def main(task: Task, raw: Path, deduplicated: Path, out: Path, metrics: Path) -> None:
    """Write the shards of the scans in RAW that DEDUPLICATED keeps to OUT."""
    params = load_params()
    mark_smoke(params.smoke)
    with tracking.stage_run(
        "prepare",
        item=task,
        params=params,
        sections=("seed", "split", "prepare"),
        inputs=[raw, deduplicated],
    ) as run:
        result = prepare(task, raw, deduplicated, params, out)
        write_figures(metrics, result, HEADLINES["prepare"])
        run.log_metrics(result)
        run.log_folder(out, patterns=("*.csv", "*.png"))


if __name__ == "__main__":
    run_stage(main)
