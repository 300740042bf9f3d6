"""Grey values made comparable between scans: MRI has no unit, scanners have their own scale.

Each channel is treated by itself: a grey scan keeps its channels equal, and contrasts that
a data set stores as channels (LGG: before contrast, FLAIR, after it) do not mix.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.images.skull_strip import head_mask

Channel = NDArray[np.uint8]
"""(H, W) uint8."""
Counts = NDArray[np.integer[Any]]
"""(C, 256), how often each grey value occurs in the tissue of a channel; those of several scans
add up."""
Way = Literal["none", "window", "standardise", "equalise"]

PERCENTILES = (1, 99)
"""Of the pixels that are not black, between which `window` spreads them."""
MEAN, DEVIATION = 128, 42
"""Grey values to which `standardise` brings a head: six deviations fill 0…255."""
CLIP_LIMIT, TILES = 2.0, (8, 8)
"""Of `equalise`: the contrast is limited to this many times the even share of a bin."""


def normalise(image: np.ndarray, how: Way, counts: Counts | None = None) -> np.ndarray:
    """uint8 (H, W, C) with the grey values of each channel made comparable; black stays black.

    - window: percentiles 1 and 99 of what is not black become 0 and 255 (as Nyul and Udupa,
      Magnetic Resonance in Medicine 42, 1999, cut off the tails before they match).
    - standardise: the mean and the deviation of the head become `MEAN` and `DEVIATION`
      (z-scores, in bytes); the background, whose noise would turn grey, becomes black.
    - equalise: contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics
      Gems IV, 1994).

    Args:
        counts: of all scans that are changed alike, for window and standardise; None: of this
            scan alone.
    """
    if how == "none":
        return image
    channels = [np.ascontiguousarray(image[..., at]) for at in range(image.shape[2])]
    if how == "equalise":
        changed = np.stack([equalise(channel) for channel in channels], axis=-1)
    else:
        tissues = [_tissue(channel, how) for channel in channels]
        counts = _counted(channels, tissues) if counts is None else counts
        tables = map(_TABLES[how], counts)
        changed = np.stack(
            [
                table[channel] if how == "window" else table[channel] * tissue
                for table, channel, tissue in zip(tables, channels, tissues, strict=True)
            ],
            axis=-1,
        )
    changed[image == 0] = 0
    return changed


def tissue_counts(image: np.ndarray, how: Way) -> Counts:
    """Of a uint8 (H, W, C), what decides how `normalise` changes it."""
    channels = [np.ascontiguousarray(image[..., at]) for at in range(image.shape[2])]
    return _counted(channels, [_tissue(channel, how) for channel in channels])


def equalise(channel: Channel) -> Channel:
    return np.asarray(cv2.createCLAHE(CLIP_LIMIT, TILES).apply(channel), np.uint8)


def _tissue(channel: Channel, how: Way) -> NDArray[np.bool_]:
    head = head_mask(channel) if how == "standardise" else None
    return np.asarray(channel > 0 if head is None else head & (channel > 0))


def _counted(channels: list[Channel], tissues: list[NDArray[np.bool_]]) -> Counts:
    pairs = zip(channels, tissues, strict=True)
    return np.stack([np.bincount(channel[tissue], minlength=256) for channel, tissue in pairs])


def _window(counts: Counts) -> Channel:
    low, high = (_percentile(counts, percent) for percent in PERCENTILES)
    return _bytes(_LEVELS if high <= low else (_LEVELS - low) * (255 / (high - low)))


def _percentile(counts: Counts, percent: float) -> float:
    """Of the counted values, between two of them as numpy's; 0 of none."""
    upto = counts.cumsum()
    at = max(0.0, percent / 100 * (upto[-1] - 1))
    below, above = np.searchsorted(upto, [np.floor(at), np.ceil(at)], side="right")
    return float(below + (above - below) * (at % 1)) if upto[-1] else 0.0


def _standardise(counts: Counts) -> Channel:
    total = max(int(counts.sum()), 1)
    mean = counts @ _LEVELS / total
    deviation = float(np.sqrt(counts @ (_LEVELS - mean) ** 2 / total))
    if deviation == 0:
        return _bytes(_LEVELS)
    return _bytes((_LEVELS - mean) * (DEVIATION / deviation) + MEAN)


_LEVELS = np.arange(256.0)
_TABLES: Mapping[str, Callable[[Counts], Channel]] = {
    "window": _window,
    "standardise": _standardise,
}
"""What becomes of the 256 values, from how often each occurs."""


def _bytes(values: NDArray[np.float64]) -> Channel:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
