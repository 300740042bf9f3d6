"""Sphinx: the pages of docs/ as a site that needs no network. `make docs` builds it."""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generated

project = "scanvote"
author = "the scanvote developers"
copyright = "the scanvote developers. Apache-2.0. Research use, not for diagnosis"
version = release = ""
extensions = ["myst_parser"]
exclude_patterns = ["_site"]
nitpicky = True

myst_heading_anchors = 4  # links to headings work as on a forge

html_theme = "furo"
html_title = "scanvote"
html_theme_options = {"announcement": "Research use, not for diagnosis."}
html_copy_source = False
html_show_sphinx = False


def fill(app, page: str, source: list[str]) -> None:
    """What is generated from the code, and paths instead of links to what the site lacks."""
    source[0] = generated.without_outer_links(generated.fill(source[0]), app.env.doc2path(page))


def add_sample_report(app, exception: Exception | None) -> None:
    """The report of the phantom, if it has been made; nothing generated is in the repository."""
    report = generated.sample_report_path()
    if report and not exception:
        shutil.copyfile(report, Path(app.outdir) / "sample-report.html")


def setup(app) -> None:
    app.connect("source-read", fill)
    app.connect("build-finished", add_sample_report)
