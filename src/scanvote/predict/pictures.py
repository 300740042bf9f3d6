"""Masks and overlays that `scanvote predict` writes, and their paths."""

import os
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path, PurePath

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.core.files import atomic_write
from scanvote.datasets.user_data.scan_tree import stem
from scanvote.images.decode import Mask, Rgb
from scanvote.predict.schema import ScanPrediction

_MAX_OPACITY = 0.75
"""Opacity of the overlay where the map is brightest, as in the report's galleries."""
_MAX_NAME_BYTES = 180
"""Longest name in bytes: file systems allow 255, but numbers and endings are added."""


class OutputPaths:
    """Unique paths of pictures, in the same subfolders as their scans."""

    def __init__(self, folder: Path, files: Iterable[str]) -> None:
        """Create `folder`, the root of all paths.

        Args:
            folder: folder of the pictures.
            files: the names of all input files; their common folder is left out of the paths.

        Raises:
            InputError: the folder cannot be created.
        """
        self.folder, self._taken = folder, set[str]()
        levels = zip(*(PurePath(name).parent.parts for name in files), strict=False)
        self._shared = sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, levels))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder} cannot be a folder: {error.strerror}") from None

    def of(self, finding: ScanPrediction, ending: str) -> Path:
        """Return a new path for a picture of this scan.

        `ending` is such as ``.png`` or ``-lime.png``.
        """
        file = PurePath(finding.file)
        folders, name = file.parts[:-1][self._shared :], file.name
        subfolders = [part for part in folders if part not in (file.anchor, "..")]
        slice_parts = [finding.plane or "", "" if finding.slice is None else str(finding.slice)]
        short = os.fsdecode(os.fsencode(stem(name))[:_MAX_NAME_BYTES])
        base = "-".join([short, *(part for part in slice_parts if part)])
        return self._unused(self.folder.joinpath(*subfolders), base, ending)

    def _unused(self, folder: Path, base: str, ending: str) -> Path:
        path, number = folder / f"{base}{ending}", 1
        while str(path).casefold() in self._taken:
            number += 1
            path = folder / f"{base}-{number}{ending}"
        self._taken.add(str(path).casefold())  # some file systems ignore case
        return path


def check_apart(folder: Path, option: str, paths: Iterable[Path]) -> None:
    """Check that pictures in `folder` cannot replace or become scans.

    Raises:
        InputError: the folder contains an input, or lies in one.
    """
    place = folder.resolve()
    for path in paths:
        read = path.resolve()
        if read.is_relative_to(place) or place.is_relative_to(read):
            raise InputError(
                f"{option}: {folder} and {path}, which is read, lie in one another; choose a"
                " folder apart"
            )


def mask_png(mask: Mask) -> bytes:
    return _png(mask.astype(np.uint8) * np.uint8(255))


def overlay_png(image: Rgb, heat: NDArray[np.uint8]) -> bytes:
    """Return the scan with its attribution map (H, W) as PNG."""
    return _png(overlay_heatmap(image, heat)[..., ::-1])


def write_picture(content: bytes, path: Path) -> None:
    with atomic_write(path) as beside:
        beside.write_bytes(content)


def overlay_heatmap(image: Rgb, heat: NDArray[np.uint8]) -> Rgb:
    """Lay the attribution map over the scan; opacity follows the attribution."""
    scan = image.astype(np.float32)
    colours = cv2.applyColorMap(heat, cv2.COLORMAP_INFERNO)[..., ::-1].astype(np.float32)
    opacity = (_MAX_OPACITY / 255 * heat.astype(np.float32))[..., None]
    return np.round(scan + opacity * (colours - scan)).astype(np.uint8)


def _png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()
