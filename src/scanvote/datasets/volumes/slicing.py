"""Extract slices from a volume: selection, intensity window and orientation."""

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
from scanvote.datasets.volumes.volume import Volume, luminance
from scanvote.params import VolumesParams

PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}
"""Axis of the volume that is perpendicular to each plane."""
PERCENTILES = (0.5, 99.5)
"""Percentiles of the voxels above the minimum that become 0 and 255."""
BACKGROUND = 0.1
"""Share of the window below which a voxel is background, not tissue."""
LARGEST = 2**26
"""Maximum pixels of a slice, above the size of any scanner's image."""


@dataclass(frozen=True)
class Slice:
    """One slice of a volume, with its mask and geometry.

    Attributes:
        plane: ``axial``, ``coronal`` or ``sagittal``; empty for a single image without an
            orientation, such as a radiograph.
        number: index of the slice along the axis perpendicular to it, from 0.
        image: uint8 of shape (H, W), or (H, W, 3) RGB, in radiological orientation: front or
            top up, the patient's right on the left; pixels are square.
        mask: uint8 of shape (H, W), 0 or 255; None without a mask.
        spacing: side of a pixel in mm; 0 if unknown.
        window: intensities that became 0 and 255.
    """

    plane: str
    number: int
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8] | None = None
    spacing: float = 0.0
    window: tuple[float, float] = (0.0, 255.0)

    def facts(self) -> dict[str, str]:
        """Return the known metadata, with names from `datasets.base.METADATA_FIELDS`."""
        facts = {"plane": self.plane, "spacing": f"{self.spacing:g}" if self.spacing else ""}
        return {name: value for name, value in facts.items() if value}


def extract_slices(
    volume: Volume, params: VolumesParams, mask: Volume | None = None
) -> Iterator[Slice]:
    """Yield slices of `volume` in the planes of `params`, evenly spaced.

    They are within the span of `params` and share one intensity window; colours are kept as they
    are. A single image has one slice, in its own plane. Images without an orientation, such as
    the frames of a film, lie in no plane: all of them count, whatever the span and the planes.

    Raises:
        InputError: the mask is not on the voxel grid of the volume.
        TooLarge: a slice with square pixels would be too large.
    """
    if mask is not None:
        _check_fits(mask, volume)
    coloured = volume.voxels.ndim == 4
    voxels = _finite_float32(luminance(volume.voxels) if coloured else volume.voxels)
    low, high = _window(voxels, params)
    tissue = voxels > low + BACKGROUND * (high - low)
    if not volume.placed:
        tissue = np.ones_like(tissue)
        params = params.model_copy(update={"planes": ["axial"], "span": [0.0, 1.0]})
    for plane in _planes(volume, params):
        axis = PLANES[plane]
        for number in _slice_numbers(tissue, axis, params):
            if coloured:
                image = _colour_slice(volume, axis, number)
            else:
                grey = np.clip((_slice(voxels, axis, number) - low) / (high - low) * 255, 0, 255)
                bytes_ = np.rint(grey).astype(np.uint8)
                image = _square_pixels(bytes_, volume, axis, cv2.INTER_LINEAR)
            mask_slice = None if mask is None else _mask_slice(mask, volume, axis, number)
            spacing = _finer_spacing(volume, axis) if volume.measured else 0.0
            name = plane if volume.placed else ""
            yield Slice(name, number, image, mask_slice, spacing, (low, high))


def write_slices(
    volume: Volume, params: VolumesParams, folder: Path, stem: str, mask: Volume | None = None
) -> list[tuple[Path, Path | None, dict[str, str]]]:
    """Write the slices as PNG to `folder`, named ``<stem>-<plane>-<number>.png``.

    A slice of unknown plane has no plane in its name.

    Returns:
        For each slice its file, the file of its mask (``…_mask.png``; None without a mask)
        and its metadata.
    """
    rows: list[tuple[Path, Path | None, dict[str, str]]] = []
    for one in extract_slices(volume, params, mask):
        name = "-".join(part for part in (stem, one.plane, f"{one.number:03d}") if part)
        mask_path = None if one.mask is None else write_png(one.mask, folder / f"{name}_mask.png")
        image = one.image if one.image.ndim == 2 else one.image[:, :, ::-1]
        rows.append((write_png(image, folder / f"{name}.png"), mask_path, one.facts()))
    return rows


def _finite_float32(voxels: NDArray[Any]) -> NDArray[np.float32]:
    """Return `voxels` as float32, with the minimum for what is not finite."""
    with np.errstate(over="ignore"):
        values = voxels.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        values[~finite] = values[finite].min() if finite.any() else 0
    return values


