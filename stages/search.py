"""search: Keras Tuner over the grid of a family: ann, cnn, transfer or published."""

from pathlib import Path

from scanvote import tracking
from scanvote.core.backend import use_backend
from scanvote.core.metrics_file import HEADLINES, write_figures
from scanvote.core.terminal import run_stage
from scanvote.params import Family, load_params
from scanvote.pipeline.search.skipped import skip_family
from scanvote.plots.canvas import mark_smoke


def main(family: Family, prepared: Path, out: Path, metrics: Path) -> None:
    """Train the trials of FAMILY on PREPARED, and keep the best in OUT."""
    params = load_params()
    if family not in params.search.families:
        write_figures(metrics, skip_family(out), HEADLINES["search"])
        return
    mark_smoke(params.smoke)
    use_backend(params.backend)
    from scanvote.pipeline.search.stage import search  # imports Keras, which reads the backend once

    with tracking.stage_run(
        "search",
        item=family,
        params=params,
        sections=("lr", "seed", "backend", "search", family),
        inputs=[prepared],
        system_metrics=True,
    ) as run:
        result = search(family, prepared, params, out, run.trial)
        write_figures(metrics, result, HEADLINES["search"])
        run.log_metrics(result)
        run.log_folder(out, patterns=("*.csv", "*.png"))
        run.log_model(out / "1.keras", name=family)


if __name__ == "__main__":
    run_stage(main)
