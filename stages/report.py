"""report: one page for a reviewer and a CLAIM checklist, of all that is known."""

from pathlib import Path

from scanvote.core.metrics_file import read_headlines
from scanvote.core.terminal import run_stage
from scanvote.pipeline.report.stage import write_report
from scanvote.tracking.stage import open_stage


def main(html: Path, checklist: Path) -> None:
    """Write the page HTML and the CHECKLIST from what the other stages left."""
    written = [html, checklist]
    with open_stage("report") as stage:
        write_report(Path(), *written)
        for path in written:
            stage.run.log_file(path)
        stage.run.log_on_parent(read_headlines(), written)


if __name__ == "__main__":
    run_stage(main)
