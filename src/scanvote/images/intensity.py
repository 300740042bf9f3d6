"""Intensity normalisation: MRI has no unit, and scanners differ in scale.

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
"""(C, 256) tissue histogram of each channel; histograms of scans add up."""
Method = Literal["none", "window", "standardise", "equalise"]

PERCENTILES = (1, 99)
"""Percentiles of the pixels that are not black, for `window`."""
MEAN, DEVIATION = 128, 42
"""Grey values of a head after `standardise`: six deviations fill 0…255."""
CLIP_LIMIT, TILES = 2.0, (8, 8)
"""Settings of `equalise`; the limit is relative to a uniform histogram."""


def normalise(image: np.ndarray, method: Method, counts: Counts | None = None) -> np.ndarray:
    """Normalise the intensities of each channel of an image.

    Black stays black.

    - window: percentiles 1 and 99 of the pixels that are not black become 0 and 255 (as Nyul and
      Udupa, Magnetic Resonance in Medicine 42, 1999, cut off the tails before they match).
    - standardise: the mean and the deviation of the head become `MEAN` and `DEVIATION`
      (z-scores, in bytes); the background, whose noise would turn grey, becomes black.
    - equalise: contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics
      Gems IV, 1994).

    Args:
        image: uint8 (H, W, C).
        method: one of the above, or none.
        counts: sum over the scans to be changed alike, for window and standardise; None: this
            scan alone.
    """
    if method == "none":
        return image
    channels = [np.ascontiguousarray(image[..., at]) for at in range(image.shape[2])]
    if method == "equalise":
        changed = np.stack([equalise(channel) for channel in channels], axis=-1)
    else:
        tissues = [_tissue(channel, method) for channel in channels]
        counts = _histograms(channels, tissues) if counts is None else counts
        tables = map(_TABLE_OF[method], counts)
        changed = np.stack(
            [
                table[channel] if method == "window" else table[channel] * tissue
                for table, channel, tissue in zip(tables, channels, tissues, strict=True)
            ],
            axis=-1,
        )
    changed[image == 0] = 0
    return changed


def tissue_counts(image: np.ndarray, method: Method) -> Counts:
    """Return the tissue histograms of uint8 (H, W, C), which `normalise` uses."""
    channels = [np.ascontiguousarray(image[..., at]) for at in range(image.shape[2])]
    return _histograms(channels, [_tissue(channel, method) for channel in channels])


def equalise(channel: Channel) -> Channel:
    return np.asarray(cv2.createCLAHE(CLIP_LIMIT, TILES).apply(channel), np.uint8)


def _tissue(channel: Channel, method: Method) -> NDArray[np.bool_]:
    head = head_mask(channel) if method == "standardise" else None
    return np.asarray(channel > 0 if head is None else head & (channel > 0))


def _histograms(channels: list[Channel], tissues: list[NDArray[np.bool_]]) -> Counts:
    pairs = zip(channels, tissues, strict=True)
    return np.stack([np.bincount(channel[tissue], minlength=256) for channel, tissue in pairs])


def _window(counts: Counts) -> Channel:
    low, high = (_percentile(counts, percent) for percent in PERCENTILES)
    return _as_bytes(_LEVELS if high <= low else (_LEVELS - low) * (255 / (high - low)))


def _percentile(counts: Counts, percent: float) -> float:
    """Return the percentile of a histogram, interpolated like numpy; 0 if empty."""
    cumulative = counts.cumsum()
    at = max(0.0, percent / 100 * (cumulative[-1] - 1))
    below, above = np.searchsorted(cumulative, [np.floor(at), np.ceil(at)], side="right")
    return float(below + (above - below) * (at % 1)) if cumulative[-1] else 0.0


def _standardise(counts: Counts) -> Channel:
    total = max(int(counts.sum()), 1)
    mean = counts @ _LEVELS / total
    standard_deviation = float(np.sqrt(counts @ (_LEVELS - mean) ** 2 / total))
    if standard_deviation == 0:
        return _as_bytes(_LEVELS)
    return _as_bytes((_LEVELS - mean) * (DEVIATION / standard_deviation) + MEAN)


_LEVELS = np.arange(256.0)
_TABLE_OF: Mapping[str, Callable[[Counts], Channel]] = {
    "window": _window,
    "standardise": _standardise,
}
"""Functions from a histogram to a lookup table of the 256 values."""


def _as_bytes(values: NDArray[np.float64]) -> Channel:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
