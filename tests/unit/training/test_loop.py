import gc
import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from scanvote.core.backend import clear_session, use_backend
from scanvote.core.seeds import derive_seed
from scanvote.metrics.classification import quick_scores
from scanvote.models.transfer import FROZEN
from scanvote.params import load_params
from scanvote.training import (
    Schedule,
    TrainingFailed,
    TrainingSpec,
    Unfreeze,
    delete_weights,
    loop,
    retrain_if_missing,
    train,
)
from scanvote.training.batches import Batches, Change

use_backend("tensorflow")

EPOCHS = 3
ROOT = Path(__file__).parents[3]
PLAIN = load_params(ROOT / "params.yaml").search.training()


def _schedule(objective="macro_f1", lr=0.01, **how):
    return Schedule(lr, PLAIN.model_copy(update={**SHORT, **how}), objective)


SHORT = {"epochs": EPOCHS, "patience": 10, "batch_size": 8, "schedule": "constant"}
SCHEDULE = _schedule()


class Killed(BaseException):
    """Such as a power cut: nothing that the training could catch."""


def _network(frozen=False):
    """With all that draws or remembers: dropout and batch normalisation."""
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    if frozen:
        x = keras.layers.GlobalAveragePooling2D()(x)
        x = keras.layers.Identity(name=FROZEN)(x)
    else:
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Dropout(0.3)(keras.layers.Flatten()(x))
    x = keras.layers.Dense(8, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.3)(x)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    if frozen:
        model.layers[2].trainable = False
    return model


def _frozen():
    return _network(frozen=True)


def _job(memory, **changes):
    random = np.random.default_rng(1)
    labels = np.arange(20) % 3
    scans = random.integers(0, 80, (20, 8, 8, 1)) + 80 * labels[:, None, None, None]
    truth = labels[:9]
    job = TrainingSpec(
        train=(scans.astype("uint8"), labels),
        validation=scans[:9].astype("uint8"),
        loss="sparse_categorical_crossentropy",
        score=lambda predicted: quick_scores(truth, predicted),
        schedule=SCHEDULE,
        seed=5,
        cache_dir=memory,
    )
    return replace(job, **changes)


def _ignore(epoch, scores):
    pass


def _outcome(memory):
    """The weights and the history, to the bit."""
    model = keras.saving.load_model(memory / "model.keras", compile=False)
    result = json.loads((memory / "result.json").read_text())
    return [w.tobytes() for w in model.get_weights()], result["history"], result["best"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    outcomes = {}
    for network in (_network, _frozen):
        memory = tmp_path_factory.mktemp("whole")
        train(network, _job(memory), _ignore)
        outcomes[network] = _outcome(memory)
    return outcomes


# ---- interruptions --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "last"), [*((_network, last) for last in range(EPOCHS)), (_frozen, 1)]
)
def test_resumed_after_any_epoch_equals_uninterrupted(tmp_path, uninterrupted, network, last):
    def killed(epoch, scores):
        if epoch == last:
            raise Killed

    with pytest.raises(Killed):
        train(network, _job(tmp_path), killed)
    assert not (tmp_path / "result.json").exists()
    np.random.default_rng().random(7)  # a new process has drawn other numbers before
    keras.utils.set_random_seed(last + 100)
    epochs = []
    train(network, _job(tmp_path), lambda epoch, scores: epochs.append((epoch, scores)))
    assert _outcome(tmp_path) == uninterrupted[network]
    assert epochs == list(enumerate(uninterrupted[network][1]))


def test_what_is_done_is_not_done_again_after_an_interruption(tmp_path, monkeypatch):
    def killed(epoch, scores):
        if epoch == 1:
            raise Killed

    with pytest.raises(Killed):
        train(_network, _job(tmp_path), killed)
    fitted = []
    start = Batches.start_epoch
    monkeypatch.setattr(
        Batches, "start_epoch", lambda self, seed: fitted.append(1) or start(self, seed)
    )
    train(_network, _job(tmp_path), _ignore)
    assert len(fitted) == EPOCHS - 2


def test_every_epoch_has_an_order_of_its_own(tmp_path, monkeypatch):
    orders = []
    start = Batches.start_epoch

    def noted(self, seed):
        start(self, seed)
        orders.append(tuple(row for batch in range(len(self)) for row in self[batch][1]))

    monkeypatch.setattr(Batches, "start_epoch", noted)
    train(_network, _job(tmp_path), _ignore)
    assert len(set(orders)) == EPOCHS


