"""What the tests of the report share."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from scanvote.params import Params
from tests.unit.pipeline.report.making import repository


@pytest.fixture
def make(tmp_path: Path, params: Params) -> Callable[..., Path]:
    """Makes a repository that all stages have run in."""
    return partial(repository, tmp_path / "repository", params)
