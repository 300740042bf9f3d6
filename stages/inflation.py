"""Stage `inflation`: one small classifier, compared across split protocols."""

from pathlib import Path

from scanvote.core.backend import use_backend
from scanvote.core.files import mirror_folder
from scanvote.core.terminal import run_stage
from scanvote.pipeline.inflation.stage import inflation
from scanvote.pipeline.left_out import leave_out_as
from scanvote.tracking.stage import open_stage


def main(raw: Path, deduplicated: Path, out: Path, metrics_path: Path) -> None:
    """Measure the effect of leaks on the scans in RAW and DEDUPLICATED."""
    if leave_out_as(raw, "classification", out, metrics_path):
        return
    with open_stage("inflation", inputs=[raw, deduplicated]) as stage:
        if stage.params.inflation.backbone is not None:
            use_backend(stage.params.backend)
        mirror = mirror_folder(stage.params.download.mirror)
        config, seed = stage.params.inflation, stage.params.seed
        metrics = inflation(raw, deduplicated, config, seed, out, mirror)
        stage.finish(metrics, metrics_path, out)


if __name__ == "__main__":
    run_stage(main)
