"""List all files below a user's folder in a stable order.

Nothing is written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from scanvote.core.machine import raise_fault
from scanvote.datasets.dicom_start import HEAD, is_dicom
from scanvote.datasets.trees import IMAGES, is_junk_file, natural_sort_key
from scanvote.datasets.user_data.layout import KINDS, Kind, SkippedFile

NAMES = 2**14
"""Names that functions of names alone remember: a tree asks for each many times."""
NIFTI = (".nii.gz", ".nii")
CHANNEL = re.compile(r"(?<=.)_(\d{4})$")
"""Suffix that nnU-Net adds to the name of an image, but not to that of its mask."""
ITK = (".nrrd", ".nhdr", ".mha", ".mhd")
"""Endings of NRRD and MetaImage; the latter of a pair are headers, the voxels lie beside."""
OME = (".ome.tif", ".ome.tiff")
"""Endings of TIFF files with the metadata of a microscope."""
VOXELS = (".raw", ".zraw", ".raw.gz", ".img")
"""Endings of the voxels beside a header."""
OTHERS = {
    ".gif": "a GIF, which is not read; save it as PNG",
    ".jp2": "a JPEG 2000 image, which is not read; save it as PNG",
    ".heic": "a HEIC image, which is not read; save it as PNG",
    ".avif": "an AVIF image, which is not read; save it as PNG",
    ".hdr": "the header of a pair of files (NIfTI or Analyze); save both as one .nii file",
    ".mgh": "a FreeSurfer volume, which is not read; save it as NIfTI, as with mri_convert",
    ".mgz": "a FreeSurfer volume, which is not read; save it as NIfTI, as with mri_convert",
    ".mnc": "a MINC volume, which is not read; save it as NIfTI, as with mnc2nii",
    ".par": "a Philips PAR/REC volume, which is not read; save it as NIfTI, as with dcm2niix",
    ".rec": "a Philips PAR/REC volume, which is not read; save it as NIfTI, as with dcm2niix",
    ".zip": "an archive; unpack it",
    ".tar": "an archive; unpack it",
    ".tgz": "an archive; unpack it",
    ".tar.gz": "an archive; unpack it",
    ".7z": "an archive; unpack it",
    ".rar": "an archive; unpack it",
}
"""What files of some endings are that are not read."""


@dataclass(frozen=True)
class FoundFile:
    """A possible scan or mask; `name` is its path below the folder."""

    path: Path
    name: str
    kind: Kind

    @cached_property
    def folders(self) -> tuple[str, ...]:
        return tuple(self.name.split("/")[:-1])

    @cached_property
    def stem(self) -> str:
        return stem(self.path.name)


@dataclass(frozen=True)
class FileTree:
    """The content of a folder.

    Attributes:
        files: files that may be scans or masks.
        skipped: files and folders that are not used.
        empty: names of the folders below it that have no content.
    """

    files: list[FoundFile] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


def list_files(root: Path) -> FileTree:
    """List the files below `root`, folder by folder, in natural order.

    Links to files are followed. A link to a folder is followed unless it leads back into
    the data or to the target of another link: no loop, nothing twice.
    """
    tree, linked, waiting = FileTree(), set[Path](), [root]
    while waiting:
        folder = waiting.pop()
        below = []
        for path in _entries(folder, root, tree):
            if not path.is_dir():
                _add(path, root, tree)
            elif path.is_symlink() and _leads_back(path.resolve(), root.resolve(), linked):
                tree.skipped.append(
                    SkippedFile(_name(path, root), "a link back to a folder read before")
                )
            else:
                below.append(path)
        waiting += reversed(below)
    return tree


def kind_of(path: Path) -> Kind | None:
    """Detect the kind of a file by ending, DICOM by content."""
    if path.name.lower().endswith(NIFTI):
        return "nifti"
    if path.suffix.lower() in IMAGES:
        return "image"
    if path.suffix.lower() in ITK:
        return "itk"
    return "dicom" if path.name.upper() != "DICOMDIR" and _is_dicom(path) else None


@lru_cache(NAMES)
def stem(name: str) -> str:
    """Return `name` without an image's or volume's ending: ``x`` for ``x.nii.gz``."""
    for ending in (*NIFTI, *ITK, *OME, *IMAGES, ".dcm"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def _entries(folder: Path, root: Path, tree: FileTree) -> Iterator[Path]:
    try:
        entries = sorted(
            (path for path in folder.iterdir() if not is_junk_file(path)), key=natural_sort_key
        )
    except OSError as error:
        raise_fault(error)
        reason = f"a folder that cannot be read: {error.strerror}"
        tree.skipped.append(SkippedFile(_name(folder, root), reason))
        return
    if not entries:
        tree.empty.append(_name(folder, root))
    for path in entries:
        if path.name.isprintable():  # neither line breaks nor bytes that are no UTF-8
            yield path
        else:
            tree.skipped.append(
                SkippedFile(ascii(_name(path, root)), "its name cannot be written as text")
            )


def _add(path: Path, root: Path, tree: FileTree) -> None:
    name = _name(path, root)
    if not path.is_file():
        broken = path.is_symlink()
        tree.skipped.append(SkippedFile(name, "a link to nothing" if broken else "no regular file"))
        return
    kind = kind_of(path)
    if kind is None and _is_part_of_pair(path):
        return  # it is read, or told of, with its header
    if kind is None:
        tree.skipped.append(SkippedFile(name, _unknown(path)))
    else:
        tree.files.append(FoundFile(path, name, kind))


def _unknown(path: Path) -> str:
    """Say why a file is neither an image nor a volume."""
    if path.suffix.lower() in (".dcm", ".dicom"):
        return "called DICOM, but holds no DICOM data; damaged, or of another format"
    endings = (ending for ending in OTHERS if path.name.lower().endswith(ending))
    return OTHERS.get(next(endings, ""), f"no {KINDS}")


def _is_part_of_pair(path: Path) -> bool:
    """Return whether the file holds the voxels of a header beside it."""
    for ending in VOXELS:
        if path.name.lower().endswith(ending):
            bare = path.name[: -len(ending)]
            return any(path.with_name(f"{bare}{one}").is_file() for one in (*ITK, ".hdr"))
    return False


def _leads_back(target: Path, root: Path, linked: set[Path]) -> bool:
    back = target in linked or target.is_relative_to(root) or root.is_relative_to(target)
    linked.add(target)
    return back


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return is_dicom(file.read(HEAD))
    except OSError:
        return False


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
