"""report: one page for a reviewer, a model card and a CLAIM checklist, of all that is known."""

from pathlib import Path

from scanvote import tracking
from scanvote.core.metrics_file import read_headlines
from scanvote.core.terminal import run_stage
from scanvote.params import load_params
from scanvote.pipeline.report import write_report


def main(html: Path, model_card: Path, checklist: Path) -> None:
    """Write the page HTML, the MODEL_CARD and the CHECKLIST from what the other stages left."""
    with tracking.stage_run("report", params=load_params()) as run:
        write_report(Path(), html, model_card, checklist)
        for path in (html, model_card, checklist):
            run.log_file(path)
        run.log_on_parent(read_headlines(), [html, model_card, checklist])


if __name__ == "__main__":
    run_stage(main)
