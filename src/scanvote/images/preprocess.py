"""One scan as a network takes it: stripped, cropped, resized, its grey values made comparable.

The same for a scan of the training and for one that is shown to the finished model.
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
    """What is left in of a scan.

    Attributes:
        image: uint8 (h, w, 3), inside the box; black where it was stripped.
        box: what was cropped to.
        tissue: (H, W), what was not stripped; None where all is left in.
        cropped: a plausible contour was found to crop to.
        stripped: what was to be stripped could be.
    """

    image: np.ndarray
    box: Box
    tissue: Mask | None
    cropped: bool
    stripped: bool


def preprocess(image: Rgb, how: PrepareTask) -> np.ndarray:
    """uint8 (size, size, channels) of a scan by itself.

    A series or a volume whose scans are changed alike is not known of a single scan: it is
    changed by its own grey values, whatever `how.intensity_of` says.
    """
    return normalise(resized(crop_scan(image, how), how), how.intensity)


def crop_scan(image: Rgb, how: PrepareTask) -> CroppedScan:
    tissue, stripped = tissue_of(image, how)
    image = image if tissue is None else image * tissue[..., None]
    box, cropped = box_of(image, how)
    return CroppedScan(np.asarray(crop(image, box)), box, tissue, cropped, stripped)


def tissue_of(image: Rgb, how: PrepareTask) -> tuple[Mask | None, bool]:
    """What is not stripped, None where all is left in; and whether it could be stripped."""
    return (None, False) if how.strip == "none" else tissue_mask(image, how.strip)


def box_of(image: Rgb, how: PrepareTask) -> tuple[Box, bool]:
    """What is cropped to, and whether it was found: all of the image where it was not."""
    whole = (0, 0, image.shape[1], image.shape[0])
    box = crop_box(grey(image)) if how.crop else whole
    return box, box != whole


def resized(part: CroppedScan, how: PrepareTask) -> np.ndarray:
    """uint8 (size, size, channels)."""
    image = part.image
    channels = grey(np.asarray(image, np.uint8))[..., None] if how.channels == 1 else image
    return resize(channels, how.image_size, how.resize)


def to_original_space(mask: Mask, image: Rgb, how: PrepareTask) -> Mask:
    """A mask (size, size) of the framed scan as one of the scan itself, (H, W)."""
    return _put_back(mask.astype(np.uint8), image, how, cv2.INTER_NEAREST).astype(bool)


def map_to_original_space(heat: np.ndarray, image: Rgb, how: PrepareTask) -> np.ndarray:
    """A map of floats (size, size) on the framed scan as one on the scan itself, (H, W)."""
    return _put_back(heat, image, how, cv2.INTER_LINEAR)


def _put_back(values: np.ndarray, image: Rgb, how: PrepareTask, between: int) -> np.ndarray:
    """(H, W), 0 where the framed scan shows nothing of the scan."""
    part = crop_scan(image, how)
    x, y, width, height = part.box
    rows, columns = fitted_slices((height, width), how.image_size, how.resize)
    whole = np.zeros(image.shape[:2], values.dtype)
    inside = cv2.resize(values[rows, columns], (width, height), interpolation=between)
    whole[y : y + height, x : x + width] = inside
    return whole if part.tissue is None else whole * part.tissue
