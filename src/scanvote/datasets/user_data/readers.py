"""Read volumes and pictures of the user's by their kind."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scanvote.datasets.trees import IMAGES
from scanvote.datasets.user_data.layout import DatasetItem
from scanvote.datasets.user_data.scan_tree import kind_of

if TYPE_CHECKING:
    from scanvote.datasets.volumes import Volume

MAX_CHANNELS = 8
"""Volumes of one file up to which they are contrasts; more are a series in time."""
ONE_SUM = 0.01
"""Share by which the sums of one-hot labels or probabilities may differ, by rounding."""


def is_volume(path: Path) -> bool:
    """Return whether the file is a volume rather than an image, by its name."""
    return path.suffix.lower() not in IMAGES


def is_segmentation(path: Path) -> bool:
    """Return whether the file is a DICOM file, which as a mask is a Segmentation."""
    return kind_of(path) == "dicom"


def read_mask_volume(path: Path) -> "Volume":
    """Read the mask in a volume file; of several volumes their union.

    Volumes that add up to one value everywhere, as of one-hot labels or of probabilities, are
    those of the background (0) and of labels: the mask is the number of the largest.

    Raises:
        InputError: the file is damaged, or holds no volume.
    """
    from scanvote.datasets.volumes import read_volume_file, volume_channels

    union, count = read_volume_file(path), volume_channels(path)
    if count == 1:
        return union
    largest, total = union.voxels, union.voxels.astype(np.float32)
    number = np.zeros(largest.shape, np.uint16)
    for channel in range(1, count):
        voxels = read_volume_file(path, channel).voxels
        number[voxels > largest] = channel
        largest, total = np.maximum(largest, voxels), total + voxels
    everywhere = total.max() > 0 and np.ptp(total) <= ONE_SUM * total.max()
    return replace(union, voxels=number if everywhere else largest)


def read_item_volume(item: DatasetItem) -> "Volume":
    """Read the one volume of `item`.

    Raises:
        InputError: its files are damaged, or hold no volume.
    """
    from scanvote.datasets.volumes import read_dicom, read_volume_file

    return read_dicom(item.files) if item.kind == "dicom" else read_volume_file(item.files[0])


def read_picture(item: DatasetItem) -> tuple[NDArray[np.uint8], NDArray[Any] | None]:
    """Read the picture of an item of kind ``array``, (H, W[, 3]), and its mask.

    Raises:
        InputError: the file is damaged.
    """
    from scanvote.datasets.user_data.array_files import read_array

    return read_array(item)
