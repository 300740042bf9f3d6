"""Grey values made comparable between scans: MRI has no unit, scanners have their own scale.

Each channel is treated by itself: a grey scan keeps its channels equal, and contrasts that
a data set stores as channels (LGG: before contrast, FLAIR, after it) do not mix.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.images.strip import head_mask

Channel = NDArray[np.uint8]
"""(H, W) uint8."""

PERCENTILES = (1, 99)
"""Of the pixels that are not black, between which `window` spreads them."""
MEAN, DEVIATION = 128, 42
"""Grey values to which `standardise` brings a head: six deviations fill 0…255."""
CLIP_LIMIT, TILES = 2.0, (8, 8)
"""Of `equalise`: the contrast is limited to this many times the even share of a bin."""


def normalise(
    image: np.ndarray, how: Literal["none", "window", "standardise", "equalise"]
) -> np.ndarray:
    """uint8 (H, W, C) with the grey values of each channel made comparable; black stays black.

    - window: percentiles 1 and 99 of what is not black become 0 and 255 (as Nyul and Udupa,
      Magnetic Resonance in Medicine 42, 1999, cut off the tails before they match).
    - standardise: the mean and the deviation of the head become `MEAN` and `DEVIATION`
      (z-scores, in bytes); the background, whose noise would turn grey, becomes black.
    - equalise: contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics
      Gems IV, 1994).
    """
    if how == "none":
        return image
    change = _CHANGES[how]
    channels = [change(np.ascontiguousarray(image[..., at])) for at in range(image.shape[2])]
    changed = np.stack(channels, axis=-1)
    changed[image == 0] = 0
    return changed


def window(channel: Channel) -> Channel:
    tissue = channel[channel > 0]
    if not tissue.size:
        return channel
    low, high = np.percentile(tissue, PERCENTILES)
    if high <= low:
        return channel
    return _mapped(channel, lambda grey: (grey - low) * (255 / (high - low)))


def standardise(channel: Channel) -> Channel:
    head = head_mask(channel)
    inside = channel > 0 if head is None else head & (channel > 0)
    tissue = channel[inside]
    deviation = float(tissue.std()) if tissue.size else 0.0
    if deviation == 0:
        return channel
    mean = float(tissue.mean())
    return _mapped(channel, lambda grey: (grey - mean) * (DEVIATION / deviation) + MEAN) * inside


def equalise(channel: Channel) -> Channel:
    return np.asarray(cv2.createCLAHE(CLIP_LIMIT, TILES).apply(channel), np.uint8)


_CHANGES: Mapping[str, Callable[[Channel], Channel]] = {
    "window": window,
    "standardise": standardise,
    "equalise": equalise,
}


def _mapped(
    channel: Channel, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Channel:
    """Every pixel through the table of what becomes of the 256 values."""
    table = np.clip(np.rint(change(np.arange(256.0))), 0, 255).astype(np.uint8)
    return np.asarray(table[channel], np.uint8)
