"""Stage `report`: an HTML report for reviewers, and a CLAIM checklist."""

from pathlib import Path

from scanvote.core.metrics_file import read_headlines
from scanvote.core.terminal import run_stage
from scanvote.pipeline.report.stage import write_report
from scanvote.tracking.stage import open_stage


def main(html: Path, checklist: Path) -> None:
    """Write the report HTML and the CHECKLIST from all other stages' outputs."""
    written = [html, checklist]
    with open_stage("report") as stage:
        write_report(Path(), *written)
        for path in written:
            stage.run.log_file(path)
        stage.run.log_on_parent(read_headlines(), written)


if __name__ == "__main__":
    run_stage(main)
