"""The report of a run: a page for a reviewer, and a CLAIM checklist.

Everything is of the files that the stages left; what they do not tell is "not reported".
"""

from pathlib import Path

from scanvote.core.files import write_text
from scanvote.pipeline.report.claim import claim
from scanvote.pipeline.report.page import page
from scanvote.pipeline.report.report_data import read_report_data


def write_report(root: Path, html: Path, checklist: Path) -> None:
    """Write the page and the checklist of what lies below `root`.

    Args:
        root: of the repository, with ``params.yaml``, ``data/``, ``models/`` and ``metrics/``.
        html: the page, one self-contained file.
        checklist: Markdown.

    Raises:
        InputError: params.yaml is missing or wrong, or the scans are of other data sets.
    """
    facts = read_report_data(root)
    write_text(html, page(facts))
    write_text(checklist, claim(facts))
