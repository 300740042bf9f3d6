import keras
import numpy as np
import pytest

from scanvote.models.losses import LOSSES, bce, bce_dice, class_loss, dice

SHAPE = (3, 8, 8, 1)


def _masks():
    random = np.random.default_rng(1)
    truth = random.integers(0, 2, SHAPE, "uint8")
    return truth, random.uniform(0.01, 0.99, SHAPE).astype("float32")


def _bce(truth, predicted):
    predicted = predicted.astype(float)
    return -np.mean(truth * np.log(predicted) + (1 - truth) * np.log(1 - predicted))


def _dice(truth, predicted):
    return 1 - (2 * (truth * predicted).sum() + 1) / (truth.sum() + predicted.sum() + 1)


def test_losses_are_those_of_numpy():
    truth, predicted = _masks()
    given = truth.astype("float32")
    assert float(bce(given, predicted)) == pytest.approx(_bce(truth, predicted), abs=1e-5)
    assert float(dice(given, predicted)) == pytest.approx(_dice(truth, predicted), abs=1e-5)
    both = _bce(truth, predicted) + _dice(truth, predicted)
    assert float(bce_dice(given, predicted)) == pytest.approx(both, abs=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_truth_of_bytes_gives_the_same_loss(name):
    truth, predicted = _masks()
    of_floats = LOSSES[name](truth.astype("float32"), predicted)
    assert float(LOSSES[name](truth, predicted)) == float(of_floats)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_teaches_in_a_graph(name):
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3, padding="same")])
    model.add(keras.layers.Activation("sigmoid"))
    model.compile("adam", LOSSES[name])
    truth, scans = _masks()
    before = [weight.copy() for weight in model.get_weights()]
    assert np.isfinite(model.train_on_batch(scans, truth))
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_dice_of_empty_masks():
    empty, full = np.zeros(SHAPE, "float32"), np.ones(SHAPE, "float32")
    assert float(dice(empty, empty)) == 0
    assert float(dice(full, full)) == pytest.approx(0)
    assert float(dice(empty, full)) == pytest.approx(1 - 1 / (full.size + 1))
    assert float(dice(full, empty)) == pytest.approx(1 - 1 / (full.size + 1))


def test_dice_is_of_the_batch_so_that_an_empty_slice_weighs_nothing():
    truth, predicted = _masks()
    empty = np.zeros((5, *SHAPE[1:]), "float32")
    padded = dice(np.concatenate([truth, empty]), np.concatenate([predicted, empty]))
    assert float(padded) == pytest.approx(float(dice(truth, predicted)), abs=1e-6)


@pytest.mark.parametrize("loss", [dice, bce, bce_dice])
def test_certain_and_wrong_is_finite(loss):
    ones, zeros = np.ones(SHAPE, "float32"), np.zeros(SHAPE, "float32")
    assert np.isfinite(float(loss(ones, zeros)))
    assert float(loss(ones, zeros)) > float(loss(ones, ones))


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_found_again_by_its_name(name):
    stored = keras.saving.serialize_keras_object(LOSSES[name])
    assert keras.saving.deserialize_keras_object(stored) is LOSSES[name]


# ---- of classes -----------------------------------------------------------------------


def _certainty(outputs):
    """Targets of three classes and what a softmax says, or of two and what a sigmoid says."""
    random = np.random.default_rng(1)
    if outputs == 1:
        truth = random.integers(0, 2, (9, 1)).astype("float32")
        return truth, random.uniform(0.05, 0.95, (9, 1)).astype("float32")
    truth = np.eye(outputs, dtype="float32")[np.arange(9) % outputs]
    return truth, random.dirichlet(np.ones(outputs), 9).clip(1e-3).astype("float32")


def _cross_entropy(truth, predicted, smoothing):
    predicted = predicted.astype(float)
    if truth.shape[1] == 1:
        truth = truth * (1 - smoothing) + smoothing / 2
        return -np.mean(truth * np.log(predicted) + (1 - truth) * np.log(1 - predicted))
    predicted = predicted / predicted.sum(axis=1, keepdims=True)
    truth = truth * (1 - smoothing) + smoothing / truth.shape[1]
    return -np.mean((truth * np.log(predicted)).sum(axis=1))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("outputs", [1, 3])
def test_cross_entropy_is_that_of_numpy(outputs, smoothing):
    truth, predicted = _certainty(outputs)
    loss = class_loss("cross_entropy", outputs, smoothing)
    expected = _cross_entropy(truth, predicted, smoothing)
    assert float(loss(truth, predicted)) == pytest.approx(expected, rel=1e-4)


def _of_one(name, outputs, certainty, smoothing=0.0):
    """The loss of one scan whose own class is given this probability."""
    if outputs == 1:
        truth, predicted = [[1.0]], [[certainty]]
    else:
        truth, predicted = [[1.0, 0.0]], [[certainty, 1 - certainty]]
    return float(class_loss(name, outputs, smoothing)(np.float32(truth), np.float32(predicted)))


@pytest.mark.parametrize("outputs", [1, 2])
def test_focal_loss_cares_less_for_what_is_easy(outputs):
    shares = [
        _of_one("focal", outputs, certainty) / _of_one("cross_entropy", outputs, certainty)
        for certainty in (0.1, 0.5, 0.9, 0.99)
    ]
    assert shares == sorted(shares, reverse=True)
    # (1 - p)² of Lin et al., beside a constant weight of all
    assert shares[2] / shares[1] == pytest.approx((0.1 / 0.5) ** 2, rel=1e-3)


@pytest.mark.parametrize("outputs", [1, 2])
def test_smoothing_makes_certainty_cost(outputs):
    name = "cross_entropy"
    assert _of_one(name, outputs, 0.999, 0.1) > _of_one(name, outputs, 0.9, 0.1)
    assert _of_one(name, outputs, 0.999) < _of_one(name, outputs, 0.9)


@pytest.mark.parametrize("outputs", [1, 2])
def test_smoothing_changes_the_focal_loss(outputs):
    assert _of_one("focal", outputs, 0.9, 0.1) != _of_one("focal", outputs, 0.9)


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_class_losses_weigh_the_scans(name, outputs):
    truth, predicted = _certainty(outputs)
    weights = np.r_[np.float32(9), np.zeros(8, np.float32)]
    loss = class_loss(name, outputs, 0.0)
    weighted = float(loss(truth, predicted, sample_weight=weights))
    assert weighted == pytest.approx(float(loss(truth[:1], predicted[:1])), rel=1e-5)
