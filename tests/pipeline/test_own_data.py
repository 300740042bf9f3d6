"""Data of one's own through real DVC, with one param changed."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from tests.making import write_image, write_mask

pytestmark = pytest.mark.slow


def images(root: Path) -> Path:
    for seed in range(24):
        write_image(root / ("yes" if seed % 2 else "no") / f"{seed}.png", seed)
    return root


def table(root: Path) -> Path:
    images(root)
    rows = [f"{'yes' if n % 2 else 'no'}/{n}.png,{'yes' if n % 2 else 'no'}" for n in range(24)]
    (root / "list.csv").write_text("\n".join(["path,label", *rows]))
    return root / "list.csv"


def masks(root: Path) -> Path:
    for seed in range(24):
        write_image(root / "images" / f"{seed}.png", seed)
        write_mask(root / "masks" / f"{seed}.png", empty=seed % 4 == 0)
    return root


@pytest.fixture(scope="module")
def workspace(checkout):
    return checkout("own")


@pytest.mark.parametrize(
    ("make", "task"),
    [(table, "classification"), (masks, "segmentation")],  # the rest in tests/unit, without DVC
)
def test_own_data_are_prepared_with_one_param_changed(
    workspace, tmp_path: Path, make: Callable[[Path], Path], task: str
) -> None:
    path = make(tmp_path / "own")
    workspace.change(f"{task}: {{dataset: {path}}}")
    workspace.dvc("repro", f"prepare@{task}")
    frame = pd.read_csv(workspace / f"data/prepared/{task}/manifest.csv", keep_default_na=False)
    assert len(frame) >= 20
    assert set(frame["split"]) == {"train", "validation", "test"}


def test_the_command_that_the_check_prints_runs_as_it_stands(workspace, tmp_path: Path) -> None:
    path = images(tmp_path / "my own")
    told = workspace.run("scanvote", "data", "check", path)
    assert told.returncode == 0, told.stderr
    (line,) = (line for line in told.stdout.splitlines() if line.startswith("  dvc exp run"))
    words = shlex.split(line)
    workspace.dvc(*words[1:], "download@classification")
    params = YAML(typ="safe").load(workspace / "params.yaml")
    assert params["classification"]["dataset"] == str(path)
    assert (workspace / "data/raw/classification/my_own/scans.csv").is_file()
