"""Faults of the machine, not of scanvote: a full disk, no permission, no memory."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.core.files import WHILE_WRITING, repository_root

_MAKE_ROOM = "make room, and run again: what is done is kept"
_NO_TEMPORARY = -1  # Python's own error has the number of a missing file
_FAULTS = {
    _NO_TEMPORARY: (
        "no temporary folder can be written to",
        "make room in /tmp, or set TMPDIR to another folder, and run again",
    ),
    errno.ENOSPC: ("no space left on device", _MAKE_ROOM),
    errno.EDQUOT: ("disk quota exceeded", _MAKE_ROOM),
    errno.EFBIG: ("larger than files may be here", "raise the limit (`ulimit -f`), and run again"),
    errno.EROFS: ("read-only file system", "make it writable, and run again"),
    errno.EACCES: ("permission denied", "give yourself the right to it, and run again"),
    errno.EPERM: ("operation not permitted", "give yourself the right to it, and run again"),
    errno.EMFILE: ("too many open files", "raise the limit (`ulimit -n 4096`), and run again"),
    errno.ENFILE: ("too many open files on this machine", "close other programs, and run again"),
    errno.ENOMEM: ("not enough memory", "end other programs, and run again: what is done is kept"),
    errno.EAGAIN: (
        "no more processes or threads are allowed",
        "raise the limit (`ulimit -u`), and run again",
    ),
    errno.EIO: ("input/output error", "check the disk, and run again"),
    errno.ESTALE: ("stale file handle", "mount the file system again, and run again"),
}
_TEXTS = {
    "no usable temporary directory": _NO_TEMPORARY,
    "no space left on device": errno.ENOSPC,
    "database or disk is full": errno.ENOSPC,
    "disk quota exceeded": errno.EDQUOT,
    "file too large": errno.EFBIG,
    "read-only file system": errno.EROFS,
    "attempt to write a readonly database": errno.EROFS,
    "too many open files": errno.EMFILE,
    "can't start new thread": errno.EAGAIN,
    "cannot allocate memory": errno.ENOMEM,
    "failed to allocate": errno.ENOMEM,  # OpenCV
    "disk i/o error": errno.EIO,
}
"""What libraries say that do not raise the OSError itself: SQLite, HDF5, TensorFlow."""
_PERMISSION = {errno.EACCES, errno.EPERM}
_OF_A_FILE = {*_PERMISSION, errno.EIO, errno.ESTALE}
"""Faults that a file may have that is read; an InputError about that file says more."""
_OF_NO_FILE = set(_FAULTS) - _OF_A_FILE - {errno.EFBIG}
_PART = re.compile(r"(?<=/)\.([^/]+)\.part(?=/)")
"""The name of a folder while it is written, and the name it will have."""
_FULL = 1 << 20
"""Bytes free on a disk that is called full."""


def machine_fault(error: BaseException) -> str | None:
    """Return a fault of the machine as one line, with the place and the remedy.

    The fault may be the cause or the context of `error`, as libraries, and scanvote's own messages
    about an input, wrap it. None if `error` comes of something else, such as a bug.
    """
    for one, meant in _chain(error):
        number = _errno(one)
        if number is None or (number in _PERMISSION and not meant):
            continue
        problem, remedy = _FAULTS[number]
        if isinstance(error, InputError) and number in _OF_A_FILE:
            return str(error) if ";" in str(error) else f"{error}; {remedy}"
        place = _place(one, error) or (_full_disks() if remedy == _MAKE_ROOM else "")
        if number in _PERMISSION and not place:
            continue  # not of a file
        if isinstance(error, InputError) and not place:
            return f"{error}; {remedy}"
        return f"{place}: {problem}; {remedy}" if place else f"{problem}; {remedy}"
    return None


def raise_fault(error: BaseException) -> None:
    """Raise the fault of the machine that led to `error`; return if it came of the file alone.

    For who leaves out files that cannot be read: too few file handles or too little memory must not
    leave out scans.
    """
    for one, _ in _chain(error):
        if _errno(one) in _OF_NO_FILE:
            raise one


def _chain(error: BaseException) -> Iterator[tuple[BaseException, bool]]:
    """Yield the error and what led to it, from the innermost on.

    With each, whether the errors after it were raised because of it, not by chance while it was
    handled.
    """
    found: dict[int, tuple[BaseException, bool]] = {}
    one: BaseException | None = error
    meant = True
    while one is not None and id(one) not in found:
        found[id(one)] = one, meant
        meant = meant and (one.__cause__ is not None or one.__suppress_context__)
        one = one.__cause__ or one.__context__
    yield from reversed(found.values())


def _errno(error: BaseException) -> int | None:
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
        return error.errno if error.errno in _FAULTS else None
    if isinstance(error, InputError):
        return None  # its words are of us
    text = str(error).lower()
    return next((number for words, number in _TEXTS.items() if words in text), None)


def _place(fault: BaseException, error: BaseException) -> str:
    """Return the file that could not be written or read; empty if nothing names it."""
    for one in (fault, error):
        for note in getattr(one, "__notes__", ()):
            if note.startswith(WHILE_WRITING):
                return _PART.sub(r"\1", note.removeprefix(WHILE_WRITING))
    # copying names the source first
    names = [getattr(fault, name, None) for name in ("filename2", "filename")]
    return next((os.fsdecode(name) for name in names if isinstance(name, str | bytes)), "")


def _full_disks() -> str:
    """Return the folders we write to whose disk is full."""
    places = [repository_root(), Path(os.environ.get("TMPDIR", "/tmp")), Path.cwd()]
    full = {str(one): None for one in places if _is_full(one)}
    return " and ".join(full)


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FULL
    except OSError:
        return False
