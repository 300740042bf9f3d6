import keras
import numpy as np
import pytest

from scanvote.models.input_spec import output_head, to_class_probabilities


def _head(outputs):
    inputs = keras.Input((6,))
    return keras.Model(inputs, output_head(inputs, outputs))


def _features(scale=1.0):
    return scale * np.random.default_rng(1).normal(size=(9, 6)).astype("float32")


@pytest.mark.parametrize("outputs", [2, 4])
def test_several_outputs_share_a_certainty_of_1(outputs):
    predicted = _head(outputs).predict(_features(), verbose=0)
    assert predicted.shape == (9, outputs)
    assert np.allclose(predicted.sum(axis=1), 1, atol=1e-6)
    assert (predicted > 0).all()


def test_one_output_is_the_sigmoid_of_a_linear_layer():
    head = _head(1)
    kernel, bias = head.get_weights()
    expected = 1 / (1 + np.exp(-(_features() @ kernel + bias)))
    predicted = head.predict(_features(), verbose=0)
    assert predicted.shape == (9, 1)
    assert np.allclose(predicted, expected, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_answer_is_exact_behind_layers_that_are_not(policy, outputs):
    inputs = keras.Input((6,))
    x = keras.layers.Dense(5, dtype=policy)(inputs)
    model = keras.Model(inputs, output_head(x, outputs))
    assert model.layers[-1].compute_dtype == "float32"
    assert model.predict(_features(), verbose=0).dtype == np.float32


def test_a_sigmoid_speaks_of_the_second_class():
    predicted = np.array([[0.0], [0.25], [1.0]], "float32")
    assert to_class_probabilities(predicted).tolist() == [[1, 0], [0.75, 0.25], [0, 1]]


@pytest.mark.parametrize("classes", [2, 4])
def test_classes_stay_as_they_are(classes):
    predicted = np.random.default_rng(1).dirichlet(np.ones(classes), 5)
    assert np.array_equal(to_class_probabilities(predicted), predicted)
