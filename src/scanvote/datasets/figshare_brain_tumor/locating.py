"""Locate the set's MATLAB files: loose, in archives or nested archives."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.core.files import mirror_folder
from scanvote.core.progress import progress_bar
from scanvote.datasets.archives import extract
from scanvote.datasets.base import Archive
from scanvote.datasets.figshare_brain_tumor.matlab import MatFile
from scanvote.datasets.sources import locate_archive
from scanvote.datasets.trees import is_junk_file, natural_sort_key
from scanvote.params import Params

ARCHIVE = Archive(
    "figshare_brain_tumor",
    "1512427.zip",
    address="https://ndownloader.figshare.com/articles/1512427/versions/5",
)
"""All files of the article in one zip, as figshare provides it."""
WHOLE = (ARCHIVE.stem, "figshare-brain-tumor")
"""Names of the zip or folder of the whole set in a mirror."""
PARTS = tuple(
    f"brainTumorDataPublic_{numbers}" for numbers in ("1-766", "767-1532", "1533-2298", "2299-3064")
)
"""Names of the published zips, or of the folders they unpack to."""
FOLDS = "cvind.mat"
NAME = re.compile(r"([1-9][0-9]{0,5})\.mat")
"""``17.mat``: the number of the slice."""
DEPTH = 3
"""Levels to search: a mirror or archive, its archives, and the content of these."""


@dataclass(frozen=True)
class Located:
    """The files of the set.

    Attributes:
        slices: files of the slices by number, in its order.
        folds: table of the published folds; None without it.
        others: all other MATLAB files.
    """

    slices: dict[int, MatFile]
    folds: MatFile | None
    others: list[MatFile]


@contextmanager
def located(work: Path, params: Params) -> Iterator[Located]:
    """Locate the files; archives stay unpacked in `work` while the block runs.

    A mirror folder may hold `WHOLE` as a zip or a folder, which then is used alone; else any of
    `PARTS` as zips or folders, loose ``1.mat``, ``2.mat``…, and ``cvind.mat`` beside them. With
    an address as mirror, or without a mirror, the zip of the article is used.

    Raises:
        InputError: there are no files, an archive is refused, damaged or holds no such files,
            or two files have the same number.
    """
    shutil.rmtree(work, ignore_errors=True)  # left by a killed run
    try:
        yield _sort_files(_mat_files(_places(params), work, params))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _places(params: Params) -> list[Path]:
    mirror = mirror_folder(params.download.mirror)
    if mirror is None or not mirror.is_dir():
        return [locate_archive(ARCHIVE, params)]
    for name in WHOLE:
        if paths := _zip_or_folder(mirror, name):
            return paths
    loose = [path for path in mirror.glob("*.mat") if NAME.fullmatch(path.name)]
    parts = [path for name in PARTS for path in _zip_or_folder(mirror, name)]
    if not loose and not parts:
        raise InputError(
            f"the mirror {mirror} has no {ARCHIVE.name}, {WHOLE[1]}.zip, {PARTS[0]}.zip… or"
            " 1.mat…; put there what doi.org/10.6084/m9.figshare.1512427 offers"
        )
    return [*parts, *loose, *(path for path in [mirror / FOLDS] if path.is_file())]


def _zip_or_folder(mirror: Path, name: str) -> list[Path]:
    return [path for path in (mirror / f"{name}.zip", mirror / name) if path.exists()][:1]


def _mat_files(places: Sequence[Path], work: Path, params: Params) -> list[MatFile]:
    """Return the MATLAB files at `places`; the total unpacked size is limited."""
    mat_files: list[MatFile] = []
    bytes_left = int(params.download.max_gigabytes * 1e9)
    for depth in range(DEPTH):
        files = [file for place in places for file in _files(place)]
        mat_files += [file for file in files if file.path.suffix.lower() == ".mat"]
        zips = [file.path for file in files if file.path.suffix.lower() == ".zip"]
        places = []
        for number, archive in enumerate(zips if depth + 1 < DEPTH else []):
            place = work / f"{depth}-{number}" / archive.name
            bytes_left -= _unpack(archive, place, bytes_left)
            places.append(place)
            if archive.is_relative_to(work):  # an unpacked inner archive is not needed any more
                archive.unlink()
    return mat_files


def _unpack(archive: Path, folder: Path, max_bytes: int) -> int:
    """Unpack `archive`, and return the size of its files in bytes."""
    with progress_bar(f"Unpack {archive.name}") as progress:
        extract(archive, folder, max_bytes, progress)
    files = _files(folder)
    if not any(file.path.suffix.lower() in (".mat", ".zip") for file in files):
        raise InputError(f"{archive} holds no .mat files; fetch it anew")
    return sum(file.path.stat().st_size for file in files)


def _files(place: Path) -> list[MatFile]:
    """Return `place`, or its regular files in stable order, without following links."""
    if not place.is_dir():
        return [MatFile(place, place.name)]
    inside = (path for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    named = ((path, path.relative_to(place)) for path in inside)
    return [
        MatFile(path, f"{place.name}/{below.as_posix()}")
        for path, below in sorted(named)
        if not any(is_junk_file(Path(part)) for part in below.parts)
    ]


def _sort_files(files: Sequence[MatFile]) -> Located:
    """Sort the files by their names, each of which may occur once."""
    by_name: dict[str, MatFile] = {}
    others: list[MatFile] = []
    for file in sorted(files, key=lambda one: (natural_sort_key(one.path), one.name)):
        name = file.path.name
        if name != FOLDS and not NAME.fullmatch(name):
            others.append(file)
        elif name in by_name:
            raise InputError(
                f"figshare_brain_tumor: {name} is there twice, as {by_name[name].name} and as"
                f" {file.name}; take one of them out"
            )
        else:
            by_name[name] = file
    folds = by_name.pop(FOLDS, None)
    if not by_name:
        raise InputError("figshare_brain_tumor: no 1.mat, 2.mat… is there; fetch the set anew")
    return Located({int(Path(name).stem): by_name[name] for name in by_name}, folds, others)
