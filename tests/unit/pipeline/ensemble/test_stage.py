"""Who votes: the best by validation, whatever the test says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.metrics.classification import cross_entropy, evaluate_classes
from scanvote.params import Params
from scanvote.pipeline.ensemble.calibration import apply_temperature
from scanvote.pipeline.ensemble.stage import ensemble
from scanvote.pipeline.ensemble.vote import RULES, Vote
from scanvote.pipeline.search.skipped import write_empty_search
from scanvote.predictions import class_predictions, probabilities, read_predictions

LABELS = ["a", "b", "c"]
ROWS = 30
VOTES = ["vote", *(f"vote/{rule}" for rule in RULES)]
WRITTEN = ("members.csv", "rules.csv", "predictions.csv", "vote.json")


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
            write_empty_search(folder / family)
    return folder


def members(out: Path) -> list[str]:
    table = pd.read_csv(out / "members.csv")
    return table.loc[table["votes"], "model"].tolist()


def having(params: Params, **values: object) -> Params:
    return params.model_copy(update={"ensemble": params.ensemble.model_copy(update=values)})


def noisy(name: str, seed: int, skill: float = 0.3) -> pd.DataFrame:
    """A model that is right more often than not."""
    random = np.random.default_rng(seed)
    tables = []
    for split in ("validation", "test"):
        truth = np.arange(ROWS) % 3
        predicted = skill * np.eye(3)[truth] + (1 - skill) * random.dirichlet([0.3] * 3, ROWS)
        names = np.array([f"{split}{number}" for number in range(ROWS)])
        shard = {"scan_ids": names, "labels": truth}
        tables.append(class_predictions(name, split, shard, predicted, LABELS))
    return pd.concat(tables, ignore_index=True)


@pytest.fixture
def noisy_searches(tmp_path: Path) -> Path:
    tables = [noisy(f"cnn/{seed}", seed) for seed in range(5)]
    return write(tmp_path / "noisy", ann=[noisy("ann/9", 9)], cnn=tables)


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
    assert table["model"].drop_duplicates().tolist() == [*VOTES, "cnn/1", "cnn/2", "ann/1"]
    assert (table.groupby("model").size() == 2 * ROWS).all()
    vote = table[table["model"] == "vote"]
    most = table[table["model"].isin(members(tmp_path / "out"))]
    most = most.groupby("scan_id", sort=False)["predicted"].agg(lambda named: named.mode()[0])
    assert vote["predicted"].tolist() == most.tolist()  # two classes are named, by three members
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
    names = ["cnn/1", "cnn/2", "cnn/3", "ann/2"]
    assert table["model"].drop_duplicates().tolist() == [*VOTES, *names]
    assert members(tmp_path / "out") == names[:3]


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
    ensemble(folder, having(params, top=1), tmp_path / "out")
    assert members(tmp_path / "out") == ["balanced"]


def test_cross_entropy_parts_models_of_one_macro_f1(params: Params, tmp_path: Path) -> None:
    tables = [model(f"ann/{sure}", 24, sure) for sure in (0.99, 0.5, 0.8, 0.9)]
    folder = write(tmp_path / "search", ann=tables)
    ensemble(folder, params, tmp_path / "out")
    of = {table["model"][0]: cross_entropy(table[:ROWS]) for table in tables}
    assert members(tmp_path / "out") == sorted(of, key=of.__getitem__)[:3]
    assert len(set(of.values())) == 4


@pytest.mark.parametrize("way", ["best", "diverse"])
def test_the_test_split_chooses_nobody_and_fits_nothing(
    noisy_searches: Path, params: Params, tmp_path: Path, way: str
) -> None:
    wanted = having(params, members=way, rule="stacking")
    before = ensemble(noisy_searches, wanted, tmp_path / "out")
    random = np.random.default_rng(0)
    for path in noisy_searches.glob("*/predictions.csv"):
        table = read_predictions(path)
        test = table["split"] == "test"
        columns = ["predicted", *(f"p_{label}" for label in LABELS)]
        table.loc[test, columns] = random.permutation(table.loc[test, columns].to_numpy())
        write_csv(table, path)
    assert ensemble(noisy_searches, wanted, tmp_path / "permuted") == before
    for name in WRITTEN:
        one, other = tmp_path / "out" / name, tmp_path / "permuted" / name
        assert (one.read_bytes() == other.read_bytes()) == (name != "predictions.csv")


@pytest.mark.parametrize("calibrate", [True, False])
@pytest.mark.parametrize("rule", RULES)
def test_the_vote_that_was_written_gives_the_table_of_the_vote(
    noisy_searches: Path, params: Params, tmp_path: Path, rule: str, calibrate: bool
) -> None:
    out = tmp_path / "out"
    ensemble(noisy_searches, having(params, rule=rule, calibrate=calibrate), out)
    vote, table = Vote.read(out / "vote.json"), read_predictions(out / "predictions.csv")
    raw = pd.concat([read_predictions(path) for path in noisy_searches.glob("*/predictions.csv")])
    voted = vote(np.stack([probabilities(raw[raw["model"] == name]) for name in vote.members]))
    for name in ("vote", f"vote/{rule}"):
        rows = table[table["model"] == name]
        np.testing.assert_allclose(voted.probabilities, probabilities(rows), atol=1e-6)
        assert [vote.labels[code] for code in voted.winners] == rows["predicted"].tolist()
        counts = rows[[f"votes_{label}" for label in LABELS]].to_numpy(float)
        np.testing.assert_array_equal(voted.votes, counts)
    assert list(vote.members) == members(out)


def test_members_are_shown_by_their_temperatures(
    noisy_searches: Path, params: Params, tmp_path: Path
) -> None:
    metrics = ensemble(noisy_searches, params, tmp_path / "out")
    table = read_predictions(tmp_path / "out" / "predictions.csv")
    listed = pd.read_csv(tmp_path / "out" / "members.csv").set_index("model")
    for place, name in enumerate(members(tmp_path / "out"), start=1):
        degree = listed.loc[name, "temperature"]
        raw = noisy(name, int(name[-1]))
        shown = table[table["model"] == name]
        np.testing.assert_allclose(
            probabilities(shown), apply_temperature(probabilities(raw), degree), atol=1e-6
        )
        assert shown["predicted"].tolist() == raw["predicted"].tolist()
        assert metrics[f"temperature_{place}"] == degree != 1


def test_without_calibration_probabilities_stay_as_they_are(
    noisy_searches: Path, params: Params, tmp_path: Path
) -> None:
    metrics = ensemble(noisy_searches, having(params, calibrate=False), tmp_path / "out")
    table = read_predictions(tmp_path / "out" / "predictions.csv")
    named = members(tmp_path / "out")
    shown = [probabilities(table[table["model"] == name]) for name in named]
    wanted = [probabilities(noisy(name, int(name[-1]))) for name in named]
    np.testing.assert_array_equal(shown, wanted)
    vote = probabilities(table[table["model"] == "vote"])
    np.testing.assert_allclose(vote, np.mean(wanted, axis=0), atol=1e-6)
    degrees = [value for name, value in metrics.items() if name.startswith("temperature")]
    assert degrees == [1.0] * 4


@pytest.mark.parametrize("rule", RULES)
def test_the_chosen_rule_is_the_vote_and_its_metrics(
    noisy_searches: Path, params: Params, tmp_path: Path, rule: str
) -> None:
    metrics = ensemble(noisy_searches, having(params, rule=rule), tmp_path / "out")
    table = read_predictions(tmp_path / "out" / "predictions.csv")
    one, other = (table[table["model"] == name].iloc[:, 1:] for name in ("vote", f"vote/{rule}"))
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True))
    rules = pd.read_csv(tmp_path / "out" / "rules.csv").set_index("rule")
    assert rules.index.tolist() == list(RULES)
    for name in ("accuracy", "macro_f1", "auroc", "cross_entropy"):
        assert metrics[f"validation_{name}"] == rules.loc[rule, name]
        assert metrics[f"validation_soft_{name}"] == rules.loc["soft", name]
    assert metrics["temperature"] == rules.loc[rule, "temperature"]


def test_diverse_members_are_the_best_and_who_helps_it(params: Params, tmp_path: Path) -> None:
    """The second best says what the best says; the worst knows the rest."""
    unsure = [model("cnn/1", 24, 0.5), model("cnn/2", 23, 0.5)]
    helper = model("ann/1", 0, 0.34)
    rows = (helper["split"] == "validation") & (helper.index % ROWS >= 20)
    for label in LABELS:
        helper.loc[rows, f"p_{label}"] = np.where(helper.loc[rows, "label"] == label, 0.9, 0.05)
    helper.loc[rows, "predicted"] = helper.loc[rows, "label"]
    folder = write(tmp_path / "search", ann=[helper], cnn=unsure)
    for way, second in (("best", "cnn/2"), ("diverse", "ann/1")):
        ensemble(folder, having(params, members=way, top=2), tmp_path / way)
        assert members(tmp_path / way) == ["cnn/1", second]


def test_one_member_is_the_vote(searches: Path, params: Params, tmp_path: Path) -> None:
    ensemble(searches, having(params, top=1), tmp_path / "out")
    table = read_predictions(tmp_path / "out" / "predictions.csv")
    best = table.loc[table["model"] == "cnn/1", "predicted"].tolist()
    for name in ("vote", "vote/majority", "vote/soft", "vote/weighted"):
        assert table.loc[table["model"] == name, "predicted"].tolist() == best


def test_a_class_absent_from_validation_leaves_a_vote(
    searches: Path, params: Params, tmp_path: Path
) -> None:
    for path in searches.glob("*/predictions.csv"):
        table = read_predictions(path)
        absent = (table["split"] == "validation") & (table["label"] == "c")
        write_csv(table[~absent], path)
    metrics = ensemble(searches, params, tmp_path / "out")
    table = read_predictions(tmp_path / "out" / "predictions.csv")
    assert np.isfinite(probabilities(table)).all()
    assert np.isnan(metrics["validation_auroc"])


def test_models_of_other_scans_or_classes_are_told(
    searches: Path, params: Params, tmp_path: Path
) -> None:
    path = searches / "cnn" / "predictions.csv"
    whole = read_predictions(path)
    others = {
        "fewer": whole[whole["scan_id"] != "validation3"],
        "another order": whole[::-1],
        "another label": whole.assign(label=whole["label"].replace("a", "b")),
        "other classes": whole.rename(columns={"p_c": "p_x"}),
    }
    for name, table in others.items():
        write_csv(table, path)
        said = r"cnn/predictions\.csv: cnn/\d has other scans or classes than ann/1"
        with pytest.raises(InputError, match=said):
            ensemble(searches, params, tmp_path / name)


def test_a_model_without_validation_is_told(searches: Path, params: Params, tmp_path: Path) -> None:
    path = searches / "cnn" / "predictions.csv"
    table = read_predictions(path)
    write_csv(table[(table["split"] == "test") | (table["model"] != "cnn/2")], path)
    with pytest.raises(InputError, match="cnn/2 has no row of validation, on which"):
        ensemble(searches, params, tmp_path / "out")


def test_too_few_candidates_are_told(searches: Path, params: Params, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ensemble\.top: 5 members are wanted, .* has 4"):
        ensemble(searches, having(params, top=5), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_search_is_told(params: Params, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no predictions; run"):
        ensemble(tmp_path, params, tmp_path / "out")


def test_the_same_bytes_twice(searches: Path, params: Params, tmp_path: Path) -> None:
    for out in ("one", "two"):
        ensemble(searches, params, tmp_path / out)
    for name in WRITTEN:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
