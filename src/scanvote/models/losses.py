"""The losses: of classes, and of masks, whose truth and prediction are (batch, H, W, 1), 0…1."""

from collections.abc import Callable

import keras
from keras import ops

Loss = Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]


@keras.saving.register_keras_serializable("scanvote")
def dice(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    """1 − Dice of the whole batch, so that empty slices do not each count as missed.

    Source: Milletari et al. 2016 (V-Net), denominators not squared.
    """
    truth = ops.cast(truth, predicted.dtype)
    overlap = ops.sum(truth * predicted)
    return 1 - (2 * overlap + 1) / (ops.sum(truth) + ops.sum(predicted) + 1)


@keras.saving.register_keras_serializable("scanvote")
def bce(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    return ops.mean(keras.losses.binary_crossentropy(truth, predicted))


@keras.saving.register_keras_serializable("scanvote")
def bce_dice(truth: keras.KerasTensor, predicted: keras.KerasTensor) -> keras.KerasTensor:
    return bce(truth, predicted) + dice(truth, predicted)


LOSSES: dict[str, Loss] = {"bce": bce, "dice": dice, "bce_dice": bce_dice}


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
