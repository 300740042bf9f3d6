import keras
import pytest
from keras import layers

from scanvote.models import efficientnet_lite

# of a scan of 64 pixels: height of each stage's maps, and its filters
LITE0 = [(32, 16), (16, 24), (8, 40), (4, 80), (4, 112), (2, 192), (2, 320)]


@pytest.fixture(scope="module")
def lites() -> dict[str, keras.Model]:
    return {name: efficientnet_lite.build(name) for name in efficientnet_lite.LITES}


@pytest.mark.parametrize(
    ("name", "parameters", "blocks"),
    [
        ("EfficientNetLite0", 3_413_024, 16),
        ("EfficientNetLite1", 4_189_344, 21),
        ("EfficientNetLite2", 4_869_168, 21),
    ],
)
def test_width_and_depth_grow(lites, name, parameters, blocks):
    """The parameters are those of the published networks less their 1,281,000 of the top."""
    model = lites[name]
    assert model.count_params() == parameters
    depthwise = [layer for layer in model.layers if isinstance(layer, layers.DepthwiseConv2D)]
    assert [layer.name for layer in depthwise] == [f"block{n}_dw" for n in range(blocks)]
    assert model.get_layer("stem_conv").filters == 32
    assert model.output_shape == (None, None, None, 1280)


def test_the_stages_of_lite0(lites):
    model = lites["EfficientNetLite0"]
    ends = [f"block{n}_project" for n in (0, 2, 4, 7, 10, 14, 15)]
    maps = keras.Model(model.inputs, [model.get_layer(end).output for end in ends])
    shapes = [one.shape for one in maps(keras.Input((64, 64, 3)))]
    assert [(shape[1], shape[3]) for shape in shapes] == LITE0


def test_a_block_begins_with_the_layer_that_thaw_names(lites):
    names = [layer.name for layer in lites["EfficientNetLite0"].layers]
    block = names[names.index("block4_expand") : names.index("block5_expand")]
    assert [name.removeprefix("block4_") for name in block] == [
        *("expand", "expand_bn", "expand_relu", "dw", "dw_bn", "dw_relu"),
        *("project", "project_bn", "add"),
    ]


def test_it_normalises_the_pixels_itself(lites):
    first = lites["EfficientNetLite0"].get_layer("imagenet_normalization")
    mean = keras.ops.convert_to_tensor([[[[123.675, 116.28, 103.53]]]])
    assert abs(first(mean).numpy()).max() < 1e-5
    assert first(mean + 57.63).numpy().ravel() == pytest.approx([0.98690, 1.00893, 1.00444], 1e-4)


@pytest.mark.parametrize(
    ("filters", "width", "scaled"), [(16, 1.0, 16), (24, 1.1, 24), (112, 1.1, 120), (20, 1.1, 24)]
)
def test_filters_are_a_multiple_of_8(filters, width, scaled):
    assert efficientnet_lite._scaled_filters(filters, width) == scaled
