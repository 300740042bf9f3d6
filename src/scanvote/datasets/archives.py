"""Unpacking archives that were written by others: nothing leaves the folder."""

import lzma
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TypeVar

from scanvote.core.errors import InputError
from scanvote.core.progress import Progress

Info = TypeVar("Info")

BLOCK = 1 << 20
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    # of zipfile on nonsense in a header
    ValueError,
    RuntimeError,
)


@dataclass(frozen=True)
class Member:
    """A file of an archive: its path, its declared size, and how to read it."""

    path: PurePosixPath
    size: int
    open: Callable[[], IO[bytes]]


def extract(archive: Path, folder: Path, max_bytes: int, progress: Progress) -> None:
    """Unpack a zip or tar archive to `folder`, which appears only when it is whole.

    Args:
        archive: a zip, tar, tar.gz, tar.bz2 or tar.xz.
        folder: must not exist.
        max_bytes: the most that all files together may hold.
        progress: told of the bytes that are written.

    Raises:
        InputError: no archive, damaged, encrypted, larger than allowed, or a member that
            is a link or a device or would land outside the folder.
    """
    with _beside(folder) as beside, _opened(archive) as members:
        _check_size(archive, sum(member.size for member in members), max_bytes)
        _write(archive, members, beside, max_bytes, progress)


def copy_tree(source: Path, folder: Path, max_bytes: int, progress: Progress) -> None:
    """Copy the regular files of an archive that lies unpacked, as `extract` would write them.

    Links and what macOS leaves are passed over; `source` stays as it is.

    Raises:
        InputError: the files hold more than `max_bytes`, or one cannot be read.
    """
    files = [path for path in sorted(source.rglob("*")) if path.is_file() and not path.is_symlink()]
    files = [path for path in files if not _litter(PurePosixPath(path.relative_to(source)))]
    total = sum(path.stat().st_size for path in files)
    _check_size(source, total, max_bytes)
    with _beside(folder) as beside:
        done = 0
        for path in files:
            target = beside / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(path, target)
            except OSError as error:
                raise InputError(f"{path} cannot be copied: {error.strerror}") from None
            done += path.stat().st_size
            progress(done, total)


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """An empty folder that becomes `folder` when the block succeeds."""
    beside = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(beside, ignore_errors=True)  # of a run that was killed
    beside.mkdir(parents=True)
    try:
        yield beside
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _write(
    archive: Path, members: list[Member], folder: Path, max_bytes: int, progress: Progress
) -> None:
    done, total = 0, sum(member.size for member in members)
    for member in members:
        with _told(archive, member), member.open() as source, _new(folder, member) as target:
            while block := source.read(BLOCK):
                # a header can lie about the size
                done += len(block)
                _check_size(archive, done, max_bytes)
                target.write(block)
                progress(done, total)


def _new(folder: Path, member: Member) -> IO[bytes]:
    path = folder / member.path
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("xb")


@contextmanager
def _told(archive: Path, member: Member) -> Iterator[None]:
    """Turn what can go wrong with one member into one line."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise InputError(f"{archive} holds {_shown(member.path)} twice; fetch it anew") from None
    except OSError as error:
        if error.strerror is None:
            raise _damaged(archive, error) from None
        raise InputError(
            f"{_shown(member.path)} of {archive} cannot be written: {error.strerror}"
        ) from None


@contextmanager
def _opened(archive: Path) -> Iterator[list[Member]]:
    """The files of an archive, checked."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as unzipped:
                yield _zip_members(archive, unzipped)
        else:
            with tarfile.open(archive) as untarred:
                yield _tar_members(archive, untarred)
    except DAMAGED as error:
        raise _damaged(archive, error) from None
    except OSError as error:
        raise InputError(f"{archive} cannot be read: {error.strerror or error}") from None


def _zip_members(archive: Path, unzipped: zipfile.ZipFile) -> list[Member]:
    members = []
    for info in unzipped.infolist():
        path = _inside(archive, info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16)  # 0: not written on Unix
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(archive, path, "is a link or a device")
        if info.flag_bits & 1:
            raise _refused(archive, path, "is encrypted")
        if not info.is_dir() and not _litter(path):
            members.append(Member(path, info.file_size, _opener(unzipped.open, info)))
    return members


def _tar_members(archive: Path, untarred: tarfile.TarFile) -> list[Member]:
    members = []
    for info in untarred:
        path = _inside(archive, info.name)
        if not (info.isreg() or info.isdir()):
            raise _refused(archive, path, "is a link or a device")
        if info.isreg() and not _litter(path):
            members.append(Member(path, info.size, _opener(untarred.extractfile, info)))
    return members


def _opener(function: Callable[[Info], IO[bytes] | None], info: Info) -> Callable[[], IO[bytes]]:
    def opened() -> IO[bytes]:
        source = function(info)
        assert source is not None  # only of what is no regular file
        return source

    return opened


def _inside(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    # a backslash and a drive letter lead outside on Windows only, and are no use anywhere
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:|.*[\\\0]", name, re.S):
        raise _refused(archive, path, "leads outside of the folder")
    return path


def _litter(path: PurePosixPath) -> bool:
    return "__MACOSX" in path.parts or path.name == ".DS_Store"


def _check_size(archive: Path, size: int, most: int) -> None:
    if size > most:
        raise InputError(
            f"{archive} unpacks to more than {most / 1e9:g} GB;"
            " raise download.max_gigabytes if it is to be trusted"
        )


def _damaged(archive: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{archive} is damaged or no archive ({reason}); remove it and fetch it anew")


def _refused(archive: Path, path: PurePosixPath, reason: str) -> InputError:
    return InputError(f"{archive} is refused: its member {_shown(path)} {reason}")


def _shown(path: PurePosixPath) -> str:
    return repr(str(path))  # a name may hold line breaks
