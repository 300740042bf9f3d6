"""Stage `package`: ensemble and U-Net as one model, registered in MLflow."""

from pathlib import Path

import typer

from scanvote.core.backend import use_backend
from scanvote.core.terminal import run_stage
from scanvote.tracking.stage import open_stage


def main(
    searches: Path,
    ensemble: Path,
    unet: Path,
    evaluated: Path,
    raw: Path,
    prepared: Path,
    out: Path,
    metrics_path: Path,
) -> None:
    """Package the members of ENSEMBLE and UNET into OUT, and register it."""
    inputs = (searches, ensemble, unet, evaluated, raw, prepared)
    with open_stage("package", inputs=inputs) as stage:
        use_backend(stage.params.backend)  # before anything imports Keras
        from scanvote.pipeline.package.stage import build_package

        stage.finish(build_package(*inputs, stage.params, out), metrics_path, out, [])
        name = stage.params.package.name
        registered = stage.run.register(out, name, stage.params.seed)
        typer.echo(f"{name}, version {registered.version}: {registered.reason}")


if __name__ == "__main__":
    run_stage(main)
