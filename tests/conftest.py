"""The order of the tests."""

from pathlib import Path

import pytest

LONG = (
    "pipeline/test_pipeline.py",
    "pipeline/test_own_data.py",
    "unit/test_training.py",
    "unit/test_search.py",
    "unit/test_unet.py",
    "unit/package",
    "unit/models",
    "unit/test_tuning.py",
    "unit/test_class_bench.py",
    "unit/test_ahead.py",
    "unit/test_tracking.py",
    "unit/serving",
    "browser",
)
"""Files and folders of minutes, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first, so that the processes of pytest-xdist end together."""
    items.sort(key=lambda item: _place(item.path.relative_to(Path(__file__).parent)))


def _place(path: Path) -> int:
    own = [place for place, long in enumerate(LONG) if path.is_relative_to(long)]
    return own[0] if own else len(LONG)
