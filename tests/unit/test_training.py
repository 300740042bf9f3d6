import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from scanvote import training
from scanvote.backend import use_backend
from scanvote.metrics.classification import quick_scores
from scanvote.models.transfer import FROZEN
from scanvote.training import Job, Schedule, TrainingFailed, train

use_backend("tensorflow")

EPOCHS = 3
SCHEDULE = Schedule(lr=0.01, epochs=EPOCHS, patience=10, batch_size=8, objective="macro_f1")


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
    job = Job(
        train=(scans.astype("uint8"), labels),
        validation=scans[:9].astype("uint8"),
        loss="sparse_categorical_crossentropy",
        score=lambda predicted: quick_scores(truth, predicted),
        schedule=SCHEDULE,
        seed=5,
        memory=memory,
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
    shuffle = training.Batches.shuffle
    monkeypatch.setattr(
        training.Batches, "shuffle", lambda self, random: fitted.append(1) or shuffle(self, random)
    )
    train(_network, _job(tmp_path), _ignore)
    assert len(fitted) == EPOCHS - 2


def test_every_epoch_has_an_order_of_its_own(tmp_path, monkeypatch):
    orders = []
    shuffle = training.Batches.shuffle

    def noted(self, random):
        shuffle(self, random)
        orders.append(tuple(self.order))

    monkeypatch.setattr(training.Batches, "shuffle", noted)
    train(_network, _job(tmp_path), _ignore)
    assert len(set(orders)) == EPOCHS


def test_killed_between_model_and_result(tmp_path, uninterrupted, monkeypatch):
    def killed(path, values):
        raise Killed

    monkeypatch.setattr(training, "write_json", killed)
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
    training.forget_model(tmp_path)
    train(_network, _job(tmp_path), _ignore)
    assert not (tmp_path / "model.keras").exists()
    training.restore_model(_network, _job(tmp_path))
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


# ---- the frozen part ------------------------------------------------------------------


def test_features_computed_once_give_the_same_training_as_the_whole_network(
    tmp_path, uninterrupted, monkeypatch
):
    monkeypatch.setattr(training, "_after_frozen", lambda model: model)
    monkeypatch.setattr(training, "_with_features", lambda model, job: job)
    train(_frozen, _job(tmp_path), _ignore)
    whole = json.loads((tmp_path / "result.json").read_text())["history"]
    for through, once in zip(whole, uninterrupted[_frozen][1], strict=True):
        assert through["loss"] == pytest.approx(once["loss"], rel=1e-4)
        assert through["val_loss"] == pytest.approx(once["val_loss"], rel=1e-4)


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
    schedule = replace(SCHEDULE, epochs=10, patience=2)
    scores = [0.1, 0.5, 0.4, 0.5, 0.9]
    trained, after = _weights_by_epoch(tmp_path, schedule=schedule, score=_scripted(scores))
    assert [epoch["val_macro_f1"] for epoch in trained.history] == scores[:4]
    assert trained.best == trained.history[1]
    kept = keras.saving.load_model(tmp_path / "model.keras").get_weights()
    assert sorted(w.tobytes() for w in kept) == sorted(after[1])
    assert sorted(after[1]) != sorted(after[3])


def test_a_better_epoch_gives_new_patience(tmp_path):
    schedule = replace(SCHEDULE, epochs=6, patience=2)
    scores = [0.5, 0.4, 0.6, 0.5, 0.7, 0.6]
    trained, _ = _weights_by_epoch(tmp_path, schedule=schedule, score=_scripted(scores))
    assert len(trained.history) == 6
    assert trained.best["val_macro_f1"] == 0.7


def test_patience_counts_on_after_an_interruption(tmp_path):
    schedule = replace(SCHEDULE, epochs=10, patience=2)

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
    assert not (tmp_path / "result.json").exists()
    assert not (tmp_path / "model.keras").exists()


def test_a_learning_rate_out_of_bounds_fails_as_a_training(tmp_path):
    with pytest.raises(TrainingFailed):
        train(_network, _job(tmp_path, schedule=replace(SCHEDULE, lr=1e38, epochs=5)), _ignore)


# ---- the schedule ---------------------------------------------------------------------


def _ranked(objective, *scores):
    schedule = replace(SCHEDULE, objective=objective)
    rows = [dict(zip(("val_loss", "val_macro_f1"), score, strict=True)) for score in scores]
    return sorted(rows, key=schedule.key)


def test_the_higher_score_goes_first_and_the_lower_loss_among_equals():
    ranked = _ranked("macro_f1", (0.1, 0.2), (0.9, 0.8), (0.5, 0.8))
    assert [row["val_loss"] for row in ranked] == [0.5, 0.9, 0.1]


def test_the_lower_loss_goes_first():
    ranked = _ranked("loss", (0.5, 0.9), (0.1, 0.2), (0.3, 1.0))
    assert [row["val_loss"] for row in ranked] == [0.1, 0.3, 0.5]


def test_a_budget_below_the_schedule_only_shortens():
    assert SCHEDULE.within(2) == replace(SCHEDULE, epochs=2)
    assert SCHEDULE.within(EPOCHS + 5) == SCHEDULE


# ---- batches --------------------------------------------------------------------------


def test_batches_hold_every_scan_once_with_its_own_target():
    images = np.arange(10)
    batches = training.Batches(images, images * 2, 4)
    batches.shuffle(np.random.default_rng(1))
    found = [batches[number] for number in range(len(batches))]
    assert [len(part) for part, _ in found] == [4, 4, 2]
    seen = np.concatenate([part for part, _ in found])
    assert sorted(seen) == list(images)
    assert list(seen) != list(images)
    assert (np.concatenate([targets for _, targets in found]) == seen * 2).all()
