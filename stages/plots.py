"""Stage `plots`: the curves, tables and pictures that `dvc plots` shows."""

from pathlib import Path

from scanvote.core.terminal import run_stage
from scanvote.pipeline.plots.stage import gather_plots


def main(out: Path) -> None:
    """Gather what the other stages have left to show, in folders of OUT."""
    gather_plots(Path(), out)


if __name__ == "__main__":
    run_stage(main)
