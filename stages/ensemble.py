"""Stage `ensemble`: votes of all families' best models, by every rule."""

from pathlib import Path

from scanvote.core.terminal import run_stage
from scanvote.pipeline.ensemble.stage import ensemble
from scanvote.pipeline.left_out import leave_out_as
from scanvote.tracking.stage import open_stage


def main(searches: Path, out: Path, metrics_path: Path) -> None:
    """Combine the best models of SEARCHES by voting; write to OUT."""
    if leave_out_as(searches / "ann", "classification", out, metrics_path):  # as every family
        return
    with open_stage("ensemble", inputs=[searches]) as stage:
        stage.finish(ensemble(searches, stage.params, out), metrics_path, out)


if __name__ == "__main__":
    run_stage(main)
