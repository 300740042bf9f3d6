"""deduplicate: find the scans that are one and the same, and those that are relatives."""

from pathlib import Path

from scanvote import tracking
from scanvote.core.metrics_file import HEADLINES, write_figures
from scanvote.core.terminal import run_stage
from scanvote.params import Task, load_params
from scanvote.pipeline.deduplicate.stage import deduplicate
from scanvote.plots.canvas import mark_smoke


def main(task: Task, raw: Path, overrule: Path, patients: Path, out: Path, metrics: Path) -> None:
    """Judge the scans of RAW, with what OVERRULE decides and PATIENTS tells, and write OUT."""
    params = load_params()
    mark_smoke(params.smoke)
    with tracking.stage_run(
        "deduplicate",
        item=task,
        params=params,
        sections=("deduplicate",),
        inputs=[raw, overrule, patients],
    ) as run:
        result = deduplicate(raw, params.deduplicate, overrule, patients, out)
        write_figures(metrics, result, HEADLINES["deduplicate"])
        run.log_metrics(result)
        run.log_folder(out)


if __name__ == "__main__":
    run_stage(main)
