"""The pictures that are written beside the table, and where: a name for each, below one folder."""

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

_COVER = 0.75
"""Of the scan, where a map is brightest: as in the report's galleries."""
_LONGEST = 180
"""Bytes of a name: file systems take 255, of which numbers and endings need some."""


class OutputPaths:
    """A path for each picture, in the folders that the scans lie in, none given twice."""

    def __init__(self, folder: Path, files: Iterable[str]) -> None:
        """All lie below `folder`, which is made.

        Args:
            folder: of the pictures.
            files: the names of all files, of which the folder that they share is left out.

        Raises:
            InputError: the folder cannot be made.
        """
        self.folder, self._taken = folder, set[str]()
        levels = zip(*(PurePath(name).parent.parts for name in files), strict=False)
        self._shared = sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, levels))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder} cannot be a folder: {error.strerror}") from None

    def of(self, finding: ScanPrediction, ending: str) -> Path:
        """Where the picture of this scan belongs; `ending` as ``.png``."""
        whole = PurePath(finding.file)
        folders, name = whole.parts[:-1][self._shared :], whole.name
        inside = [part for part in folders if part not in (whole.anchor, "..")]
        cut = [finding.plane or "", "" if finding.slice is None else str(finding.slice)]
        plain = os.fsdecode(os.fsencode(stem(name))[:_LONGEST])
        base = "-".join([plain, *(part for part in cut if part)])
        return self._free(self.folder.joinpath(*inside), base, ending)

    def _free(self, folder: Path, base: str, ending: str) -> Path:
        path, number = folder / f"{base}{ending}", 1
        while str(path).casefold() in self._taken:
            number += 1
            path = folder / f"{base}-{number}{ending}"
        self._taken.add(str(path).casefold())  # some file systems tell no A from an a
        return path


def check_apart(folder: Path, option: str, paths: Iterable[Path]) -> None:
    """Whether pictures written to `folder` neither replace scans nor are taken for some.

    Raises:
        InputError: the folder holds what is read, or lies in it.
    """
    place = folder.resolve()
    for path in paths:
        read = path.resolve()
        if read.is_relative_to(place) or place.is_relative_to(read):
            raise InputError(
                f"{option}: {folder} and {path}, which is read, lie in one another; choose a"
                " folder apart"
            )


def write_mask(mask: Mask, path: Path) -> None:
    _write_png(mask.astype(np.uint8) * np.uint8(255), path)


def write_overlay(image: Rgb, heat: NDArray[np.uint8], path: Path) -> None:
    """The scan under a map (H, W) of what speaks for the vote, the brightest most."""
    _write_png(overlay_heatmap(image, heat)[..., ::-1], path)


def overlay_heatmap(image: Rgb, heat: NDArray[np.uint8]) -> Rgb:
    """The scan, the map in its colours laid over it: the more opaque, the more it says."""
    below = image.astype(np.float32)
    colours = cv2.applyColorMap(heat, cv2.COLORMAP_INFERNO)[..., ::-1].astype(np.float32)
    share = (_COVER / 255 * heat.astype(np.float32))[..., None]
    return np.round(below + share * (colours - below)).astype(np.uint8)


def _write_png(pixels: np.ndarray, path: Path) -> None:
    with atomic_write(path) as beside:
        beside.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
