"""The report of a run: a page for a reviewer, and a CLAIM checklist.

Everything is of the files that the stages left; what they do not tell is "not reported".
"""

from pathlib import Path

from scanvote.files import write_text
from scanvote.report.claim import claim
from scanvote.report.facts import read_facts
from scanvote.report.page import page


def write_report(root: Path, html: Path, checklist: Path) -> None:
    """Write the page and the checklist of what lies below `root`.

    Args:
        root: of the repository, with ``params.yaml``, ``data/``, ``models/`` and ``metrics/``.
        html: the page, one self-contained file.
        checklist: Markdown.

    Raises:
        InputError: params.yaml is missing or wrong, or the scans are of other data sets.
    """
    facts = read_facts(root)
    write_text(html, page(facts))
    write_text(checklist, claim(facts))
