"""baseline: mark the tumours of the segmentation task without learning."""

from pathlib import Path

from scanvote import tracking
from scanvote.core.metrics_file import HEADLINES, write_figures
from scanvote.core.terminal import run_stage
from scanvote.params import load_params
from scanvote.pipeline.baseline.stage import find_bright_regions


def main(prepared: Path, out: Path, metrics: Path) -> None:
    """Choose the way on the validation split of PREPARED, and write its masks to OUT."""
    params = load_params()
    with tracking.stage_run(
        "baseline", params=params, sections=("baseline",), inputs=[prepared]
    ) as run:
        result = find_bright_regions(prepared, params, out)
        write_figures(metrics, result, HEADLINES["baseline"])
        run.log_metrics(result)
        run.log_folder(out, patterns=("*.csv",))


if __name__ == "__main__":
    run_stage(main)
