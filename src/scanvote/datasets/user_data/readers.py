"""Read volumes and pictures of the user's by their kind."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.trees import IMAGES
from scanvote.datasets.user_data.layout import DatasetItem
from scanvote.datasets.user_data.scan_tree import NIFTI, kind_of

if TYPE_CHECKING:
    from scanvote.datasets.volumes import Volume

MAX_CHANNELS = 8
"""Volumes of one file up to which they are contrasts; more are a series in time."""


def is_volume(path: Path) -> bool:
    """Return whether the file is a volume rather than an image, by its name."""
    return path.suffix.lower() not in IMAGES


def is_nifti(path: Path) -> bool:
    """Return whether the file is a NIfTI file, by its name."""
    return path.name.lower().endswith(NIFTI)


def is_segmentation(path: Path) -> bool:
    """Return whether the file is a DICOM file, which as a mask is a Segmentation."""
    return kind_of(path) == "dicom"


def read_mask_volume(path: Path) -> "Volume":
    """Read the mask in a volume file; of several volumes their union.

    Raises:
        InputError: the file is damaged, or holds no volume.
    """
    from scanvote.datasets.volumes.nifti_channels import count_volumes

    count = count_volumes(path) if is_nifti(path) else 1
    if count == 1:
        return _read_file(path)
    volumes = (volume for _, volume in read_channels(path, range(count)))
    union = next(volumes)
    for volume in volumes:
        union = replace(union, voxels=np.maximum(union.voxels, volume.voxels))
    return union


def read_channels(path: Path, wanted: "range | list[int]") -> Iterator[tuple[int, "Volume"]]:
    """Yield the wanted volumes of a 4-D NIfTI file, one at a time.

    Raises:
        InputError: the file is damaged.
    """
    from scanvote.datasets.volumes import read_nifti
    from scanvote.datasets.volumes.nifti_channels import volumes_of

    for number, source in volumes_of(path, wanted):
        yield number, replace(read_nifti(source), source=path)


def read_item_volume(item: DatasetItem) -> "Volume":
    """Read the one volume of `item`.

    Raises:
        InputError: its files are damaged, or hold no volume.
    """
    from scanvote.datasets.volumes import read_dicom

    return read_dicom(item.files) if item.kind == "dicom" else _read_file(item.files[0])


def read_picture(item: DatasetItem) -> tuple[NDArray[np.uint8], NDArray[Any] | None]:
    """Read the picture of an item of kind ``array``, (H, W[, 3]), and its mask.

    Raises:
        InputError: the file is damaged.
    """
    # delivered with the forms of arrays
    from scanvote.datasets.user_data import array_files  # type: ignore[attr-defined]

    image, mask = array_files.read_array(item)
    return image, mask


def _read_file(path: Path) -> "Volume":
    from scanvote.datasets import volumes

    if is_nifti(path):
        return volumes.read_nifti(path)
    read = getattr(volumes, "read_volume_file", None)  # delivered with the readers of ITK's files
    if read is None:
        raise InputError(f"{path} is no NIfTI file; save the mask as .nii.gz")
    return read(path)  # type: ignore[no-any-return]
