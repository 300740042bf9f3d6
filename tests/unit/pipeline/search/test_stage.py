import shutil
from contextlib import contextmanager

import keras
import numpy as np
import pandas as pd
import pytest

from scanvote.arrays import read_split, write_shards
from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError
from scanvote.pipeline.search.skipped import write_empty_search
from scanvote.pipeline.search.stage import search
from scanvote.pipeline.search.study import ClassifierStudy
from scanvote.training import TrainingFailed, loop
from scanvote.tuning import search as tuning_search
from tests.searching import LABELS, Log, scan, tiny_params, tree, write_prepared

use_backend("tensorflow")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Scans of 16x16 whose class is their brightness."""
    return write_prepared(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def networks(monkeypatch):
    """The points of the grid whose network a training asked for."""
    built = []
    spec_of = ClassifierStudy.training_spec

    def training_spec(self, values, epochs):
        built.append(dict(values))
        return spec_of(self, values, epochs)

    fitted = []
    fit = loop._fit

    def noted(model, spec, on_epoch):
        fitted.append(built[-1])
        return fit(model, spec, on_epoch)

    monkeypatch.setattr(ClassifierStudy, "training_spec", training_spec)
    monkeypatch.setattr(loop, "_fit", noted)
    return fitted


@pytest.fixture(scope="module")
def whole(prepared, tmp_path_factory):
    """A finished search: its repository, its outputs, its metrics and its log."""
    root, log = tmp_path_factory.mktemp("whole"), Log()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DVC_ROOT", str(root))
        metrics = search("ann", prepared, tiny_params(), root / "out", log)
    return root, root / "out", metrics, log


# ---- what is written ------------------------------------------------------------------


def test_outputs_are_those_that_are_promised(whole):
    _, out, _, _ = whole
    assert sorted(tree(out)) == [
        "1.keras",
        "2.keras",
        "choices.png",
        "curves.csv",
        "curves.png",
        "predictions.csv",
        "trials.csv",
    ]


def test_every_trial_is_listed_the_best_first(whole):
    _, out, metrics, _ = whole
    trials = pd.read_csv(out / "trials.csv")
    assert list(trials["rank"]) == [1, 2, 3]
    assert set(trials["trial"]) == {
        "dense_layers0",
        "dense_layers1-units4",
        "dense_layers1-units8",
    }
    order = list(zip(-trials["val_macro_f1"], trials["val_loss"], strict=True))
    assert order == sorted(order)
    assert trials["problem"].isna().all()
    assert (metrics["trials"], metrics["failed_trials"]) == (3, 0)
    assert metrics["best_val_macro_f1"] == pytest.approx(trials["val_macro_f1"][0], abs=1e-6)
    assert metrics["best_parameters"] == trials["parameters"][0]


def test_curves_hold_the_epochs_of_the_best(whole):
    _, out, _, _ = whole
    curves, trials = pd.read_csv(out / "curves.csv"), pd.read_csv(out / "trials.csv")
    assert list(curves["epoch"]) == [0, 1]
    for place in (1, 2):
        assert curves[f"val_macro_f1_{place}"].max() == trials["val_macro_f1"][place - 1]


def test_predictions_cover_validation_and_test_of_each_kept_model(whole):
    _, out, _, _ = whole
    table, trials = pd.read_csv(out / "predictions.csv"), pd.read_csv(out / "trials.csv")
    assert list(table["model"].unique()) == [f"ann/{name}" for name in trials["trial"][:2]]
    counts = table.groupby(["model", "split"]).size()
    assert set(counts.index.get_level_values("split")) == {"validation", "test"}
    assert (counts == 8).all()
    shares = table[[f"p_{label}" for label in LABELS]]
    assert np.allclose(shares.sum(axis=1), 1, atol=5e-6)
    assert ((shares >= 0) & (shares <= 1)).all(axis=None)
    assert (shares.idxmax(axis=1).str.removeprefix("p_") == table["predicted"]).all()
    numbers = table["scan_id"].str.split("-").str[1].astype(int)
    assert list(table["label"]) == [LABELS[number % 4] for number in numbers]


def test_kept_models_are_the_ones_that_predicted(whole, prepared):
    _, out, _, _ = whole
    table, trials = pd.read_csv(out / "predictions.csv"), pd.read_csv(out / "trials.csv")
    for place, name in enumerate(trials["trial"][:2], start=1):
        model = keras.saving.load_model(out / f"{place}.keras")
        rows = table[(table["model"] == f"ann/{name}") & (table["split"] == "validation")]
        correct = (rows["label"] == rows["predicted"]).mean()
        assert correct == pytest.approx(trials["val_accuracy"][place - 1])
        assert model.count_params() == trials["parameters"][place - 1]


def test_only_the_best_weights_stay_in_the_memory(whole):
    root, out, _, _ = whole
    memories = list((root / ".cache" / "trials").iterdir())
    assert len(memories) == 3
    assert all((memory / "result.json").exists() for memory in memories)
    kept = [memory / "model.keras" for memory in memories if (memory / "model.keras").exists()]
    bests = {(out / f"{place}.keras").read_bytes() for place in (1, 2)}
    assert {path.read_bytes() for path in kept} == bests
    assert len(kept) == 2


def test_every_trial_is_logged_with_its_epochs_and_its_best(whole):
    _, out, _, log = whole
    trials = pd.read_csv(out / "trials.csv").set_index("trial")
    assert set(log.trials) == set(trials.index)
    for name, told in log.trials.items():
        assert told["epochs"] == [0, 1]
        assert told["result"]["best_val_macro_f1"] == trials["val_macro_f1"][name]
        assert told["result"]["parameters"] == trials["parameters"][name]
    assert log.trials["dense_layers1-units4"]["values"] == {
        "dense_layers": 1,
        "units": 4,
        "epochs": 2,
    }


def test_a_search_learns_what_can_be_learnt(prepared, root):
    params = tiny_params(
        lr=0.002,
        ann={"dense_layers": [1], "units": [64], "dropout": 0.0},
        search={"epochs": 60, "patience": 60, "batch_size": 8},
        ensemble={"top": 1},
    )
    metrics = search("ann", prepared, params, root / "out", Log())
    assert metrics["best_val_macro_f1"] > 0.8


def test_no_more_models_than_are_kept_lie_on_disk_while_it_searches(prepared, root):
    """One more is there between the end of a training and the choice."""
    seen = []

    class Watching(Log.Trial):
        def epoch(self, step, scores):
            seen.append(len(list(root.rglob("model.keras"))))
            super().epoch(step, scores)

    log = Log()
    log.Trial = Watching
    params = tiny_params(ann={"units": [2, 3, 4, 5]}, search={"epochs": 1}, ensemble={"top": 1})
    search("ann", prepared, params, root / "out", log)
    assert seen == [0, 1, 1, 1, 1]
    assert len(list(root.rglob("model.keras"))) == 1


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_two_classes_with_one_output_or_two(root, output):
    two = write_prepared(root / "prepared", labels=["normal", "tumor"])
    params = tiny_params(search={"output": output}, ensemble={"top": 1})
    search("ann", two, params, root / "out", Log())
    model = keras.saving.load_model(root / "out" / "1.keras")
    assert model.output_shape == (None, 1 if output == "sigmoid" else 2)
    table = pd.read_csv(root / "out" / "predictions.csv")
    shares = table[["p_normal", "p_tumor"]]
    assert np.allclose(shares.sum(axis=1), 1, atol=5e-6)
    assert (shares.idxmax(axis=1).str.removeprefix("p_") == table["predicted"]).all()
    shards = read_split(two, "validation")
    of_tumor = model.predict(shards["images"], verbose=0)[:, -1]
    ours = table[table["split"] == "validation"]["p_tumor"]
    assert np.allclose(ours, of_tumor, atol=5e-6)


def test_a_sigmoid_learns_which_class_is_which(root):
    two = write_prepared(root / "prepared", labels=["normal", "tumor"])
    params = tiny_params(
        lr=0.002,
        ann={"dense_layers": [1], "units": [32], "dropout": 0.0},
        search={"output": "sigmoid", "epochs": 30, "patience": None, "batch_size": 8},
        ensemble={"top": 1},
    )
    assert search("ann", two, params, root / "out", Log())["best_val_accuracy"] == 1


def test_a_family_that_is_skipped_leaves_tables_of_the_same_columns(whole, tmp_path):
    write_empty_search(tmp_path)
    for name in ("trials", "curves", "predictions"):
        skipped = pd.read_csv(tmp_path / f"{name}.csv")
        assert len(skipped) == 0
        assert set(skipped) <= set(pd.read_csv(whole[1] / f"{name}.csv"))


# ---- the same again -------------------------------------------------------------------


def test_two_searches_give_the_same_bytes(whole, prepared, root):
    metrics = search("ann", prepared, tiny_params(), root / "out", Log())
    assert tree(root / "out") == tree(whole[1])
    assert metrics == whole[2]


def _remembering(whole, root):
    """The memory of the finished search, in a repository without outputs."""
    shutil.copytree(whole[0] / ".cache", root / ".cache")


def test_a_search_again_trains_nothing_and_gives_the_same(whole, prepared, root, networks):
    _remembering(whole, root)
    log = Log()
    assert search("ann", prepared, tiny_params(), root / "out", log) == whole[2]
    assert networks == []
    assert tree(root / "out") == tree(whole[1])
    assert log.trials == whole[3].trials


def test_a_wider_grid_trains_only_what_is_new(whole, prepared, root, networks):
    _remembering(whole, root)
    wider = tiny_params(ann={"units": [4, 8, 16]})
    metrics = search("ann", prepared, wider, root / "out", Log())
    assert networks == [{"dense_layers": 1, "units": 16}]
    assert metrics["trials"] == 4


def test_more_members_train_again_only_the_weights_that_were_forgotten(
    whole, prepared, root, networks
):
    _remembering(whole, root)
    search("ann", prepared, tiny_params(ensemble={"top": 3}), root / "out", Log())
    assert len(networks) == 1
    bests = tree(whole[1])
    assert {(root / "out" / f"{n}.keras").read_bytes() for n in (1, 2)} == {
        bests["1.keras"],
        bests["2.keras"],
    }
    trials = pd.read_csv(root / "out" / "trials.csv")
    third = keras.saving.load_model(root / "out" / "3.keras")
    assert third.count_params() == trials["parameters"][2]
    assert (root / "out" / "trials.csv").read_bytes() == bests["trials.csv"]


@pytest.mark.parametrize(
    "change",
    [{"lr": 0.02}, {"seed": 1}, {"ann": {"dropout": 0.1}}, {"search": {"batch_size": 16}}],
)
def test_what_decides_a_training_makes_it_another(whole, prepared, root, change):
    before = ClassifierStudy("ann", prepared, tiny_params()).training_spec({"dense_layers": 0}, 2)
    after = ClassifierStudy("ann", prepared, tiny_params(**change)).training_spec(
        {"dense_layers": 0}, 2
    )
    assert before.cache_dir.name != after.cache_dir.name


def test_other_scans_make_it_another(prepared, root):
    changed = root / "prepared"
    shutil.copytree(prepared, changed)
    random = np.random.default_rng(2)
    write_shards(changed, "train", [scan(f"train-{n}", n % 4, random) for n in range(24)])
    specs = [
        ClassifierStudy("ann", one, tiny_params()).training_spec({}, 2)
        for one in (prepared, changed)
    ]
    assert specs[0].cache_dir.name != specs[1].cache_dir.name


# ---- trials that fail -----------------------------------------------------------------


def _failing(monkeypatch, which):
    train = tuning_search.train

    def failing(network, spec, on_epoch):
        if which(network().count_params()):
            raise TrainingFailed("the loss is not finite in epoch 1; a smaller lr may help")
        return train(network, spec, on_epoch)

    monkeypatch.setattr(tuning_search, "train", failing)


def test_a_failing_trial_is_listed_last_and_stops_nothing(prepared, root, monkeypatch):
    smallest = 16 * 16 * 4 + 4
    _failing(monkeypatch, lambda parameters: parameters == smallest)
    metrics = search("ann", prepared, tiny_params(), root / "out", Log())
    assert (metrics["trials"], metrics["failed_trials"]) == (3, 1)
    trials = pd.read_csv(root / "out" / "trials.csv")
    assert sum(trials["problem"].notna()) == 1
    assert trials["problem"].iloc[-1].startswith("the loss is not finite in epoch 1")
    assert np.isnan(trials["val_macro_f1"].iloc[-1])


def test_nan_in_a_real_training_fails_the_search_in_one_line(prepared, root):
    with pytest.raises(InputError) as refused:
        search(
            "ann", prepared, tiny_params(lr=9.9, search={"epochs": 1}), root / "out", _exploding()
        )
    assert str(refused.value).startswith("every trial of ann failed, the first: the loss is not")
    assert "\n" not in str(refused.value)
    assert not (root / "out").exists()


def _exploding():
    """A log beside which every prediction of the first epoch is not a number."""
    log = Log()

    @contextmanager
    def record(name, values):
        predict = keras.Model.predict_on_batch
        with pytest.MonkeyPatch.context() as patched, log(name, values) as trial:
            patched.setattr(
                keras.Model,
                "predict_on_batch",
                lambda *a, **k: np.full_like(predict(*a, **k), np.nan),
            )
            yield trial

    return record


def test_an_unknown_backbone_is_one_line(prepared, root):
    params = tiny_params(transfer={"backbones": ["VGG61"]})
    with pytest.raises(InputError, match=r"^transfer.backbones: 'VGG61' is unknown; did you mean"):
        search("transfer", prepared, params, root / "out", Log())
