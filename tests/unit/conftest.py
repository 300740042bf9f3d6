"""What the unit tests share: the repository's params.yaml, shrunk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from scanvote.params import Params, load_params

ROOT = Path(__file__).parents[2]

# the same examples in every run: a failure in CI is one on the desk
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def params() -> Params:
    """params.yaml with small arrays, two copies a training scan and LIME by many samples."""
    whole = load_params(ROOT / "params.yaml")
    tiny = {"image_size": 32, "copies": 2}
    tasks = {
        task: getattr(whole.prepare, task).model_copy(update=tiny)
        for task in ("classification", "segmentation")
    }
    prepare = whole.prepare.model_copy(update=tasks)
    explain = whole.explain.model_copy(update={"samples": 300})
    return whole.model_copy(update={"prepare": prepare, "explain": explain})


@contextmanager
def _run_eagerly(wanted: bool) -> Iterator[None]:
    from tensorflow import config  # not by all tests

    before = config.functions_run_eagerly()
    config.run_functions_eagerly(wanted)
    yield
    config.run_functions_eagerly(before)


@pytest.fixture(scope="module")
def eager() -> Iterator[None]:
    """TensorFlow without graphs: to trace one takes seconds, to step a tiny network none."""
    with _run_eagerly(True):
        yield


@pytest.fixture
def graphs(eager: None) -> Iterator[None]:
    """TensorFlow with graphs again, for a training of many steps."""
    with _run_eagerly(False):
        yield
