"""Files and folders that a person names in the shell, and the scans in them."""

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scanvote.core.errors import InputError
from scanvote.inputs.formats import detect_format
from scanvote.inputs.read import check_size, read_content
from scanvote.inputs.sanitise import sanitise_name
from scanvote.inputs.scan import InputScan, Limits, RejectedFile
from scanvote.params import VolumesParams

if TYPE_CHECKING:
    from scanvote.datasets.user_data.layout import SkippedFile

HEAD = 2**16
"""Bytes that tell what a file is."""


@dataclass(frozen=True)
class DiscoveredInput:
    """A file, or the files of a DICOM series.

    Attributes:
        name: its path as it was named; of a series that of its first file.
        paths: in the order of the slices.
    """

    name: str
    paths: tuple[Path, ...]


def discover_inputs(
    paths: Sequence[Path], left: "list[SkippedFile] | None" = None
) -> Iterator[DiscoveredInput]:
    """What is to be looked at in `paths`, in their order, in folders in natural order.

    A file that is named is always looked at, by itself. In a folder and those below it those
    files are that are images or NIfTI by their ending, or DICOM by their content; DICOM files
    of one series in one folder are one. No pixel is read, and no file as a whole.

    Args:
        paths: files and folders.
        left: gets what is in the folders and not looked at, and why.

    Raises:
        InputError: one of `paths` does not exist; at once, before anything is looked at.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{sanitise_name(str(path))} does not exist; name a file or a folder")
    return _gathered(paths, [] if left is None else left)


def read_discovered(
    one: DiscoveredInput, limits: Limits, volumes: VolumesParams
) -> list[InputScan]:
    """The scans in a file or a series, as `read_content` reads them.

    Args:
        one: of `discover_inputs`.
        limits: `Limits.bytes` is that of each file.
        volumes: how volumes are cut.

    Raises:
        Refused: it cannot be read, or as `read_content` says.
    """
    for path in one.paths:
        check_size(_size(path), sanitise_name(str(path)), limits)
    try:
        with one.paths[0].open("rb") as file:
            kind = detect_format(file.read(HEAD))
        if kind not in ("DICOM", "NIfTI"):
            return read_content(one.paths[0].read_bytes(), one.name, limits, volumes)
    except OSError as error:
        raise _unreadable(one.paths[0], error) from None
    from scanvote.inputs.volumes import read_volume

    return read_volume(one.paths, sanitise_name(one.name), kind, limits, volumes)


def _gathered(paths: Sequence[Path], left: "list[SkippedFile]") -> Iterator[DiscoveredInput]:
    for path in paths:
        if path.is_dir():
            yield from _below(path, left)
        else:
            yield DiscoveredInput(str(path), (path,))


def _below(root: Path, left: "list[SkippedFile]") -> Iterator[DiscoveredInput]:
    from scanvote.datasets.user_data.scan_tree import list_files
    from scanvote.datasets.user_data.series import dicom_items

    tree = list_files(root)
    left += tree.left
    series, without = dicom_items([file for file in tree.files if file.kind == "dicom"])
    left += without
    slices = {item.name: item.files for item in series}
    for file in tree.files:
        if file.kind != "dicom":
            yield DiscoveredInput(str(file.path), (file.path,))
        elif file.name in slices:
            yield DiscoveredInput(str(file.path), slices[file.name])


def _size(path: Path) -> int:
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise RejectedFile(f"{sanitise_name(str(path))} is no regular file", 415)
    return found.st_size


def _unreadable(path: Path, error: OSError) -> RejectedFile:
    return RejectedFile(f"{sanitise_name(str(path))} cannot be read: {error.strerror}", 422)
