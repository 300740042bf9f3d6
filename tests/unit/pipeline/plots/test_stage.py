"""What `dvc plots` is given: what the study has, and folders of the rest without a file."""

from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from scanvote.pipeline.left_out import write_left_out
from scanvote.pipeline.plots.stage import TABLES, gather_plots
from scanvote.pipeline.search.skipped import write_empty_search
from tests.searching import tree

DVC = YAML(typ="safe").load((Path(__file__).parents[4] / "dvc.yaml").read_text())


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Of classification alone, with one family of two models and one that is not searched."""
    search = tmp_path / "models/search"
    write(
        search / "published/curves.csv",
        "epoch,loss_1,val_macro_f1_1,loss_2,val_macro_f1_2\n0,1,0.5,2,0.25\n1,1,0.75,,\n",
    )
    write(search / "published/choices.png", "choices")
    write_empty_search(search / "ann")
    for kind, table in TABLES.items():
        if "classification" in table:
            write(tmp_path / table, kind)
    write(tmp_path / "metrics/evaluate/classification/roc.png", "roc")
    for folder in ("models/unet", "metrics/evaluate/segmentation", "data/prepared/segmentation"):
        write_left_out("segmentation", tmp_path / folder)
    return tmp_path


def test_it_is_what_the_study_has(results: Path) -> None:
    gather_plots(results, results / "plots")
    assert set(tree(results / "plots")) == {
        "curves/published.csv",
        *(f"{kind}/classification.csv" for kind in TABLES if kind != "dice"),
        "pictures/search/published/choices.png",
        "pictures/evaluate/classification/roc.png",
    }


def test_a_curve_ends_with_the_training(results: Path) -> None:
    gather_plots(results, results / "plots")
    curves = pd.read_csv(results / "plots/curves/published.csv")
    assert curves.to_dict("list") == {
        "epoch": [0, 1, 0],
        "model": [1, 1, 2],
        "score": [0.5, 0.75, 0.25],
    }


def test_a_vote_of_one_has_the_curve_of_one(results: Path) -> None:
    """Of `ensemble.top: 1`: no chart asks for the columns of others."""
    write(results / "models/search/published/curves.csv", "epoch,val_macro_f1_1\n0,0.5\n")
    gather_plots(results, results / "plots")
    curves = pd.read_csv(results / "plots/curves/published.csv")
    assert curves.to_dict("list") == {"epoch": [0], "model": [1], "score": [0.5]}


def test_what_is_left_out_leaves_empty_folders_that_dvc_shows_as_nothing(results: Path) -> None:
    out = results / "plots"
    write(out / "dice/segmentation.csv", "of an earlier run")
    gather_plots(results, out)
    folders = {path.name for path in out.iterdir()}
    assert folders == {"curves", "pictures", *TABLES}
    assert [*(out / "dice").iterdir()] == []
    outs = {Path(path).name for path in DVC["stages"]["plots"]["outs"]}
    shown = {Path(next(iter(one)) if isinstance(one, dict) else one).name for one in DVC["plots"]}
    assert folders == outs == shown