def test_killed_between_model_and_result(tmp_path, uninterrupted, monkeypatch):
    def killed(path, values):
        raise Killed

    monkeypatch.setattr(loop, "write_json", killed)
    with pytest.raises(Killed):
        train(_network, _job(tmp_path), _ignore)
    monkeypatch.undo()
    assert (tmp_path / "model.keras").exists()
    train(_network, _job(tmp_path), _ignore)
    assert _outcome(tmp_path) == uninterrupted[_network]


def test_a_finished_training_leaves_no_checkpoint(tmp_path):
    train(_network, _job(tmp_path), _ignore)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras", "result.json"]


# ---- memory ---------------------------------------------------------------------------


def test_forgotten_weights_are_trained_again_to_the_bit(tmp_path):
    train(_network, _job(tmp_path), _ignore)
    model, history = (tmp_path / "model.keras").read_bytes(), _outcome(tmp_path)
    delete_weights(tmp_path)
    train(_network, _job(tmp_path), _ignore)
    assert not (tmp_path / "model.keras").exists()
    retrain_if_missing(_network, _job(tmp_path))
    assert (tmp_path / "model.keras").read_bytes() == model
    assert _outcome(tmp_path) == history


def test_a_finished_training_is_remembered(tmp_path):
    first = train(_network, _job(tmp_path), _ignore)
    model = (tmp_path / "model.keras").read_bytes()
    epochs = []

    def refused():
        raise AssertionError("trained twice")

    again = train(refused, _job(tmp_path), lambda epoch, scores: epochs.append((epoch, scores)))
    assert again == first
    assert epochs == list(enumerate(first.history))
    assert (tmp_path / "model.keras").read_bytes() == model


def test_result_does_not_depend_on_what_was_trained_before(tmp_path, uninterrupted):
    train(_frozen, _job(tmp_path / "other", seed=99), _ignore)
    np.random.seed(3)
    keras.utils.set_random_seed(3)
    train(_network, _job(tmp_path / "one"), _ignore)
    assert _outcome(tmp_path / "one") == uninterrupted[_network]


def test_another_seed_trains_otherwise(tmp_path, uninterrupted):
    train(_network, _job(tmp_path, seed=6), _ignore)
    weights, history, _ = _outcome(tmp_path)
    assert weights != uninterrupted[_network][0]
    assert history != uninterrupted[_network][1]


def test_graphs_of_earlier_trainings_are_forgotten(tmp_path):
    """TensorFlow would keep each one, and memory would grow from trial to trial."""
    from tensorflow.python.framework import func_graph

    def graphs():
        clear_session()
        return sum(isinstance(one, func_graph.FuncGraph) for one in gc.get_objects())

    train(_network, _job(tmp_path / "0"), _ignore)
    before = graphs()
    for number in range(1, 4):
        train(_network, _job(tmp_path / str(number), seed=number), _ignore)
    assert graphs() <= before


# ---- the frozen part ------------------------------------------------------------------


def test_features_computed_once_give_the_same_training_as_the_whole_network(
    tmp_path, uninterrupted, monkeypatch
):
    monkeypatch.setattr(loop, "_has_features", lambda model, job: False)
    train(_frozen, _job(tmp_path), _ignore)
    whole = json.loads((tmp_path / "result.json").read_text())["history"]
    for through, once in zip(whole, uninterrupted[_frozen][1], strict=True):
        assert through["loss"] == pytest.approx(once["loss"], rel=1e-4)
        assert through["val_loss"] == pytest.approx(once["val_loss"], rel=1e-4)


def test_features_are_kept_for_other_trainings(tmp_path, uninterrupted):
    kept = tmp_path / "features"
    for name in ("computes", "finds"):
        train(_frozen, _job(tmp_path / name, features=kept), _ignore)
        assert _outcome(tmp_path / name) == uninterrupted[_frozen]
    assert {path.name: np.load(path).shape for path in kept.iterdir()} == {
        "train.npy": (20, 4),
        "validation.npy": (9, 4),
    }
    np.save(kept / "train.npy", np.zeros((20, 4), "float32"))
    train(_frozen, _job(tmp_path / "other", features=kept), _ignore)
    assert _outcome(tmp_path / "other") != uninterrupted[_frozen]


