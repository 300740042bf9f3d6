import keras
import numpy as np
import pytest

from scanvote.models.losses import LOSSES, bce, bce_dice, dice

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
