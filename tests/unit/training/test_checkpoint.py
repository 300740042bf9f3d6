import keras
import numpy as np
import pytest

from scanvote.training.checkpoint import State, read_state, restore, save_checkpoint


@pytest.fixture
def model():
    made = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    made.compile("adam", "mse")
    made.optimizer.build(made.trainable_variables)
    return made


def _set(model, value):
    model.set_weights([np.full((2, 1), value, "float32")])


def test_a_checkpoint_brings_back_the_weights_and_those_of_the_best_epoch(model, tmp_path):
    state = State(best_weights=[np.ones((2, 1), "float32")])
    _set(model, 4.0)
    save_checkpoint(state, model, model.optimizer, tmp_path / "checkpoint.npz")
    again = read_state(tmp_path / "checkpoint.npz")
    _set(model, 9.0)
    restore(again, model, model.optimizer, tmp_path / "checkpoint.npz")
    assert np.array_equal(model.get_weights()[0], np.full((2, 1), 4.0))
    assert np.array_equal(again.best_weights[0], np.ones((2, 1)))