def test_the_saved_network_of_a_frozen_training_is_whole(tmp_path):
    job = _job(tmp_path)
    trained = train(_frozen, job, _ignore)
    model = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert trained.parameters == model.count_params() == _frozen().count_params()
    assert model.input_shape == (None, 8, 8, 1)
    scores = job.score(model.predict(job.validation, verbose=0))
    assert scores["val_loss"] == pytest.approx(trained.best["val_loss"], rel=1e-5)


# ---- the best epoch -------------------------------------------------------------------


def _scripted(values):
    """Scores as if the epochs had gone so."""
    values = iter(values)

    def score(predicted):
        return {"val_macro_f1": next(values), "val_loss": 1.0}

    return score


def _weights_by_epoch(memory, **changes):
    """What the network was after each epoch, and the end."""
    after = []

    def noted(epoch, scores):
        with np.load(memory / "checkpoint.npz") as saved:
            names = sorted(name for name in saved if name.startswith("weight_"))
            after.append([saved[name].tobytes() for name in names])

    trained = train(_network, _job(memory, **changes), noted)
    return trained, after


def test_patience_ends_the_training_and_the_best_epoch_stays(tmp_path):
    schedule = _schedule(epochs=10, patience=2)
    scores = [0.1, 0.5, 0.4, 0.5, 0.9]
    trained, after = _weights_by_epoch(tmp_path, schedule=schedule, score=_scripted(scores))
    assert [epoch["val_macro_f1"] for epoch in trained.history] == scores[:4]
    assert trained.best == trained.history[1]
    kept = keras.saving.load_model(tmp_path / "model.keras").get_weights()
    assert sorted(w.tobytes() for w in kept) == sorted(after[1])
    assert sorted(after[1]) != sorted(after[3])


def test_a_better_epoch_gives_new_patience(tmp_path):
    schedule = _schedule(epochs=6, patience=2)
    scores = [0.5, 0.4, 0.6, 0.5, 0.7, 0.6]
    trained, _ = _weights_by_epoch(tmp_path, schedule=schedule, score=_scripted(scores))
    assert len(trained.history) == 6
    assert trained.best["val_macro_f1"] == 0.7


def test_patience_counts_on_after_an_interruption(tmp_path):
    schedule = _schedule(epochs=10, patience=2)

    def killed(epoch, scores):
        if epoch == 1:
            raise Killed

    with pytest.raises(Killed):
        train(_network, _job(tmp_path, schedule=schedule, score=_scripted([0.5, 0.4])), killed)
    again = _job(tmp_path, schedule=schedule, score=_scripted([0.3, 0.9]))
    assert len(train(_network, again, _ignore).history) == 3


def test_loss_that_is_not_finite_ends_the_training(tmp_path):
    job = _job(tmp_path, score=lambda predicted: {"val_loss": np.nan, "val_macro_f1": 0.0})
    with pytest.raises(TrainingFailed, match=r"^the loss is not finite in epoch 1; .*lr"):
        train(_network, job, _ignore)
    assert not (tmp_path / "model.keras").exists()


def test_a_failure_is_remembered(tmp_path):
    job = _job(tmp_path, score=lambda predicted: {"val_loss": np.nan, "val_macro_f1": 0.0})
    with pytest.raises(TrainingFailed) as first:
        train(_network, job, _ignore)

    def refused():
        raise AssertionError("trained twice")

    with pytest.raises(TrainingFailed) as second:
        train(refused, job, _ignore)
    assert str(second.value) == str(first.value)


def test_want_of_memory_fails_and_is_tried_again(tmp_path):
    def greedy():
        raise MemoryError("Unable to allocate 9 TiB")

    with pytest.raises(TrainingFailed, match=r"^the memory does not suffice; smaller"):
        train(greedy, _job(tmp_path), _ignore)
    train(_network, _job(tmp_path), _ignore)
    assert (tmp_path / "model.keras").exists()


def test_a_learning_rate_out_of_bounds_fails_as_a_training(tmp_path):
    with pytest.raises(TrainingFailed):
        train(_network, _job(tmp_path, schedule=_schedule(lr=1e38, epochs=5)), _ignore)


# ---- the schedule ---------------------------------------------------------------------


def _ranked(objective, *scores):
    schedule = _schedule(objective=objective)
    rows = [dict(zip(("val_loss", "val_macro_f1"), score, strict=True)) for score in scores]
    return sorted(rows, key=schedule.key)


