"""package: the ensemble and the U-Net as one model, in a folder and in MLflow's registry."""

from pathlib import Path

import typer

from scanvote import tracking
from scanvote.core.backend import use_backend
from scanvote.core.metrics_file import HEADLINES, write_figures
from scanvote.core.terminal import run_stage
from scanvote.params import load_params


def main(
    searches: Path,
    ensemble: Path,
    unet: Path,
    raw: Path,
    prepared: Path,
    out: Path,
    metrics: Path,
) -> None:
    """Pack what ENSEMBLE chose of SEARCHES, and UNET, into OUT, and register it."""
    params = load_params()
    use_backend(params.backend)
    from scanvote.pipeline.package.stage import (
        pack,  # loads networks on the backend that was chosen
    )

    with tracking.stage_run(
        "package",
        params=params,
        sections=(
            "smoke",
            "seed",
            "backend",
            "volumes",
            "prepare",
            "explain",
            "evaluate",
            "package",
        ),
        inputs=[searches, ensemble, unet, raw, prepared],
    ) as run:
        result = pack(searches, ensemble, unet, raw, prepared, params, out)
        write_figures(metrics, result, HEADLINES["package"])
        run.log_metrics(result)
        registered = run.register(out, params.package.name, params.seed)
        typer.echo(f"{params.package.name}, version {registered.version}: {registered.reason}")


if __name__ == "__main__":
    run_stage(main)
