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


def test_in_the_block_the_weights_are_the_running_mean_and_after_it_as_they_were(model):
    state, seen = State(), []
    for value in (0.0, 1.0, 1.0):
        _set(model, value)
        with state.averaged(model, 0.75):
            seen.append(float(model.get_weights()[0][0, 0]))
        assert float(model.get_weights()[0][0, 0]) == value
    assert seen == pytest.approx([0, 0.25, 0.4375])


def test_without_a_mean_nothing_is_touched(model):
    state = State()
    _set(model, 3.0)
    with state.averaged(model, 0.0):
        assert float(model.get_weights()[0][0, 0]) == 3
    assert state.average == []


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_a_checkpoint_brings_back_the_mean_too(model, tmp_path, decay):
    state = State(best_weights=[np.ones((2, 1), "float32")])
    for value in (0.0, 4.0):
        _set(model, value)
        with state.averaged(model, decay):
            pass
    save_checkpoint(state, model, model.optimizer, tmp_path / "checkpoint.npz")
    again = read_state(tmp_path / "checkpoint.npz")
    _set(model, 9.0)
    restore(again, model, model.optimizer, tmp_path / "checkpoint.npz")
    assert np.array_equal(model.get_weights()[0], np.full((2, 1), 4.0))
    assert [mean.tolist() for mean in again.average] == [mean.tolist() for mean in state.average]
    assert np.array_equal(again.best_weights[0], np.ones((2, 1)))
