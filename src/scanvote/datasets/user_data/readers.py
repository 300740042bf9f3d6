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


def is_volume(path: Path) -> bool:
    """Return whether a file is a volume, not an image, by its name."""
    return path.suffix.lower() not in IMAGES


def is_segmentation(path: Path) -> bool:
    """Return whether a mask is a DICOM file, thus a Segmentation."""
    return kind_of(path) == "dicom"


def read_mask_volume(path: Path) -> Volume:
    """Read the mask in a volume file; of several volumes their union.

    Raises:
        InputError: the file is damaged, or holds no volume.
    """
    union = read_volume_file(path)
    for channel in range(1, volume_channels(path)):
        other = read_volume_file(path, channel)
        union = replace(union, voxels=np.maximum(union.voxels, other.voxels))
    return union


def read_item_volume(item: DatasetItem) -> Volume:
    """Read the one volume of `item`.

    Raises:
        InputError: its files are damaged, or hold no volume.
    """
    return read_dicom(item.files) if item.kind == "dicom" else read_volume_file(item.files[0])