def test_the_higher_score_goes_first_and_the_lower_loss_among_equals():
    ranked = _ranked("macro_f1", (0.1, 0.2), (0.9, 0.8), (0.5, 0.8))
    assert [row["val_loss"] for row in ranked] == [0.5, 0.9, 0.1]


def test_the_lower_loss_goes_first():
    ranked = _ranked("loss", (0.5, 0.9), (0.1, 0.2), (0.3, 1.0))
    assert [row["val_loss"] for row in ranked] == [0.1, 0.3, 0.5]


def test_a_budget_below_the_schedule_only_shortens():
    assert SCHEDULE.truncated(2) == _schedule(epochs=2)
    assert SCHEDULE.truncated(EPOCHS + 5) == SCHEDULE


# ---- batches --------------------------------------------------------------------------


def test_batches_hold_every_scan_once_with_its_own_target():
    images = np.arange(10)
    batches = Batches(images, 4, images * 2)
    batches.start_epoch(1)
    found = [batches[number] for number in range(len(batches))]
    assert [len(part) for part, _ in found] == [4, 4, 2]
    seen = np.concatenate([part for part, _ in found])
    assert sorted(seen) == list(images)
    assert list(seen) != list(images)
    assert (np.concatenate([targets for _, targets in found]) == seen * 2).all()


def test_batches_change_each_image_in_a_way_of_its_epoch_and_its_own():
    bounds = load_params(ROOT / "params.yaml").prepare.augment
    images = np.random.default_rng(1).integers(0, 256, (6, 16, 16, 3), "uint8")
    batches = Batches(images, 2, np.arange(6), change=Change(bounds))

    def epoch(seed):
        batches.start_epoch(seed)
        found = [batches[number] for number in range(3)]
        rows = np.concatenate([targets for _, targets in found])
        return np.concatenate([images for images, _ in found])[np.argsort(rows)]

    first, second = epoch(1), epoch(2)
    assert (first == epoch(1)).all()
    assert all((a != b).any() for a, b in zip(first, second, strict=True))
    assert all((a != b).any() for a, b in zip(first, images, strict=True))


# ---- rates, optimizers and what else is set -------------------------------------------


def _rates(schedule, losses):
    history = [{"val_loss": loss} for loss in losses]
    return [schedule.rate(history[:epoch], len(losses)) for epoch in range(len(losses))]


def test_constant_rate():
    assert _rates(_schedule(lr=0.5), [1, 1, 1]) == [0.5] * 3


def test_rate_rises_in_warm_up_and_falls_along_a_cosine():
    schedule = _schedule(lr=1.0, epochs=6, warm_up=2, schedule="cosine")
    expected = [
        1 / 3,
        2 / 3,
        1.0,
        (1 + np.cos(np.pi / 4)) / 2,
        0.5,
        (1 + np.cos(3 * np.pi / 4)) / 2,
    ]
    assert _rates(schedule, [1] * 6) == pytest.approx(expected)


def test_plateaus_are_those_of_keras():
    """Beside Keras's own callback, on the same losses."""
    losses = [1.0, 0.9, 0.95, 0.90005, 0.8, 0.81, 0.82, 0.83, 0.84, 0.7, 0.71, 0.72, 0.73]
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    plateau = keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=2, min_lr=1e-4)
    plateau.set_model(model)
    model.optimizer.learning_rate = 0.01
    plateau.on_train_begin()
    expected = []
    for epoch, loss in enumerate(losses):
        expected.append(float(model.optimizer.learning_rate.value))
        plateau.on_epoch_end(epoch, {"val_loss": loss})
    how = {"factor": 0.3, "patience": 2, "minimum": 1e-4}
    plateaus = PLAIN.plateau.model_copy(update=how)
    schedule = _schedule(lr=0.01, epochs=99, schedule="plateau", plateau=plateaus)
    assert _rates(schedule, losses) == pytest.approx(expected, rel=1e-5)
    assert len(set(expected)) > 2


def test_no_patience_trains_all_epochs(tmp_path):
    schedule = _schedule(epochs=4, patience=None)
    scores = [0.9, 0.1, 0.1, 0.1]
    trained, _ = _weights_by_epoch(tmp_path, schedule=schedule, score=_scripted(scores))
    assert len(trained.history) == 4


SETTINGS = [
    {"optimizer": "adamw", "weight_decay": 0.01, "schedule": "cosine", "warm_up": 1},
    {"optimizer": "rmsprop", "schedule": "plateau"},
    {"optimizer": "sgd"},
    {"precision": "mixed_bfloat16"},
    {"precision": "mixed_float16"},
]


