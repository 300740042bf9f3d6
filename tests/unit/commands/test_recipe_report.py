"""What a recipe is run on, institution by institution."""

from pathlib import Path

import pandas as pd
import pytest

from scanvote.commands.recipe_parts import _overrides
from scanvote.commands.recipe_report import institutions, run_recipe
from scanvote.commands.recipes import command, folds, read_recipe
from scanvote.core.errors import InputError
from scanvote.manifest import COLUMNS, write_manifest
from scanvote.tracking.experiments import Experiment, overridden_params

ROOT = Path(__file__).parents[3]


@pytest.fixture
def laboratory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recipes of this repository, and a place for the scans."""
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    (tmp_path / "params.yaml").symlink_to(ROOT / "params.yaml")
    (tmp_path / "data/raw/segmentation").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def downloaded(laboratory: Path, source: str, sites: list[str]) -> None:
    rows = [
        {"scan_id": str(number), "source": source, "institution": site}
        for number, site in enumerate(sites)
    ]
    frame = pd.DataFrame(rows).reindex(columns=[*COLUMNS, "institution"], fill_value="")
    frame = frame.assign(width=1, height=1, mask_pixels=0)
    write_manifest(frame, laboratory / "data/raw/segmentation/manifest.csv")


def test_every_known_institution_is_one(laboratory: Path) -> None:
    downloaded(laboratory, "lgg_mri", ["DU", "CS", "", "DU"])
    assert institutions("best_lgg") == ["CS", "DU"]


@pytest.mark.parametrize(
    ("source", "sites", "fault"),
    [
        ("phantom", ["A", "B"], "is of phantom, not of lgg_mri"),
        ("lgg_mri", ["CS", "", "CS"], "tells of fewer than two institutions"),
    ],
)
def test_what_cannot_be_left_out_is_one_line(
    source: str, sites: list[str], fault: str, laboratory: Path
) -> None:
    downloaded(laboratory, source, sites)
    with pytest.raises(InputError, match=fault):
        institutions("best_lgg")


@pytest.fixture
def begun(laboratory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cross-validation of which fold 1 was run; fold 0 is of an older commit."""
    dvc = laboratory / "dvc"
    dvc.write_text('#!/bin/sh\necho "$4" >> ran.txt\ntest "$4" != best_lgg-fold2\n')
    dvc.chmod(0o755)
    monkeypatch.setattr("scanvote.commands.recipe_report._dvc", lambda: str(dvc))
    there = [Experiment("best_lgg-fold1", "abc", ""), Experiment("best_lgg-fold0", "b", "older")]
    monkeypatch.setattr("scanvote.commands.recipe_report.experiments", lambda: there)
    words = command("best_lgg", read_recipe("best_lgg"), False, [], folds(4)[1])
    made = overridden_params(list(_overrides(words)))
    monkeypatch.setattr(Experiment, "written_params", lambda _: made)
    monkeypatch.setattr("scanvote.commands.recipe_parts.changed_sources", lambda _: [])
    return laboratory


def test_a_part_that_has_its_experiment_is_not_run_again(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=r"^best_lgg: fold2 failed; what was trained is kept"):
        run_recipe("best_lgg", False, [], folds(4))
    assert (begun / "ran.txt").read_text().split() == ["best_lgg-fold0", "best_lgg-fold2"]
    assert "best_lgg-fold1 is there" in capsys.readouterr().out


def test_it_is_gone_on_with_wherever_the_work_is_done(begun: Path) -> None:
    with pytest.raises(InputError, match=r"^best_lgg: fold2 failed"):
        run_recipe("best_lgg", False, ["-S", "compute.workers=2"], folds(4))


@pytest.mark.parametrize(
    ("extra", "count", "fault"),
    [
        (["-S", "lr=0.5"], 4, r"best_lgg-fold1 is there with lr 0\.\d+, not 0\.5, so it cannot be"),
        (["-Sparams.yaml:lr=0.5"], 4, "not 0.5"),
        (["--set-param=lr=0.5"], 4, "not 0.5"),
        ([], 5, "best_lgg-fold1 is there with split.folds 4, not 5"),
        (["-S", "lrr=0.5"], 4, "^-S: "),
    ],
)
def test_it_is_not_gone_on_with_under_other_settings(
    extra: list[str], count: int, fault: str, begun: Path
) -> None:
    with pytest.raises(InputError, match=fault) as refused:
        run_recipe("best_lgg", False, extra, folds(count))
    assert "\n" not in str(refused.value)
    assert not (begun / "ran.txt").exists()


def test_it_is_not_gone_on_with_by_other_code(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanvote.commands.recipe_parts.changed_sources", lambda _: ["src/x.py"])
    with pytest.raises(InputError, match=r"best_lgg-fold1 is there with another src/x\.py"):
        run_recipe("best_lgg", False, [], folds(4))