def _check_fits(mask: Volume, volume: Volume) -> None:
    # tools round the affines they write, so corners may differ by half a voxel
    corners = np.array([*np.ndindex(2, 2, 2)]) * (np.array(volume.voxels.shape[:3]) - 1)
    offsets = (mask.affine - volume.affine) @ np.c_[corners, np.ones(8)].T
    same_shape = mask.voxels.shape == volume.voxels.shape[:3]
    if same_shape and np.abs(offsets).max() <= 0.5 * min(volume.spacing):
        return
    advice = (
        ": their places differ (origin, direction or spacing); if it was saved without its"
        " header, copy the image's affine, else resample it"
        if same_shape
        else "; resample it to them"
    )
    raise InputError(
        f"the mask {mask.source} ({_shape(mask)}) does not lie on the voxels of"
        f" {volume.source} ({_shape(volume)}){advice}"
    )


def _shape(volume: Volume) -> str:
    return "x".join(str(side) for side in volume.voxels.shape[:3])


def _window(voxels: NDArray[np.float32], params: VolumesParams) -> tuple[float, float]:
    """Return the intensities that become 0 and 255; they are never equal."""
    if params.window is not None:
        return params.window[0], params.window[1]
    minimum = voxels.min()
    above = voxels[voxels > minimum]
    low, high = np.percentile(above, PERCENTILES) if above.size else (minimum, minimum)
    return (float(low), float(high)) if high > low else (float(minimum), float(minimum) + 1)


def _planes(volume: Volume, params: VolumesParams) -> list[str]:
    flat = [plane for plane, axis in PLANES.items() if volume.voxels.shape[axis] == 1]
    return flat or list(dict.fromkeys(params.planes))


def select_slices(voxels: NDArray[Any], axis: int, params: VolumesParams) -> list[int]:
    """Return the numbers of the slices along `axis` that `params` select, rising."""
    low, high = _window(_finite_float32(voxels), params)
    return _slice_numbers(voxels > low + BACKGROUND * (high - low), axis, params)


def shared_window(voxels: NDArray[Any], params: VolumesParams) -> NDArray[np.uint8]:
    """Return `voxels` as uint8, in the one intensity window of `params`."""
    values = _finite_float32(voxels)
    low, high = _window(values, params)
    return np.asarray(np.rint(np.clip((values - low) / (high - low) * 255, 0, 255)), np.uint8)


def _slice_numbers(tissue: NDArray[np.bool_], axis: int, params: VolumesParams) -> list[int]:
    others = tuple(one for one in range(3) if one != axis)
    used = np.flatnonzero(tissue.any(axis=others))
    first, last = (int(used[0]), int(used[-1])) if used.size else (0, tissue.shape[axis] - 1)
    start, end = (first + share * (last - first) for share in params.span)
    if params.slices is None:
        return list(range(int(np.ceil(start)), int(end) + 1)) or [round((start + end) / 2)]
    middles = start + (np.arange(params.slices) + 0.5) * (end - start) / params.slices
    return sorted({int(number) for number in np.rint(middles)})


def _slice(voxels: NDArray[Any], axis: int, number: int) -> NDArray[Any]:
    """Return the slice (H, W) perpendicular to `axis`, with both axes reversed."""
    # a view; np.take would copy the whole volume for each slice
    return np.asarray(np.moveaxis(voxels, axis, 0)[number])[::-1, ::-1].T


def _colour_slice(volume: Volume, axis: int, number: int) -> NDArray[np.uint8]:
    channels = [
        _square_pixels(_slice(volume.voxels[..., at], axis, number), volume, axis, cv2.INTER_LINEAR)
        for at in range(3)
    ]
    return np.stack(channels, axis=-1)


def _square_pixels(
    image: NDArray[np.uint8], volume: Volume, axis: int, interpolation: int
) -> NDArray[np.uint8]:
    """Resample `image` to square pixels of the finer of its two spacings."""
    across, down = (volume.spacing[one] for one in range(3) if one != axis)
    side = _finer_spacing(volume, axis)
    height, width = image.shape
    size = max(1, round(width * across / side)), max(1, round(height * down / side))
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
    """Return the pixel side in mm of a slice perpendicular to `axis`."""
    return min(volume.spacing[one] for one in range(3) if one != axis)


def _mask_slice(mask: Volume, volume: Volume, axis: int, number: int) -> NDArray[np.uint8]:
    binary = (_slice(mask.voxels, axis, number) > 0).astype(np.uint8) * np.uint8(255)
    # INTER_NEAREST takes the pixel to the left, which shifts the mask against the image
    return _square_pixels(binary, volume, axis, cv2.INTER_NEAREST_EXACT)


def write_png(image: NDArray[np.uint8], path: Path) -> Path:
    """Write a grey image (H, W) or one in OpenCV's order of colours (H, W, 3)."""
    done, data = cv2.imencode(".png", image)
    assert done
    with atomic_write(path) as beside:
        beside.write_bytes(data.tobytes())
    return path
