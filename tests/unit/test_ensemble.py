"""Who votes: the best by validation, whatever the test says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scanvote.ensemble import ensemble
from scanvote.errors import InputError
from scanvote.files import write_csv
from scanvote.metrics.classification import cross_entropy, evaluate_classes
from scanvote.params import Params
from scanvote.predictions import class_predictions, read_predictions
from scanvote.skipped import skip_family
from scanvote.voting import majority_vote

LABELS = ["a", "b", "c"]
ROWS = 30


def model(name: str, right: int, sure: float = 0.8, test_right: int = 10) -> pd.DataFrame:
    """Right in the first `right` scans of the validation, with the probability `sure`."""
    tables = []
    for split, hits in (("validation", right), ("test", test_right)):
        truth = np.arange(ROWS) % 3
        guess = np.where(np.arange(ROWS) < hits, truth, (truth + 1) % 3)
        predicted = np.full((ROWS, 3), (1 - sure) / 2)
        predicted[np.arange(ROWS), guess] = sure
        names = np.array([f"{split}{number}" for number in range(ROWS)])
        shard = {"scan_ids": names, "labels": truth}
        tables.append(class_predictions(name, split, shard, predicted, LABELS))
    return pd.concat(tables, ignore_index=True)


def write(folder: Path, **families: list[pd.DataFrame]) -> Path:
    for family, tables in families.items():
        if tables:
            write_csv(pd.concat(tables, ignore_index=True), folder / family / "predictions.csv")
        else:
            skip_family(folder / family)
    return folder


def members(out: Path) -> list[str]:
    table = pd.read_csv(out / "members.csv")
    return table.loc[table["votes"], "model"].tolist()


@pytest.fixture
def searches(tmp_path: Path) -> Path:
    return write(
        tmp_path / "search",
        ann=[model("ann/1", 21, test_right=30), model("ann/2", 9, test_right=30)],
        cnn=[model("cnn/1", 27), model("cnn/2", 24, test_right=0)],
    )


def test_the_best_three_over_all_families_vote(
    searches: Path, params: Params, tmp_path: Path
) -> None:
    metrics = ensemble(searches, params, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "members.csv")
    assert table["model"].tolist() == ["cnn/1", "cnn/2", "ann/1", "ann/2"]
    assert table["votes"].tolist() == [True, True, True, False]
    assert table["accuracy"].tolist() == [0.9, 0.8, 0.7, 0.3]
    assert metrics["members"] == 3


def test_predictions_are_the_vote_and_its_members_best_first(
    searches: Path, params: Params, tmp_path: Path
) -> None:
    metrics = ensemble(searches, params, tmp_path / "out")
    table = read_predictions(tmp_path / "out" / "predictions.csv")
    assert table["model"].drop_duplicates().tolist() == ["vote", "cnn/1", "cnn/2", "ann/1"]
    assert (table.groupby("model").size() == 2 * ROWS).all()
    vote = table[table["model"] == "vote"]
    wanted = majority_vote(
        [model("cnn/1", 27), model("cnn/2", 24, test_right=0), model("", 21, test_right=30)]
    )
    assert vote["predicted"].tolist() == wanted["predicted"].tolist()
    scores = evaluate_classes(vote[vote["split"] == "validation"])
    for name in ("accuracy", "macro_f1", "auroc"):
        assert metrics[f"validation_{name}"] == pytest.approx(scores[name], abs=1e-6)


def test_the_best_of_a_family_that_does_not_vote_is_told_beside(
    params: Params, tmp_path: Path
) -> None:
    folder = write(
        tmp_path / "search",
        ann=[model("ann/1", 9), model("ann/2", 12)],
        cnn=[model("cnn/1", 27), model("cnn/2", 24), model("cnn/3", 21)],
        transfer=[],
    )
    ensemble(folder, params, tmp_path / "out")
    table = read_predictions(tmp_path / "out" / "predictions.csv")
    names = ["vote", "cnn/1", "cnn/2", "cnn/3", "ann/2"]
    assert table["model"].drop_duplicates().tolist() == names
    assert members(tmp_path / "out") == names[1:4]


def test_families_that_were_not_searched_are_told(params: Params, tmp_path: Path) -> None:
    folder = write(tmp_path / "search", ann=[], cnn=[])
    with pytest.raises(InputError, match=r"holds no trained model; see search\.families"):
        ensemble(folder, params, tmp_path / "out")


def test_macro_f1_ranks_before_accuracy(params: Params, tmp_path: Path) -> None:
    """Right in all of a, the class of most scans, against right in some of each class."""
    balanced, lopsided = model("balanced", 18), model("lopsided", 0)
    validation = lopsided["split"] == "validation"
    for table in (balanced, lopsided):
        table.loc[validation & (table.index % ROWS >= 6), "label"] = "a"
    lopsided.loc[validation, "predicted"] = "a"
    balanced.loc[validation, "predicted"] = balanced.loc[validation, "label"]
    balanced.loc[validation & (balanced.index % ROWS >= 20), "predicted"] = "b"
    low, high = (evaluate_classes(t[validation]) for t in (lopsided, balanced))
    assert low["accuracy"] > high["accuracy"]
    assert low["macro_f1"] < high["macro_f1"]
    folder = write(tmp_path / "search", ann=[lopsided, balanced])
    ensemble(folder, with_top(params, 1), tmp_path / "out")
    assert members(tmp_path / "out") == ["balanced"]


def with_top(params: Params, top: int) -> Params:
    return params.model_copy(update={"ensemble": params.ensemble.model_copy(update={"top": top})})


def test_cross_entropy_parts_models_of_one_macro_f1(params: Params, tmp_path: Path) -> None:
    tables = [model(f"ann/{sure}", 24, sure) for sure in (0.99, 0.5, 0.8, 0.9)]
    folder = write(tmp_path / "search", ann=tables)
    ensemble(folder, params, tmp_path / "out")
    of = {table["model"][0]: cross_entropy(table[:ROWS]) for table in tables}
    assert members(tmp_path / "out") == sorted(of, key=of.__getitem__)[:3]
    assert len(set(of.values())) == 4


def test_the_test_split_chooses_nobody(searches: Path, params: Params, tmp_path: Path) -> None:
    ensemble(searches, params, tmp_path / "out")
    random = np.random.default_rng(0)
    for path in searches.glob("*/predictions.csv"):
        table = read_predictions(path)
        test = table["split"] == "test"
        columns = ["label", "predicted", *(f"p_{label}" for label in LABELS)]
        table.loc[test, columns] = random.permutation(table.loc[test, columns].to_numpy())
        write_csv(table, path)
    metrics = ensemble(searches, params, tmp_path / "permuted")
    one, other = tmp_path / "out" / "members.csv", tmp_path / "permuted" / "members.csv"
    assert one.read_bytes() == other.read_bytes()
    assert metrics == ensemble(searches, params, tmp_path / "again")


def test_too_few_candidates_are_told(searches: Path, params: Params, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ensemble\.top: 5 members are wanted, .* has 4"):
        ensemble(searches, with_top(params, 5), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_search_is_told(params: Params, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no predictions; run"):
        ensemble(tmp_path, params, tmp_path / "out")


def test_the_same_bytes_twice(searches: Path, params: Params, tmp_path: Path) -> None:
    for out in ("one", "two"):
        ensemble(searches, params, tmp_path / out)
    for name in ("members.csv", "predictions.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
