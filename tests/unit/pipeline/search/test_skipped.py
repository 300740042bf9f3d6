"""A family that is not searched leaves what the stages after it can read."""

from pathlib import Path

import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.params import Params
from scanvote.pipeline.ensemble.stage import ensemble
from scanvote.pipeline.search.skipped import write_empty_search
from tests.searching import tree


def predictions(folder: Path, model: str) -> None:
    rows = [
        {"model": model, "scan_id": f"s{number}", "split": split, "label": label}
        for number, (split, label) in enumerate(
            (split, label) for split in ("validation", "test") for label in ("a", "b")
        )
    ]
    table = pd.DataFrame(rows).assign(predicted="a", p_a=0.75, p_b=0.25)
    folder.mkdir(parents=True)
    table.to_csv(folder / "predictions.csv", index=False)


def test_it_leaves_empty_tables_and_no_model(tmp_path: Path) -> None:
    assert write_empty_search(tmp_path / "ann") == {"trials": 0}
    assert sorted(tree(tmp_path)) == ["ann/curves.csv", "ann/predictions.csv", "ann/trials.csv"]
    assert [len(pd.read_csv(path)) for path in (tmp_path / "ann").iterdir()] == [0, 0, 0]


def test_it_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_empty_search(tmp_path / name)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_skipped_family_has_no_member_in_the_vote(tmp_path: Path, params: Params) -> None:
    one = params.model_copy(update={"ensemble": params.ensemble.model_copy(update={"top": 1})})
    predictions(tmp_path / "alone" / "cnn", "cnn/filters4")
    predictions(tmp_path / "beside" / "cnn", "cnn/filters4")
    write_empty_search(tmp_path / "beside" / "ann")
    outcomes = [
        (ensemble(tmp_path / name, one, tmp_path / f"out_{name}"), tree(tmp_path / f"out_{name}"))
        for name in ("alone", "beside")
    ]
    assert outcomes[0] == outcomes[1]


def test_nothing_but_skipped_families_is_no_vote(tmp_path: Path, params: Params) -> None:
    write_empty_search(tmp_path / "ann")
    with pytest.raises(InputError, match=r"holds no trained model; see search\.families"):
        ensemble(tmp_path, params, tmp_path / "out")
