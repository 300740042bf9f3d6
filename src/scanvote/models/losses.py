"""Losses for classification and segmentation.

Truth and prediction of the segmentation losses are (batch, H, W, 1), 0…1.
"""

from collections.abc import Callable

import keras
from keras import ops

Loss = Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]


@keras.saving.register_keras_serializable("scanvote")
def dice(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    """Dice loss: 1 − Dice of the whole batch.

    Over the whole batch, because an empty slice by itself would always count as missed.

    Source: Drozdzal et al. 2016, denominators not squared.
    """
    truth = ops.cast(truth, predicted.dtype)
    return 1 - _overlap(truth, predicted, ops.sum(truth) + ops.sum(predicted))


@keras.saving.register_keras_serializable("scanvote")
def dice_squared(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    """Dice loss with squared denominators.

    Source: Milletari et al. 2016 (V-Net).
    """
    truth = ops.cast(truth, predicted.dtype)
    squares = ops.sum(ops.square(truth)) + ops.sum(ops.square(predicted))
    return 1 - _overlap(truth, predicted, squares)


def _overlap(
    truth: keras.KerasTensor, predicted: keras.KerasTensor, denominator: keras.KerasTensor
) -> keras.KerasTensor:
    return (2 * ops.sum(truth * predicted) + 1) / (denominator + 1)


@keras.saving.register_keras_serializable("scanvote")
def tversky(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    """Tversky loss, 1 − Tversky index.

    False negatives weigh 0.7, false positives 0.3.

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
    """Binary focal loss with γ = 2.

    Source: Lin et al. 2017.
    """
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
    """Return the classification loss of that name.

    Its targets are one-hot (batch, classes), or 0 and 1 (batch, 1) for one output.

    Args:
        name: ``cross_entropy``, or ``focal`` (Lin et al. 2017, γ = 2).
        outputs: number of outputs of the network.
        smoothing: label smoothing, the share of each target spread evenly over all classes.
    """
    if name == "focal":
        kind = "BinaryFocalCrossentropy" if outputs == 1 else "CategoricalFocalCrossentropy"
    else:
        kind = "BinaryCrossentropy" if outputs == 1 else "CategoricalCrossentropy"
    return getattr(keras.losses, kind)(label_smoothing=smoothing)
