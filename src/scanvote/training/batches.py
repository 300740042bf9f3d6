"""Batches for training, shuffled and augmented by a seed, and batch prediction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from scanvote.arrays import zeros_or_memmap
from scanvote.core.seeds import derive_seed
from scanvote.images.augment import augment
from scanvote.params import AugmentParams
from scanvote.training.adjacent_slices import AdjacentSlices
from scanvote.training.patches import Patches

Images = np.ndarray | AdjacentSlices
Sampler = Callable[[np.random.Generator], NDArray[np.integer]]
"""Chooses the rows of an epoch with the given generator."""


@dataclass(frozen=True)
class Change:
    """Change of a training image and its target, drawn anew in each epoch.

    Attributes:
        bounds: bounds of the augmentation, or None.
        patches: patches to cut out of image and mask, or None for whole images.
    """

    bounds: AugmentParams | None = None
    patches: Patches | None = None

    def __call__(
        self, image: np.ndarray, target: np.ndarray, seed: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Change an image (H, W, C); a target (H, W, 1) is its mask and moves with it."""
        mask = target[..., 0] if target.ndim == 3 else None
        if self.bounds is not None:
            image, mask = augment(image, mask, self.bounds, np.random.default_rng(seed))
            target = target if mask is None else mask[..., None]
        if self.patches is not None:
            image, target = self.patches.cut(image, target, np.random.default_rng([*seed, 1]))
        return image, target


class Batches(keras.utils.PyDataset):
    """Batches of arrays, which may be memory-mapped.

    Args:
        images: (n, …), uint8 if they are changed.
        targets: (n, …), or None to predict; masks are (n, H, W, 1).
        weights: sample weights (n,), or None for equal weights.
        change: of each image and its target in each epoch, or None.
        draw: chooses the rows of an epoch, or None for all of them.
    """

    def __init__(
        self,
        images: Images,
        batch_size: int,
        targets: Images | None = None,
        weights: np.ndarray | None = None,
        change: Change | None = None,
        draw: Sampler | None = None,
    ) -> None:
        # one thread, because a pool of several waits 100 ms at the end of each epoch
        super().__init__(workers=1)
        self.images, self.batch_size = images, batch_size
        self._targets, self._weights, self._change, self._draw = targets, weights, change, draw
        self.order, self._seed = np.arange(len(images)), 0

    def start_epoch(self, seed: int) -> None:
        """Choose and shuffle the rows of an epoch, and seed their changes."""
        self._seed, random = seed, np.random.default_rng(derive_seed(seed, "order"))
        drawn = np.arange(len(self.images)) if self._draw is None else self._draw(random)
        self.order = random.permutation(drawn)

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, ...]:
        rows = self.order[batch * self.batch_size : (batch + 1) * self.batch_size]
        images = self.images[rows]
        targets = None if self._targets is None else self._targets[rows]
        if self._change is not None and targets is not None:
            changed = [
                self._change(image, target, [self._seed, row])
                for row, image, target in zip(rows.tolist(), images, targets, strict=True)
            ]
            images, targets = map(np.stack, zip(*changed, strict=True))
        weights = None if self._weights is None else self._weights[rows]
        return images, *(array for array in (targets, weights) if array is not None)


def predict(model: keras.Model, images: Images, batch_size: int) -> np.ndarray:
    """Predict batch by batch; return float32 (n, …).

    Only one batch of images is in memory at a time, and a large result is memory-mapped.
    """
    batches = Batches(images, batch_size)
    predicted = zeros_or_memmap((len(images), *model.output_shape[1:]))
    for number in range(len(batches)):
        rows = slice(number * batch_size, (number + 1) * batch_size)
        predicted[rows] = model.predict_on_batch(batches[number][0])
    return predicted
