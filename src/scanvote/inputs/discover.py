"""Find the input files in paths given on the command line."""

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
"""First bytes of a file, enough to detect its format."""


@dataclass(frozen=True)
class DiscoveredInput:
    """A file, or the files of a DICOM series.

    Attributes:
        name: path as given; for a series that of its first file.
        paths: of the file, or of the series in the order of the slices.
    """

    name: str
    paths: tuple[Path, ...]


def discover_inputs(
    paths: Sequence[Path], skipped: "list[SkippedFile] | None" = None
) -> Iterator[DiscoveredInput]:
    """Yield the inputs in `paths` in order, natural order in folders.

    A file given by name is always an input of its own. In a folder and its subfolders, inputs
    are files with the extension of an image or of a volume, and DICOM files by their content; DICOM
    files of one series in one folder are one input. No pixel is read, and no file as a whole.

    Args:
        paths: files and folders.
        skipped: receives the skipped files of folders, with the reason.

    Raises:
        InputError: one of `paths` does not exist; raised at once, before any file is read.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{sanitise_name(str(path))} does not exist; name a file or a folder")
    return _discover(paths, [] if skipped is None else skipped)


def read_discovered(
    one: DiscoveredInput, limits: Limits, volumes: VolumesParams
) -> list[InputScan]:
    """Read the scans of a file or a series, as `read_content` does.

    Args:
        one: an input from `discover_inputs`.
        limits: `Limits.bytes` applies to each file.
        volumes: settings for slicing volumes.

    Raises:
        RejectedFile: the file cannot be read, or for a reason of `read_content`.
    """
    for path in one.paths:
        check_size(_size(path), sanitise_name(str(path)), limits)
    try:
        with one.paths[0].open("rb") as file:
            kind = detect_format(file.read(HEAD))
        if kind not in ("DICOM", "NIfTI", "NRRD", "MetaImage"):
            return read_content(one.paths[0].read_bytes(), one.name, limits, volumes)
    except OSError as error:
        raise _unreadable(one.paths[0], error) from None
    from scanvote.inputs.volumes import read_volume

    return read_volume(one.paths, sanitise_name(one.name), kind, limits, volumes)


def _discover(paths: Sequence[Path], skipped: "list[SkippedFile]") -> Iterator[DiscoveredInput]:
    for path in paths:
        if path.is_dir():
            yield from _discover_folder(path, skipped)
        else:
            yield DiscoveredInput(str(path), (path,))


def _discover_folder(root: Path, skipped: "list[SkippedFile]") -> Iterator[DiscoveredInput]:
    from scanvote.datasets.user_data.scan_tree import list_files
    from scanvote.datasets.user_data.series import dicom_items

    tree = list_files(root)
    skipped += tree.skipped
    series, no_series = dicom_items([file for file in tree.files if file.kind == "dicom"])
    skipped += no_series
    slices = {item.name: item.files for item in series}
    for file in tree.files:
        if file.kind != "dicom":
            yield DiscoveredInput(str(file.path), (file.path,))
        elif file.name in slices:
            yield DiscoveredInput(str(file.path), slices[file.name])


def _size(path: Path) -> int:
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    if not stat.S_ISREG(status.st_mode):
        raise RejectedFile(f"{sanitise_name(str(path))} is no regular file", 415)
    return status.st_size


def _unreadable(path: Path, error: OSError) -> RejectedFile:
    return RejectedFile(f"{sanitise_name(str(path))} cannot be read: {error.strerror}", 422)
