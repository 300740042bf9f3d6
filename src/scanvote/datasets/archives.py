"""Unpack untrusted archives; no file lands outside the target folder."""

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
    # raised by zipfile for an invalid header
    ValueError,
    RuntimeError,
)


@dataclass(frozen=True)
class Member:
    """A file of an archive: its path, declared size and opening function."""

    path: PurePosixPath
    size: int
    open: Callable[[], IO[bytes]]


def extract(archive: Path, folder: Path, max_bytes: int, progress: Progress) -> None:
    """Unpack a zip or tar archive to `folder`.

    The folder appears only when it is complete.

    Args:
        archive: a zip, tar, tar.gz, tar.bz2 or tar.xz.
        folder: target folder, which must not exist.
        max_bytes: maximum total size of the files.
        progress: receives the number of written bytes.

    Raises:
        InputError: the file is no archive, damaged, encrypted or larger than allowed, or a
            member is a link or a device or would land outside the folder.
    """
    with _staging_folder(folder) as staging, _open_archive(archive) as members:
        _check_size(archive, sum(member.size for member in members), max_bytes)
        _write(archive, members, staging, max_bytes, progress)


def copy_tree(source: Path, folder: Path, max_bytes: int, progress: Progress) -> None:
    """Copy the regular files of an unpacked archive to `folder`.

    The result looks as if `extract` had written it. Links and macOS metadata are skipped;
    `source` stays unchanged.

    Raises:
        InputError: the files together exceed `max_bytes`, or one cannot be read.
    """
    files = [path for path in sorted(source.rglob("*")) if path.is_file() and not path.is_symlink()]
    files = [path for path in files if not _is_junk(PurePosixPath(path.relative_to(source)))]
    total = sum(path.stat().st_size for path in files)
    _check_size(source, total, max_bytes)
    with _staging_folder(folder) as staging:
        done = 0
        for path in files:
            target = staging / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(path, target)
            except OSError as error:
                raise InputError(f"{path} cannot be copied: {error.strerror}") from None
            done += path.stat().st_size
            progress(done, total)


@contextmanager
def _staging_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `folder` when the block succeeds."""
    staging = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(staging, ignore_errors=True)  # left by a killed run
    staging.mkdir(parents=True)
    try:
        yield staging
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write(
    archive: Path, members: list[Member], folder: Path, max_bytes: int, progress: Progress
) -> None:
    done, total = 0, sum(member.size for member in members)
    for member in members:
        with (
            _member_errors(archive, member),
            member.open() as source,
            _create(folder, member) as target,
        ):
            while block := source.read(BLOCK):
                # a header can lie about the size
                done += len(block)
                _check_size(archive, done, max_bytes)
                target.write(block)
                progress(done, total)


def _create(folder: Path, member: Member) -> IO[bytes]:
    path = folder / member.path
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("xb")


@contextmanager
def _member_errors(archive: Path, member: Member) -> Iterator[None]:
    """Turn an error of one member into an InputError of one line."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise InputError(f"{archive} holds {_quoted(member.path)} twice; fetch it anew") from None
    except OSError as error:
        if error.strerror is None:
            raise _damaged(archive, error) from None
        raise InputError(
            f"{_quoted(member.path)} of {archive} cannot be written: {error.strerror}"
        ) from None


@contextmanager
def _open_archive(archive: Path) -> Iterator[list[Member]]:
    """Yield the checked files of an archive."""
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
        path = _safe_path(archive, info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16)  # 0: not written on Unix
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(archive, path, "is a link or a device")
        if info.flag_bits & 1:
            raise _refused(archive, path, "is encrypted")
        if not info.is_dir() and not _is_junk(path):
            members.append(Member(path, info.file_size, _opener(unzipped.open, info)))
    return members


def _tar_members(archive: Path, untarred: tarfile.TarFile) -> list[Member]:
    members = []
    for info in untarred:
        path = _safe_path(archive, info.name)
        if not (info.isreg() or info.isdir()):
            raise _refused(archive, path, "is a link or a device")
        if info.isreg() and not _is_junk(path):
            members.append(Member(path, info.size, _opener(untarred.extractfile, info)))
    return members


def _opener(function: Callable[[Info], IO[bytes] | None], info: Info) -> Callable[[], IO[bytes]]:
    def open_member() -> IO[bytes]:
        source = function(info)
        assert source is not None  # None only for what is no regular file
        return source

    return open_member


def _safe_path(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    # a backslash and a drive letter lead outside on Windows only, and are no use anywhere
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:|.*[\\\0]", name, re.S):
        raise _refused(archive, path, "leads outside of the folder")
    return path


def _is_junk(path: PurePosixPath) -> bool:
    return "__MACOSX" in path.parts or path.name == ".DS_Store"


def _check_size(archive: Path, size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise InputError(
            f"{archive} unpacks to more than {max_bytes / 1e9:g} GB;"
            " raise download.max_gigabytes if it is to be trusted"
        )


def _damaged(archive: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{archive} is damaged or no archive ({reason}); remove it and fetch it anew")


def _refused(archive: Path, path: PurePosixPath, reason: str) -> InputError:
    return InputError(f"{archive} is refused: its member {_quoted(path)} {reason}")


def _quoted(path: PurePosixPath) -> str:
    return repr(str(path))  # a name may hold line breaks
