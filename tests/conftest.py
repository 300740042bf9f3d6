"""The order of the tests, and what makes all of them faster."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

LONG = (
    "pipeline/test_pipeline.py",
    "pipeline/test_faults.py",
    "pipeline/test_own_data.py",
    "pipeline/test_mlflow_server.py",
    "unit/models",
    "unit/tuning",
    "unit/pipeline/search",
    "unit/pipeline/unet",
    "unit/pipeline/package",
    "unit/pipeline/explain",
    "unit/tracking",
    "unit/serving",
    "browser",
    "unit/commands",
    "unit/datasets/user_data",
)
"""Files and folders of minutes, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first, so that the processes of pytest-xdist end together."""
    items.sort(key=lambda item: _place(item.path.relative_to(Path(__file__).parent)))


def _place(path: Path) -> int:
    own = [place for place, long in enumerate(LONG) if path.is_relative_to(long)]
    return own[0] if own else len(LONG)


@pytest.fixture(scope="module", autouse=True)
def _imports_are_no_garbage() -> Iterator[None]:
    """Keras collects garbage before each training: among a million objects that stay."""
    gc.freeze()
    yield
    gc.unfreeze()
