"""From a volume to slices: which, how bright, and which way up."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.core.files import atomic_write
from scanvote.datasets.volumes.source import TooLarge
from scanvote.datasets.volumes.volume import Volume
from scanvote.params import VolumesParams

PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}
"""The axis of the volume that a plane cuts across."""
PERCENTILES = (0.5, 99.5)
"""Of the voxels above the least one, between which the intensities are spread over 0…255."""
BACKGROUND = 0.1
"""Share of the window below which a voxel is no tissue."""
LARGEST = 2**26
"""Pixels of a slice, above those of any scanner."""


@dataclass(frozen=True)
class Slice:
    """A slice.

    Attributes:
        plane: ``axial``, ``coronal`` or ``sagittal``; empty of a single image, such as a
            radiograph, that tells no orientation.
        number: of the slice along the axis it cuts across, from 0.
        image: uint8 of shape (H, W), as radiologists look at it: front or top up, the
            patient's right on the left; a pixel is as wide as it is high.
        mask: uint8 of shape (H, W), 0 or 255; None without one.
        spacing: side of a pixel in mm; 0 where the file does not tell it.
        window: intensities that became 0 and 255.
    """

    plane: str
    number: int
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8] | None = None
    spacing: float = 0.0
    window: tuple[float, float] = (0.0, 255.0)

    def facts(self) -> dict[str, str]:
        """What is known of it, by the names of `datasets.base.FACTS`."""
        told = {"plane": self.plane, "spacing": f"{self.spacing:g}" if self.spacing else ""}
        return {name: value for name, value in told.items() if value}


def extract_slices(
    volume: Volume, params: VolumesParams, mask: Volume | None = None
) -> Iterator[Slice]:
    """The slices of `volume` in the planes of `params`, evenly spaced within its span.

    A single image is cut in its own plane alone. All slices share one window of intensities.

    Raises:
        InputError: the mask does not lie on the voxels of the volume.
        TooLarge: a slice would be, with pixels as wide as high.
    """
    if mask is not None:
        _check_fits(mask, volume)
    voxels = _finite(volume.voxels)
    low, high = _window(voxels, params)
    tissue = voxels > low + BACKGROUND * (high - low)
    known = volume.placed or volume.voxels.shape[2] > 1
    for plane in _planes(volume, params):
        axis = PLANES[plane]
        for number in _numbers(tissue, axis, params):
            grey = np.clip((_slice(voxels, axis, number) - low) / (high - low) * 255, 0, 255)
            image = _square(np.rint(grey).astype(np.uint8), volume, axis, cv2.INTER_LINEAR)
            marked = None if mask is None else _marked(mask, volume, axis, number)
            spacing = _finer_spacing(volume, axis) if volume.measured else 0.0
            named = plane if known else ""
            yield Slice(named, number, image, marked, spacing, (low, high))


def write_slices(
    volume: Volume, params: VolumesParams, folder: Path, stem: str, mask: Volume | None = None
) -> list[tuple[Path, Path | None, dict[str, str]]]:
    """Write the slices as PNG to `folder`, named ``<stem>-<plane>-<number>.png``.

    A slice whose plane is not known has no plane in its name.

    Returns:
        The file, that of its mask (``…_mask.png``; None without one) and the facts of each.
    """
    rows: list[tuple[Path, Path | None, dict[str, str]]] = []
    for cut in extract_slices(volume, params, mask):
        name = "-".join(part for part in (stem, cut.plane, f"{cut.number:03d}") if part)
        marked = None if cut.mask is None else _write_png(cut.mask, folder / f"{name}_mask.png")
        rows.append((_write_png(cut.image, folder / f"{name}.png"), marked, cut.facts()))
    return rows


def _finite(voxels: NDArray[Any]) -> NDArray[np.float32]:
    """`voxels` as float32, with the least of them where there is no finite number."""
    with np.errstate(over="ignore"):
        plain = voxels.astype(np.float32)
    known = np.isfinite(plain)
    if not known.all():
        plain[~known] = plain[known].min() if known.any() else 0
    return plain


def _check_fits(mask: Volume, volume: Volume) -> None:
    # tools round what they write, so the corners may part by half a voxel
    corners = np.array([*np.ndindex(2, 2, 2)]) * (np.array(volume.voxels.shape) - 1)
    apart = (mask.affine - volume.affine) @ np.c_[corners, np.ones(8)].T
    near = np.abs(apart).max() <= 0.5 * min(volume.spacing)
    if mask.voxels.shape != volume.voxels.shape or not near:
        raise InputError(
            f"the mask {mask.source} ({_shape(mask)}) does not lie on the voxels of"
            f" {volume.source} ({_shape(volume)}); resample it to them"
        )


def _shape(volume: Volume) -> str:
    return "x".join(str(side) for side in volume.voxels.shape)


def _window(voxels: NDArray[np.float32], params: VolumesParams) -> tuple[float, float]:
    """The intensities that become 0 and 255; never equal."""
    if params.window is not None:
        return params.window[0], params.window[1]
    least = voxels.min()
    above = voxels[voxels > least]
    low, high = np.percentile(above, PERCENTILES) if above.size else (least, least)
    return (float(low), float(high)) if high > low else (float(least), float(least) + 1)


def _planes(volume: Volume, params: VolumesParams) -> list[str]:
    flat = [plane for plane, axis in PLANES.items() if volume.voxels.shape[axis] == 1]
    return flat or list(dict.fromkeys(params.planes))


def _numbers(tissue: NDArray[np.bool_], axis: int, params: VolumesParams) -> list[int]:
    others = tuple(one for one in range(3) if one != axis)
    holding = np.flatnonzero(tissue.any(axis=others))
    first, last = (
        (int(holding[0]), int(holding[-1])) if holding.size else (0, tissue.shape[axis] - 1)
    )
    start, end = (first + share * (last - first) for share in params.span)
    if params.slices is None:
        return list(range(int(np.ceil(start)), int(end) + 1)) or [round((start + end) / 2)]
    middles = start + (np.arange(params.slices) + 0.5) * (end - start) / params.slices
    return sorted({int(number) for number in np.rint(middles)})


def _slice(voxels: NDArray[Any], axis: int, number: int) -> NDArray[Any]:
    """(H, W) of the plane across `axis`, both of its axes turned to fall."""
    # a view: np.take would copy the whole volume, for each slice
    return np.asarray(np.moveaxis(voxels, axis, 0)[number])[::-1, ::-1].T


def _square(
    image: NDArray[np.uint8], volume: Volume, axis: int, interpolation: int
) -> NDArray[np.uint8]:
    """`image` with pixels as wide as high: as fine as the finer of its two spacings."""
    across, down = (volume.spacing[one] for one in range(3) if one != axis)
    fine = _finer_spacing(volume, axis)
    height, width = image.shape
    size = max(1, round(width * across / fine)), max(1, round(height * down / fine))
    if size[0] * size[1] > LARGEST:
        raise TooLarge(
            f"{volume.source} has voxels of {across:g}x{down:g} mm; a slice would have"
            f" {size[0]}x{size[1]} pixels; mend its spacing"
        )
    if size == (width, height):
        return np.ascontiguousarray(image)
    return np.asarray(
        cv2.resize(np.ascontiguousarray(image), size, interpolation=interpolation), np.uint8
    ).reshape(size[1], size[0])


def _finer_spacing(volume: Volume, axis: int) -> float:
    """The side in mm of the square pixels of a slice across `axis`."""
    return min(volume.spacing[one] for one in range(3) if one != axis)


def _marked(mask: Volume, volume: Volume, axis: int, number: int) -> NDArray[np.uint8]:
    marked = (_slice(mask.voxels, axis, number) > 0).astype(np.uint8) * np.uint8(255)
    # INTER_NEAREST takes the pixel to the left, and moves the mask against the image
    return _square(marked, volume, axis, cv2.INTER_NEAREST_EXACT)


def _write_png(image: NDArray[np.uint8], path: Path) -> Path:
    done, data = cv2.imencode(".png", image)
    assert done
    with atomic_write(path) as beside:
        beside.write_bytes(data.tobytes())
    return path
