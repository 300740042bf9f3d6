"""Stage `sources`: notice that the user's own folders and tables have changed."""

from pathlib import Path

from scanvote.core.terminal import run_stage
from scanvote.params import load_params
from scanvote.pipeline.sources.stage import sources


def main(taken: Path, out: Path) -> None:
    """Write a digest of the own data of each task to OUT; say what differs from TAKEN."""
    # no run in MLflow: it looks only, and does so before every experiment
    sources(load_params(), taken, out)


if __name__ == "__main__":
    run_stage(main)
