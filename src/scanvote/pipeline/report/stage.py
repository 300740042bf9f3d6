"""The stage `report`: an HTML page for reviewers and a CLAIM checklist.

All content comes from the files of the stages; what these do not hold is "not reported".
"""

from pathlib import Path

from scanvote.core.files import write_text
from scanvote.pipeline.report.claim import claim
from scanvote.pipeline.report.page import page
from scanvote.pipeline.report.report_data import read_report_data


def write_report(root: Path, html: Path, checklist: Path) -> None:
    """Write the page and the checklist of the run below `root`.

    Args:
        root: the root of the repository, with ``params.yaml``, ``data/``, ``models/`` and
            ``metrics/``.
        html: path of the page, one self-contained file.
        checklist: path of the checklist, in Markdown.

    Raises:
        InputError: params.yaml is missing or wrong, or names other data sets than the scans are of.
    """
    report = read_report_data(root)
    write_text(html, page(report))
    write_text(checklist, claim(report))
