"""What the tests of the report share."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import pytest

from scanvote.params import Params
from scanvote.pipeline.report.claim import claim
from scanvote.pipeline.report.page import page
from scanvote.pipeline.report.report_data import ReportData, read_report_data
from tests.unit.pipeline.report.making import repository
from tests.unit.pipeline.report.reading import Page


@dataclass(frozen=True)
class Finished:
    """A repository that all stages have run in, and what is written of it; only to be read."""

    root: Path

    @cached_property
    def data(self) -> ReportData:
        return read_report_data(self.root)

    @cached_property
    def html(self) -> str:
        return page(self.data)

    @cached_property
    def page(self) -> Page:
        return Page(self.html)

    @cached_property
    def claim(self) -> str:
        return claim(self.data)


@pytest.fixture
def make(tmp_path: Path, params: Params) -> Callable[..., Path]:
    """Makes a repository that all stages have run in."""
    return partial(repository, tmp_path / "repository", params)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, params: Params) -> Finished:
    return Finished(repository(tmp_path_factory.mktemp("finished") / "repository", params))
