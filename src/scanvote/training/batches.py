"""Batches for training, shuffled and augmented by a seed, and batch prediction."""

from collections.abc import Callable

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


class Batches(keras.utils.PyDataset):
    """Batches of arrays, which may be memory-mapped.

    Args:
        images: (n, …), uint8 if they are augmented.
        targets: (n, …), or None to predict; targets with four axes are masks, (n, H, W, 1),
            and are moved like their images.
        weights: sample weights (n,), or None for equal weights.
        bounds: bounds of the augmentation of each image in each epoch, or None.
        draw: chooses the rows of an epoch, or None for all of them.
        patches: patches to cut out of images and masks, or None for whole images.
    """

    def __init__(
        self,
        images: Images,
        batch_size: int,
        targets: Images | None = None,
        weights: np.ndarray | None = None,
        bounds: AugmentParams | None = None,
        draw: Sampler | None = None,
        patches: Patches | None = None,
    ) -> None:
        # one thread, because a pool of several waits 100 ms at the end of each epoch
        super().__init__(workers=1)
        self.images, self.batch_size = images, batch_size
        self._targets, self._weights, self._bounds, self._draw = targets, weights, bounds, draw
        self._patches = patches
        self.order, self._seed = np.arange(len(images)), 0

    def start_epoch(self, seed: int) -> None:
        """Choose and shuffle the rows of an epoch, and seed its augmentation."""
        self._seed, random = seed, np.random.default_rng(derive_seed(seed, "order"))
        drawn = np.arange(len(self.images)) if self._draw is None else self._draw(random)
        self.order = random.permutation(drawn)

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, ...]:
        rows = self.order[batch * self.batch_size : (batch + 1) * self.batch_size]
        images = self.images[rows]
        targets = None if self._targets is None else self._targets[rows]
        if self._bounds is not None:
            images, targets = self._augmented(rows, images, targets, self._bounds)
        if self._patches is not None and targets is not None:
            images, targets = self._cut(rows, images, targets, self._patches)
        weights = None if self._weights is None else self._weights[rows]
        return images, *(array for array in (targets, weights) if array is not None)

    def _augmented(
        self,
        rows: NDArray[np.integer],
        images: np.ndarray,
        targets: np.ndarray | None,
        bounds: AugmentParams,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        are_masks = targets is not None and targets.ndim == 4
        augmented = [
            augment(
                image,
                targets[at, ..., 0] if are_masks and targets is not None else None,
                bounds,
                np.random.default_rng([self._seed, row]),
            )
            for at, (row, image) in enumerate(zip(rows, images, strict=True))
        ]
        moved = np.stack([image for image, _ in augmented])
        return moved, np.stack([m for _, m in augmented])[..., None] if are_masks else targets  # type: ignore[misc]

    def _cut(
        self, rows: NDArray[np.integer], images: np.ndarray, masks: np.ndarray, patches: Patches
    ) -> tuple[np.ndarray, np.ndarray]:
        cut = [
            patches.cut(image, mask, np.random.default_rng([self._seed, row, 1]))
            for row, image, mask in zip(rows, images, masks, strict=True)
        ]
        return np.stack([image for image, _ in cut]), np.stack([mask for _, mask in cut])


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
