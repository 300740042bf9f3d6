import numpy as np
import pytest

from scanvote.models import unet
from scanvote.models.losses import LOSSES


def test_published_size():
    model = unet.build((256, 256, 3))
    assert model.count_params() == 1_941_105
    assert model.output_shape == (None, 256, 256, 1)


def test_filters_double_over_five_levels():
    model = unet.build((32, 32, 1), filters=2)
    convolutions = [layer.filters for layer in model.layers if layer.name.startswith("conv2d")]
    assert sorted(set(convolutions)) == [1, 2, 4, 8, 16, 32]


@pytest.mark.parametrize("loss", LOSSES)
def test_learns_from_a_batch_of_bytes(loss):
    model = unet.build((16, 16, 1), filters=2)
    model.compile("adam", LOSSES[loss])
    random = np.random.default_rng(1)
    scans = random.integers(0, 256, (4, 16, 16, 1), "uint8")
    masks = random.integers(0, 2, (4, 16, 16, 1), "uint8")
    before = [weight.copy() for weight in model.get_weights()]
    assert np.isfinite(model.train_on_batch(scans, masks))
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    predicted = model.predict(scans, verbose=0)
    assert predicted.shape == (4, 16, 16, 1)
    assert predicted.min() >= 0
    assert predicted.max() <= 1
