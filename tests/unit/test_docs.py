"""The pages: links that lead somewhere, and what each has to say. No network, no site."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from docs.generated import sample_report_path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "benchmarks").glob("*.md"),
        *(one for one in ROOT.glob("docs/**/*.md") if "_site" not in one.parts),
    ]
)
OWN = [page for page in PAGES if page.parent.name != "benchmarks"]
GENERATED = "<!-- generated: "
"""Begins a line in whose place the site has headings that are made from the code."""

EXAMPLES = {"src/scanvote/models/vgg.py", "src/scanvote/datasets/toy_knees.py"}
"""Files that a reader of a how-to page is told to write."""
"""Made by the move of the stages into folders; then this set goes."""

_FENCED = re.compile(r"^ *(`{3,}).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def text(page: Path) -> str:
    """Without blocks of code."""
    return _FENCED.sub("", page.read_text())


@cache
def anchors(page: Path) -> set[str]:
    """Of the headings, as a forge and MyST name them."""
    titles = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", one) for one in _HEADING.findall(text(page)))
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in titles}


def links(page: Path) -> Iterator[str]:
    for target in _LINK.findall(re.sub(r"`[^`\n]*`", "", text(page))):
        if not re.match(r"[a-z]+:", target):
            yield target


def broken(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not (target.exists() and target.is_relative_to(ROOT)):
        return True
    return bool(anchor) and anchor not in anchors(target) and GENERATED not in target.read_text()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files_and_headings_of_the_repository(page: Path) -> None:
    assert [link for link in links(page) if broken(page, link)] == []


@pytest.mark.parametrize("page", OWN, ids=name)
def test_a_page_says_that_it_is_for_research_only(page: Path) -> None:
    assert "research use, not for diagnosis" in page.read_text().lower()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_names_no_place_of_one_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w.])/(work|root|home)/|\.\./shared|/simple/", page.read_text())


@pytest.mark.parametrize("page", OWN, ids=name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = re.findall(r"`((?:src|tests|stages|benchmarks|docs|recipes)/[\w./-]+)`", text(page))
    missing = {path for path in named if not (ROOT / path).exists()}
    assert missing <= EXAMPLES | {"docs/_site", "recipes/NAME.yaml"}


def test_every_page_is_in_the_contents_of_the_site() -> None:
    listed = (ROOT / "docs/index.md").read_text().splitlines()
    pages = [one.relative_to(ROOT / "docs").with_suffix("") for one in OWN if "docs" in one.parts]
    assert {one.as_posix() for one in pages} - {"index"} <= set(listed)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_a_broken_link_is_found() -> None:
    here = ROOT / "README.md"
    assert broken(here, "docs/none.md")
    assert broken(here, "#no-such-heading")
    assert broken(here, "docs/results.md#no-such-heading")
    assert broken(here, "../elsewhere.md")
    assert not broken(here, "docs/results.md#the-phantom")


@pytest.mark.parametrize(
    ("title", "is_sample"),
    [
        ("scanvote: classification on phantom; segmentation on phantom", True),
        ("scanvote: classification on phantom; segmentation on /data/study", False),
        (None, False),
    ],
)
def test_only_a_report_of_the_phantom_is_the_sample(
    tmp_path: Path, title: str | None, is_sample: bool
) -> None:
    """A report of somebody's patients does not become a page of the site."""
    report = tmp_path / "report.html"
    if title:
        report.write_text(f"<head><title>{title}</title></head>")
    assert (sample_report_path(report) is not None) == is_sample
