import json

import keras
import numpy as np
import pytest

from scanvote.core.backend import use_backend
from scanvote.models.layer_calls import for_patches
from scanvote.params import load_params
from scanvote.training import Schedule, TrainingSpec, train
from scanvote.training.patches import Patches

use_backend("tensorflow")

SIDE = 12


def _slice() -> tuple[np.ndarray, np.ndarray]:
    """A slice whose pixels are all different, and a mask of two pixels in a corner."""
    image = np.arange(20 * 24).reshape(20, 24, 1)
    mask = np.zeros_like(image, "uint8")
    mask[2, 3:5] = 1
    return image, mask


def _cuts(on_tumour: float, count: int = 200) -> list[tuple[np.ndarray, np.ndarray]]:
    patches, (image, mask) = Patches(SIDE, on_tumour), _slice()
    return [patches.cut(image, mask, np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("on_tumour", [0.0, 0.5, 1.0])
def test_image_and_mask_are_cut_alike(on_tumour: float) -> None:
    whole = _slice()[1]
    for image, mask in _cuts(on_tumour):
        assert image.shape == mask.shape == (SIDE, SIDE, 1)
        np.testing.assert_array_equal(mask.ravel(), whole.ravel()[image.ravel()])


def test_patches_lie_anywhere_or_on_the_tumour() -> None:
    corners = {int(image[0, 0, 0]) for image, _ in _cuts(0.0, 2000)}
    assert corners == {24 * row + column for row in range(9) for column in range(13)}
    assert all(mask.any() for _, mask in _cuts(1.0))
    held = [mask.any() for _, mask in _cuts(0.5)]
    without = [mask.any() for _, mask in _cuts(0.0)]
    assert sum(without) < sum(held) < len(held)


def test_a_slice_without_tumour_is_cut_anywhere() -> None:
    image, mask = _slice()
    for seed in range(20):
        random = np.random.default_rng(seed)
        cut, empty = Patches(SIDE, 1.0).cut(image, 0 * mask, random)
        assert cut.shape == (SIDE, SIDE, 1)
        assert not empty.any()


def _network() -> keras.Model:
    """Nested, as a U-Net with an encoder is."""
    inner = keras.Sequential(
        [keras.Input((None, None, 1)), keras.layers.Conv2D(2, 3, padding="same")]
    )
    inputs = keras.Input((16, 16, 1))
    x = keras.layers.BatchNormalization()(inner(keras.layers.Rescaling(1 / 255)(inputs)))
    return keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(x))


def test_the_network_for_patches_has_the_weights_of_the_whole_one() -> None:
    model = _network()
    small = for_patches(model, 8)
    assert small.input_shape == (None, 8, 8, 1)
    assert {id(weight) for weight in small.weights} == {id(weight) for weight in model.weights}
    scan = np.random.default_rng(1).integers(0, 256, (1, 16, 16, 1)).astype("float32")
    inside = model.predict_on_batch(scan)[:, 1:7, 1:7]
    np.testing.assert_allclose(small.predict_on_batch(scan[:, :8, :8])[:, 1:7, 1:7], inside, 1e-5)


class Killed(BaseException):
    """Such as a power cut: nothing that the training could catch."""


def test_a_training_on_patches_learns_and_resumes_to_the_bit(tmp_path) -> None:
    random = np.random.default_rng(3)
    masks = np.zeros((24, 16, 16, 1), "uint8")
    for mask in masks[::2]:
        top, left = random.integers(0, 10, 2)
        mask[top : top + 6, left : left + 6] = 1
    images = (random.integers(0, 60, masks.shape) + 150 * masks).astype("uint8")

    def score(predicted: np.ndarray) -> dict[str, float]:
        loss = float(np.abs(predicted - masks).mean())
        return {"val_loss": loss, "val_dice": 1 - loss}

    config = load_params().unet.training()
    config = config.model_copy(update={"epochs": 4, "batch_size": 4})

    def spec(folder: str, patches: Patches | None = Patches(8, 0.5)) -> TrainingSpec:
        return TrainingSpec(
            train=(images, masks),
            validation=images,
            loss="binary_crossentropy",
            score=score,
            schedule=Schedule(0.1, config, "dice"),
            seed=5,
            cache_dir=tmp_path / folder,
            patches=patches,
        )

    def kill(epoch: int, scores: dict[str, float]) -> None:
        if epoch == 1:
            raise Killed

    whole = train(_network, spec("whole"), lambda epoch, scores: None)
    with pytest.raises(Killed):
        train(_network, spec("killed"), kill)
    train(_network, spec("killed"), lambda epoch, scores: None)
    other = train(_network, spec("slices", None), lambda epoch, scores: None)
    assert other.history[0] != whole.history[0]
    assert whole.best["val_loss"] < 0.5 * whole.history[0]["val_loss"]
    results = [
        json.loads((tmp_path / one / "result.json").read_text()) for one in ("whole", "killed")
    ]
    assert results[0]["history"] == results[1]["history"]
    models = [
        keras.saving.load_model(tmp_path / one / "model.keras") for one in ("whole", "killed")
    ]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)
    assert models[0].input_shape == (None, 16, 16, 1)
