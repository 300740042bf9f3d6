"""A task without a data set: its stages end at once and leave the marker, nothing else."""

import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from scanvote.core.metrics_file import read_metrics
from scanvote.pipeline.left_out import MARKER, leave_out, leave_out_as
from tests.searching import tree

ROOT = Path(__file__).parents[3]
SAID = "scanvote: nothing to do: {}.dataset is null: the task is not part of this study\n"
TASK = {  # of each stage that has one for good
    **dict.fromkeys(("inflation", "search", "ensemble", "explain"), "classification"),
    **dict.fromkeys(("unet", "baseline"), "segmentation"),
}
ITEM = {"search": "cnn"}
LEFT = {  # the folders that each stage reads: all hold the marker
    "deduplicate": (1, "overrides.csv", "patients.csv"),
    "prepare": (2,),
    "inflation": (2,),
    "search": (1,),
    "unet": (1,),
    "baseline": (1,),
    "ensemble": (),  # a folder of families
    "explain": (4,),
    "evaluate": (3,),
}


@pytest.fixture
def left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes the output folder of a stage whose task is left out."""
    monkeypatch.chdir(tmp_path)

    def make(task: str) -> Path:
        leave_out(task, Path("left"), Path("left.json"))
        return Path("left")

    return make


@pytest.mark.parametrize("stage", LEFT)
def test_a_stage_of_a_task_left_out_passes_that_on(
    stage: str, left_out, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = TASK.get(stage, "segmentation")
    left = left_out(task)
    capsys.readouterr()
    items = [ITEM[stage]] if stage in ITEM else [] if stage in TASK else [task]
    count, *tables = LEFT[stage] or (1,)
    if stage == "ensemble":
        shutil.copytree(left, "searches/ann")
        left = Path("searches")
    Path("out").mkdir()
    Path("out/stale.png").touch()  # of a run by hand before
    before = set(tmp_path.iterdir())
    words = (*items, *[left] * count, *map(Path, tables), Path("out"), Path("metrics/out.json"))
    import_module(f"stages.{stage}").main(*words)
    assert [*tree(Path("out"))] == [MARKER]
    assert Path("metrics/out.json").read_text() == "{}\n"
    assert read_metrics(Path("metrics/out.json")) == {}
    assert capsys.readouterr().err == SAID.format(task)
    assert set(tmp_path.iterdir()) - before == {tmp_path / "metrics"}  # no store of MLflow


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_no_phantom_is_made_for_a_task_without_a_data_set(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    params = (ROOT / "params.yaml").read_text()
    phantom = f"{task}:\n  dataset: phantom"
    assert phantom in params
    Path("params.yaml").write_text(params.replace(phantom, f"{task}:\n  dataset:"))
    import_module("stages.download").main(task, Path("raw"), Path("taken.json"), Path("raw.json"))
    made = ["params.yaml", "raw.csv", "raw.json", f"raw/{MARKER}", "taken.json"]
    assert sorted(tree(tmp_path)) == made
    assert capsys.readouterr().err == SAID.format(task)


def test_what_is_not_left_out_goes_on(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    assert not leave_out_as(tmp_path / "raw", "segmentation", tmp_path / "out", tmp_path / "m.json")
    assert not (tmp_path / "out").exists()


def test_it_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        leave_out("segmentation", tmp_path / name / "out", tmp_path / name / "m.json")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
