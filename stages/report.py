"""report: one page for a reviewer and a CLAIM checklist, of all that is known."""

from pathlib import Path

from scanvote import tracking
from scanvote.headline import read_headlines
from scanvote.params import load_params
from scanvote.report import write_report
from scanvote.terminal import run_stage


def main(html: Path, checklist: Path) -> None:
    """Write the page HTML and the CHECKLIST from what the other stages left."""
    with tracking.stage_run("report", params=load_params()) as run:
        write_report(Path(), html, checklist)
        for path in (html, checklist):
            run.log_file(path)
        run.log_on_parent(read_headlines(), [html, checklist])


if __name__ == "__main__":
    run_stage(main)
