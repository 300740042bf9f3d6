"""Stage `unet`: train the U-Net, and write its masks."""

from pathlib import Path

from scanvote.core.backend import use_backend
from scanvote.core.terminal import run_stage
from scanvote.pipeline.left_out import leave_out_as
from scanvote.tracking.stage import open_stage


def main(prepared: Path, out: Path, metrics_path: Path) -> None:
    """Train on PREPARED; write the best models and their predictions to OUT."""
    if leave_out_as(prepared, "segmentation", out, metrics_path):
        return
    with open_stage("unet", inputs=[prepared], system_metrics=True) as stage:
        use_backend(stage.params.backend)  # before anything imports Keras
        from scanvote.pipeline.unet.stage import train_unet

        metrics = train_unet(prepared, stage.params, out, stage.run.trial)
        stage.finish(metrics, metrics_path, out, ["*.csv", "*.png", "*.json"])
        for path in sorted(out.glob("*.keras")):
            stage.run.log_model(path, name=f"unet-{path.stem}")


if __name__ == "__main__":
    run_stage(main)
