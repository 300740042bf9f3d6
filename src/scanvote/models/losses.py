"""The losses: of classes, and of masks, whose truth and prediction are (batch, H, W, 1), 0…1."""

from collections.abc import Callable

import keras
from keras import ops

Loss = Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]


@keras.saving.register_keras_serializable("scanvote")
def dice(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    """1 − Dice of the whole batch, so that empty slices do not each count as missed.

    Source: Drozdzal et al. 2016, denominators not squared.
    """
    truth = ops.cast(truth, predicted.dtype)
    return 1 - _overlap(truth, predicted, ops.sum(truth) + ops.sum(predicted))


@keras.saving.register_keras_serializable("scanvote")
def dice_squared(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    """The same with squared denominators. Source: Milletari et al. 2016 (V-Net)."""
    truth = ops.cast(truth, predicted.dtype)
    squares = ops.sum(ops.square(truth)) + ops.sum(ops.square(predicted))
    return 1 - _overlap(truth, predicted, squares)


def _overlap(
    truth: keras.KerasTensor, predicted: keras.KerasTensor, whole: keras.KerasTensor
) -> keras.KerasTensor:
    return (2 * ops.sum(truth * predicted) + 1) / (whole + 1)


@keras.saving.register_keras_serializable("scanvote")
def tversky(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    """1 − Tversky index: a missed pixel weighs 0.7, a false one 0.3.

    Source: Salehi et al. 2017.
    """
    truth = ops.cast(truth, predicted.dtype)
    hit, missed = ops.sum(truth * predicted), ops.sum(truth * (1 - predicted))
    false = ops.sum((1 - truth) * predicted)
    return 1 - (hit + 1) / (hit + 0.7 * missed + 0.3 * false + 1)


@keras.saving.register_keras_serializable("scanvote")
def bce(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    return ops.mean(keras.losses.binary_crossentropy(truth, predicted))


@keras.saving.register_keras_serializable("scanvote")
def focal(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    """Source: Lin et al. 2017, γ = 2."""
    return ops.mean(keras.losses.binary_focal_crossentropy(truth, predicted))


@keras.saving.register_keras_serializable("scanvote")
def bce_dice(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    return bce(truth, predicted) + dice(truth, predicted)


LOSSES: dict[str, Loss] = {
    "bce": bce,
    "dice": dice,
    "dice_squared": dice_squared,
    "bce_dice": bce_dice,
    "focal": focal,
    "tversky": tversky,
}


def class_loss(name: str, outputs: int, smoothing: float) -> keras.losses.Loss:
    """Of targets one-hot (batch, classes), or 0 and 1 (batch, 1) for one output.

    Args:
        name: ``cross_entropy``, or ``focal`` (Lin et al. 2017, γ = 2).
        outputs: of the network.
        smoothing: share of each target that goes to all classes evenly.
    """
    if name == "focal":
        kind = "BinaryFocalCrossentropy" if outputs == 1 else "CategoricalFocalCrossentropy"
    else:
        kind = "BinaryCrossentropy" if outputs == 1 else "CategoricalCrossentropy"
    return getattr(keras.losses, kind)(label_smoothing=smoothing)
