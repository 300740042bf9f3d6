"""inflation: one small classifier under each protocol of splitting, side by side."""

from pathlib import Path

from scanvote import tracking
from scanvote.core.backend import use_backend
from scanvote.core.files import mirror_folder
from scanvote.core.metrics_file import HEADLINES, write_figures
from scanvote.core.terminal import run_stage
from scanvote.params import load_params
from scanvote.pipeline.inflation.stage import inflation
from scanvote.plots.canvas import mark_smoke


def main(raw: Path, deduplicated: Path, out: Path, metrics: Path) -> None:
    """Measure on the scans in RAW, listed in DEDUPLICATED, what leaks would add."""
    params = load_params()
    mark_smoke(params.smoke)
    if params.inflation.backbone is not None:
        use_backend(params.backend)
    with tracking.stage_run(
        "inflation",
        params=params,
        sections=("seed", "inflation"),
        inputs=[raw, deduplicated],
    ) as run:
        mirror = mirror_folder(params.download.mirror)
        result = inflation(raw, deduplicated, params.inflation, params.seed, out, mirror)
        write_figures(metrics, result, HEADLINES["inflation"])
        run.log_metrics(result)
        run.log_folder(out)


if __name__ == "__main__":
    run_stage(main)
