"""Arrays in batches, in an order and with changes that only the seed decides."""

import keras
import numpy as np

from scanvote.images.augment import augment
from scanvote.params import AugmentParams
from scanvote.seeds import derive


class Batches(keras.utils.PyDataset):
    """Batches of arrays, which may lie in a file: rows are read as they are asked for.

    Args:
        images: (n, …), uint8 if they are changed.
        targets: (n, …), or None to predict.
        weights: (n,), or None where all weigh the same.
        bounds: of the change of each image in each epoch, or None.
    """

    def __init__(
        self,
        images: np.ndarray,
        batch_size: int,
        targets: np.ndarray | None = None,
        weights: np.ndarray | None = None,
        bounds: AugmentParams | None = None,
    ) -> None:
        # one thread: Keras's pool of more waits 100 ms at the end of each epoch
        super().__init__(workers=1)
        self.images, self.batch_size, self.bounds = images, batch_size, bounds
        self._beside = [array for array in (targets, weights) if array is not None]
        self._order, self._seed = np.arange(len(images)), 0

    def start_epoch(self, seed: int) -> None:
        """Shuffle, and change the images in another way."""
        self._seed = seed
        self._order = np.random.default_rng(derive(seed, "order")).permutation(len(self.images))

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, ...]:
        rows = self._order[batch * self.batch_size : (batch + 1) * self.batch_size]
        images = self.images[rows] if self.bounds is None else self._changed(rows, self.bounds)
        return images, *(array[rows] for array in self._beside)

    def _changed(self, rows: np.ndarray, bounds: AugmentParams) -> np.ndarray:
        return np.stack(
            [
                augment(self.images[row], None, bounds, np.random.default_rng([self._seed, row]))[0]
                for row in rows
            ]
        )


def predict(model: keras.Model, images: np.ndarray, batch_size: int) -> np.ndarray:
    """float32 (n, …); memory holds a batch of the images, however many there are."""
    return np.asarray(model.predict(Batches(images, batch_size), verbose=0), np.float32)
