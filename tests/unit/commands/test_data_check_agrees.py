"""`scanvote data check` understands data as the stage `download` does."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from scanvote.params import Task
from tests.own_judging import disagreements, run_download, small_params
from tests.own_trees import numbered_tree
from tests.own_writing import write_tree
from tests.unit.datasets.user_data.test_own_data import KINDS

SEED, TREES = 7, 30


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.delenv("DVC_ROOT", raising=False)


def differences(tmp_path: Path, path: Path, task: Task) -> list[str]:
    params = small_params(task, path)
    return disagreements(task, path, params, run_download(task, params, tmp_path / "out"))


@pytest.mark.parametrize("make", KINDS)
def test_of_every_form(tmp_path: Path, make: Callable[[Path], tuple[Path, Task]]) -> None:
    path, task = make(tmp_path / "own")
    assert differences(tmp_path, path, task) == []


@pytest.mark.parametrize("number", range(TREES))
def test_of_random_trees(tmp_path: Path, number: int) -> None:
    spec = numbered_tree(SEED, number)
    tree = write_tree(spec, tmp_path / "own")
    assert differences(tmp_path, tree.path, spec.task) == [], spec
