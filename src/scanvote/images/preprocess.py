"""Preprocessing of one scan: strip, crop, resize, normalise.

It is the same for a training scan and for one given to the finished model.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from scanvote.images.crop import Box, crop, crop_box
from scanvote.images.decode import Mask, Rgb, grey
from scanvote.images.intensity import normalise
from scanvote.images.resize import fitted_slices, resize
from scanvote.images.skull_strip import tissue_mask
from scanvote.params import PrepareTask


@dataclass(frozen=True)
class CroppedScan:
    """The cropped and stripped part of a scan.

    Attributes:
        image: uint8 (h, w, 3), inside the box; stripped pixels are black.
        box: the crop.
        tissue: (H, W), pixels that were not stripped; None if nothing was.
        cropped: whether a plausible contour was found.
        stripped: whether stripping succeeded.
    """

    image: np.ndarray
    box: Box
    tissue: Mask | None
    cropped: bool
    stripped: bool


def preprocess(image: Rgb, config: PrepareTask) -> np.ndarray:
    """Preprocess a single scan to uint8 (size, size, channels).

    The other scans of its series or volume are not known here, so its own grey values decide,
    whatever `config.intensity_of` says.
    """
    return normalise(resized(crop_scan(image, config), config), config.intensity)


def crop_scan(image: Rgb, config: PrepareTask) -> CroppedScan:
    tissue, stripped = tissue_of(image, config)
    image = image if tissue is None else image * tissue[..., None]
    box, cropped = box_of(image, config)
    return CroppedScan(np.asarray(crop(image, box)), box, tissue, cropped, stripped)


def tissue_of(image: Rgb, config: PrepareTask) -> tuple[Mask | None, bool]:
    """Return the mask to keep, None for all, and whether stripping succeeded."""
    return (None, False) if config.strip == "none" else tissue_mask(image, config.strip)


def box_of(image: Rgb, config: PrepareTask) -> tuple[Box, bool]:
    """Return the crop box and whether it is smaller than the image."""
    whole = (0, 0, image.shape[1], image.shape[0])
    box = crop_box(grey(image)) if config.crop else whole
    return box, box != whole


def resized(part: CroppedScan, config: PrepareTask) -> np.ndarray:
    """Resize a cropped scan to uint8 (size, size, channels)."""
    image = part.image
    channels = grey(np.asarray(image, np.uint8))[..., None] if config.channels == 1 else image
    return resize(channels, config.image_size, config.resize)


def to_original_space(mask: Mask, image: Rgb, config: PrepareTask) -> Mask:
    """Map a preprocessed scan's mask (size, size) back to its (H, W)."""
    return _put_back(mask.astype(np.uint8), image, config, cv2.INTER_NEAREST).astype(bool)


def map_to_original_space(heat: np.ndarray, image: Rgb, config: PrepareTask) -> np.ndarray:
    """Map a preprocessed scan's heat map (size, size) back to (H, W)."""
    return _put_back(heat, image, config, cv2.INTER_LINEAR)


def _put_back(
    values: np.ndarray, image: Rgb, config: PrepareTask, interpolation: int
) -> np.ndarray:
    """Return (H, W), 0 outside the crop and where tissue was stripped."""
    part = crop_scan(image, config)
    x, y, width, height = part.box
    rows, columns = fitted_slices((height, width), config.image_size, config.resize)
    restored = np.zeros(image.shape[:2], values.dtype)
    inside = cv2.resize(values[rows, columns], (width, height), interpolation=interpolation)
    restored[y : y + height, x : x + width] = inside
    return restored if part.tissue is None else restored * part.tissue
