"""unet: train the U-Net on the segmentation task, and write its masks."""

from pathlib import Path

from scanvote import tracking
from scanvote.core.backend import use_backend
from scanvote.core.metrics_file import HEADLINES, write_figures
from scanvote.core.terminal import run_stage
from scanvote.params import load_params
from scanvote.plots.canvas import mark_smoke


def main(prepared: Path, out: Path, metrics: Path) -> None:
    """Train on PREPARED, and keep the best epoch and its predictions in OUT."""
    params = load_params()
    mark_smoke(params.smoke)
    use_backend(params.backend)
    from scanvote.pipeline.unet.stage import (
        train_unet,  # imports Keras, which reads the backend once
    )

    with tracking.stage_run(
        "unet",
        params=params,
        sections=("lr", "seed", "backend", "unet"),
        inputs=[prepared],
        system_metrics=True,
    ) as run:
        result = train_unet(prepared, params, out, run.trial)
        write_figures(metrics, result, HEADLINES["unet"])
        run.log_metrics(result)
        run.log_folder(out, patterns=("*.csv", "*.png", "*.json"))
        for path in sorted(out.glob("*.keras")):
            run.log_model(path, name=f"unet-{path.stem}")


if __name__ == "__main__":
    run_stage(main)
