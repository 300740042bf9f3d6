"""ensemble: the vote of the best models over all families, by every rule."""

from pathlib import Path

from scanvote import tracking
from scanvote.core.metrics_file import HEADLINES, write_figures
from scanvote.core.terminal import run_stage
from scanvote.params import load_params
from scanvote.pipeline.ensemble.stage import ensemble


def main(searches: Path, out: Path, metrics: Path) -> None:
    """Let the best models of SEARCHES vote, and write the votes to OUT."""
    params = load_params()
    with tracking.stage_run(
        "ensemble", params=params, sections=("ensemble",), inputs=[searches]
    ) as run:
        result = ensemble(searches, params, out)
        write_figures(metrics, result, HEADLINES["ensemble"])
        run.log_metrics(result)
        run.log_folder(out)


if __name__ == "__main__":
    run_stage(main)
