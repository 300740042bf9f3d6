"""The page for reviewers: all sections, rendered to one HTML file."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.pipeline.report import (
    galleries,
    limits,
    model_package,
    reproduce,
    results_classes,
    results_masks,
    search,
    split,
    summary,
)
from scanvote.pipeline.report.blocks import Block, Section, Table
from scanvote.pipeline.report.data import data
from scanvote.pipeline.report.data_card.tables import table
from scanvote.pipeline.report.report_data import ReportData

TEMPLATES = Path(__file__).parent / "templates"
_CODE = re.compile(r"`([^`]+)`")
_INTERVAL = re.compile(r" (\([^()]*\d[^()]*\))$")


def sections(report: ReportData) -> list[Section]:
    """Return the sections on the tasks of the study, in a reviewer's order of questions."""
    classes, masks = (report.studies(one) for one in ("classification", "segmentation"))
    parts: list[tuple[Callable[[ReportData], Section], bool]] = [
        (summary.answer, True),
        (data, True),
        (split.splits, True),
        (search.models, True),
        (results_classes.results_classes, classes),
        (results_masks.results_masks, masks),
        (galleries.errors, True),
        (galleries.explanations, classes),
        (model_package.packaged, True),
        (limits.limits, True),
        (reproduce.reproduce, True),
    ]
    return [section(report) for section, is_studied in parts if is_studied]


def page(report: ReportData) -> str:
    """Return the report as one self-contained HTML page."""
    return rendered("page.html", title(report), sections(report), report.params.smoke)


def title(report: ReportData) -> str:
    """Return the title: the tasks with their data sets."""
    tasks = [
        f"{task} on {', '.join(sorted(set(one.scans['source'])))}"
        for task, one in report.tasks.items()
    ]
    return f"scanvote: {'; '.join(tasks) or 'no data'}"


def rendered(
    template: str, title: str, sections: Sequence[Section], smoke: bool, markdown: bool = False
) -> str:
    """Render a template, and escape words of data for HTML or Markdown."""
    return (
        environment(markdown)
        .get_template(template)
        .render(title=title, sections=sections, smoke=smoke, disclaimer=DISCLAIMER)
    )


@cache
def environment(markdown: bool) -> Environment:
    """Return the compiled templates, with their filters."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=not markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"kind": kind, "inline": inline, "cell": cell}
    found.filters |= {"markdown": escaped, "markdown_table": markdown_table}
    return found


def kind(block: Block) -> str:
    """Return the name of the template macro that renders a block."""
    return type(block).__name__.lower()


def escaped(words: str) -> str:
    """Escape words of data for Markdown: no tags and no line breaks."""
    return " ".join(words.replace("&", "&amp;").replace("<", "&lt;").split())


def markdown_table(block: Table) -> str:
    """Return a table as Markdown, below its caption if it has one."""
    caption = f"{escaped(block.caption)}\n\n" if block.caption else ""
    rows = [[escaped(cell) for cell in row] for row in block.rows]
    return caption + table([escaped(cell) for cell in block.head], rows)


def inline(words: str) -> Markup:
    """Escape words for HTML, and mark text between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(words))))


def cell(words: str) -> Markup:
    """Escape a number for HTML, so that lines break before its interval, not within."""
    return Markup(_INTERVAL.sub(r' <span class="interval">\1</span>', str(escape(words))))
