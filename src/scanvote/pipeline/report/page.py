"""The page for a sceptical reviewer: its sections in their order, rendered to one HTML file."""

import re
from collections.abc import Sequence
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


def sections(facts: ReportData) -> list[Section]:
    """All sections of the page, in the order in which a reviewer asks."""
    return [
        summary.answer(facts),
        data(facts),
        split.partition(facts),
        search.models(facts),
        results_classes.results_classes(facts),
        results_masks.results_masks(facts),
        galleries.errors(facts),
        galleries.explanations(facts),
        model_package.packaged(facts),
        limits.limits(facts),
        reproduce.reproduce(facts),
    ]


def page(facts: ReportData) -> str:
    """One self-contained HTML page."""
    return rendered("page.html", title(facts), sections(facts), facts.params.smoke)


def title(facts: ReportData) -> str:
    """Of the tasks and their data sets."""
    told = [
        f"{task} on {', '.join(sorted(set(known.scans['source'])))}"
        for task, known in facts.known.items()
    ]
    return f"scanvote: {'; '.join(told) or 'no data'}"


def rendered(
    template: str, title: str, parts: Sequence[Section], smoke: bool, markdown: bool = False
) -> str:
    """The template with these parts; what comes from data is escaped, for HTML or for Markdown."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=not markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"kind": kind, "inline": inline}
    environment.filters |= {"markdown": escaped, "markdown_table": markdown_table}
    return environment.get_template(template).render(
        title=title, sections=parts, smoke=smoke, disclaimer=DISCLAIMER
    )


def kind(block: Block) -> str:
    """The name of the macro that renders a block."""
    return type(block).__name__.lower()


def escaped(words: str) -> str:
    """Words of data as Markdown that shows them as they are: no tag, no line of its own."""
    return " ".join(words.replace("&", "&amp;").replace("<", "&lt;").split())


def markdown_table(block: Table) -> str:
    """With its caption above, if it has one."""
    caption = f"{escaped(block.caption)}\n\n" if block.caption else ""
    rows = [[escaped(cell) for cell in row] for row in block.rows]
    return caption + table([escaped(cell) for cell in block.head], rows)


def inline(words: str) -> Markup:
    """Escaped, with what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(words))))
