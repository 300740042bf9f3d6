"""Stage `baseline`: segment tumours without learning."""

from pathlib import Path

from scanvote.core.terminal import run_stage
from scanvote.pipeline.baseline.stage import find_bright_regions
from scanvote.pipeline.left_out import leave_out_as
from scanvote.tracking.stage import open_stage


def main(prepared: Path, out: Path, metrics_path: Path) -> None:
    """Choose the best rule on PREPARED's validation scans; write masks to OUT."""
    if leave_out_as(prepared, "segmentation", out, metrics_path):
        return
    with open_stage("baseline", inputs=[prepared]) as stage:
        metrics = find_bright_regions(prepared, stage.params, out)
        stage.finish(metrics, metrics_path, out, ["*.csv"])


if __name__ == "__main__":
    run_stage(main)
