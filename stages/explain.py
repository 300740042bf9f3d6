"""explain: what the vote and its members look at, and how much of it is in a known lesion."""

from pathlib import Path

from scanvote import tracking
from scanvote.core.backend import use_backend
from scanvote.core.metrics_file import HEADLINES, write_figures
from scanvote.core.terminal import run_stage
from scanvote.params import load_params
from scanvote.plots.canvas import mark_smoke


def main(
    searches: Path, ensemble: Path, raw: Path, prepared: Path, out: Path, metrics: Path
) -> None:
    """Explain the vote of ENSEMBLE and its members in SEARCHES on test scans of PREPARED."""
    params = load_params()
    mark_smoke(params.smoke)
    use_backend(params.backend)
    from scanvote.pipeline.explain.stage import (
        explain,  # imports Keras, which reads the backend once
    )

    with tracking.stage_run(
        "explain",
        params=params,
        sections=("smoke", "seed", "backend", "explain"),
        inputs=[searches, ensemble, raw, prepared],
    ) as run:
        result = explain(searches, ensemble, raw, prepared, params, out)
        write_figures(metrics, result, HEADLINES["explain"])
        run.log_metrics(result)
        run.log_folder(out, patterns=("*.csv", "*.png"))


if __name__ == "__main__":
    run_stage(main)
