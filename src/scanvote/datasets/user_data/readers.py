"""Read volumes of the user's by their kind."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from scanvote.datasets.trees import IMAGES
from scanvote.datasets.user_data.layout import DatasetItem
from scanvote.datasets.user_data.scan_tree import kind_of
from scanvote.datasets.volumes import Volume, read_dicom, read_volume_file, volume_channels

MAX_CHANNELS = 8
"""Volumes of one file up to which they are contrasts; more are a series in time."""
ONE_SUM = 0.01
"""Share by which the sums of one-hot labels or probabilities may differ, by rounding."""


def is_volume(path: Path) -> bool:
    """Return whether a file is a volume, not an image, by its name."""
    return path.suffix.lower() not in IMAGES


def is_segmentation(path: Path) -> bool:
    """Return whether a mask is a DICOM file, thus a Segmentation."""
    return kind_of(path) == "dicom"


def read_mask_volume(path: Path) -> Volume:
    """Read the mask in a volume file; of several volumes their union.

    Volumes that add up to one value everywhere, as of one-hot labels or of probabilities, are
    those of the background (0) and of labels: the mask is the number of the largest.

    Raises:
        InputError: the file is damaged, or holds no volume.
    """
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


def read_item_volume(item: DatasetItem) -> Volume:
    """Read the one volume of `item`.

    Raises:
        InputError: its files are damaged, or hold no volume.
    """
    return read_dicom(item.files) if item.kind == "dicom" else read_volume_file(item.files[0])