@pytest.mark.parametrize("how", SETTINGS, ids=lambda how: "-".join(map(str, how.values())))
def test_every_setting_trains_resumes_and_matters(tmp_path, uninterrupted, how):
    schedule = _schedule(**how)
    train(_network, _job(tmp_path / "whole", schedule=schedule), _ignore)
    whole = _outcome(tmp_path / "whole")

    def killed(epoch, scores):
        if epoch == 1:
            raise Killed

    with pytest.raises(Killed):
        train(_network, _job(tmp_path / "cut", schedule=schedule), killed)
    keras.utils.set_random_seed(7)
    train(_network, _job(tmp_path / "cut", schedule=schedule), _ignore)
    assert _outcome(tmp_path / "cut") == whole
    assert whole[0] != uninterrupted[_network][0]
    assert keras.config.dtype_policy().name == "float32"


def test_weights_of_the_scans_matter(tmp_path, uninterrupted):
    weights = np.where(np.arange(20) % 3 == 0, 5, 0.1).astype("float32")
    train(_network, _job(tmp_path, weights=weights), _ignore)
    assert _outcome(tmp_path)[0] != uninterrupted[_network][0]


def test_what_a_training_cost_is_told(tmp_path):
    trained = train(_network, _job(tmp_path), _ignore)
    assert trained.seconds > 0
    assert 0 < trained.images_per_second < 20 * EPOCHS / 1e-3
    assert trained.memory_mib > 50


def test_a_mirrored_model_says_the_same_of_a_mirror_image(tmp_path):
    job = _job(tmp_path, mirror=True)
    trained = train(_network, job, _ignore)
    model = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    images = job.validation.astype("float32")
    assert np.allclose(
        model.predict(images, verbose=0), model.predict(images[:, :, ::-1], verbose=0), atol=1e-6
    )
    assert model.count_params() == trained.parameters


# ---- a backbone that learns after a while ---------------------------------------------


def _release(model):
    model.layers[2].trainable = True


def _thawing(memory, after, **changes):
    schedule = _schedule(epochs=4, schedule="cosine", **changes)
    return _job(memory, schedule=schedule, unfreeze=Unfreeze(after, _release))


@pytest.mark.parametrize("after", [0, 2])
def test_a_thawed_layer_learns_from_its_epoch_on(tmp_path, after):
    before = []

    def noted(epoch, scores):
        with np.load(tmp_path / "checkpoint.npz") as saved:
            state = json.loads(str(saved["state"]))
            before.append((state["phase"], len([n for n in saved if n.startswith("weight_")])))

    train(_frozen, _thawing(tmp_path, after), noted)
    phases = [phase for phase, _ in before]
    assert phases == [0] * after + [1] * (4 - after)
    assert len({count for _, count in before}) == (2 if after else 1)
    model = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    keras.utils.set_random_seed(derive_seed(5, "weights"))
    fresh = _frozen()
    assert (model.layers[2].get_weights()[0] != fresh.layers[2].get_weights()[0]).any()


@pytest.fixture(scope="module")
def thawed(tmp_path_factory):
    memory = tmp_path_factory.mktemp("thawed")
    train(_frozen, _thawing(memory, 2), _ignore)
    return _outcome(memory)


@pytest.mark.parametrize("last", range(4))
def test_thawing_resumes_after_any_epoch(tmp_path, thawed, last):

    def killed(epoch, scores):
        if epoch == last:
            raise Killed

    with pytest.raises(Killed):
        train(_frozen, _thawing(tmp_path / "cut", 2), killed)
    keras.utils.set_random_seed(last)
    train(_frozen, _thawing(tmp_path / "cut", 2), _ignore)
    assert _outcome(tmp_path / "cut") == thawed


def test_the_best_epoch_may_be_one_before_the_thaw(tmp_path):
    scores = [0.9, 0.1, 0.2, 0.3]
    schedule = _schedule(epochs=4)
    job = _job(tmp_path, schedule=schedule, score=_scripted(scores), unfreeze=Unfreeze(2, _release))
    trained = train(_frozen, job, _ignore)
    assert trained.best["val_macro_f1"] == 0.9
    model = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    keras.utils.set_random_seed(derive_seed(5, "weights"))
    fresh = _frozen()
    assert (model.layers[2].get_weights()[0] == fresh.layers[2].get_weights()[0]).all()
