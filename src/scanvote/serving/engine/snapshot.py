"""The server's own copy of the package: what it started with, whatever becomes of the folder.

DVC replaces `models/package` under a running server, file by file, and a worker that dies is
replaced by one that reads the package again. The copy lies on disk, not in memory, because Keras
reads its archives from files.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.pipeline.package import ModelMetadata, read_metadata
from scanvote.pipeline.package.copying import copy_package
from scanvote.pipeline.package.identity import NAME

PREFIX = "scanvote-serve-"
_NEW_SECONDS = 60.0
"""Age in seconds below which a copy may be one that its server has not locked yet."""
OTHER = "unreadable"
"""In place of the model digest of a package that is damaged, or of another format."""


class Snapshot:
    """A copy of the package in `source`.

    Attributes:
        source: the folder that the server was started with.
        folder: the copy.
        contents: the metadata of both, as they were then.
    """

    def __init__(self, source: Path, folder: Path, contents: ModelMetadata) -> None:
        self.source, self.folder, self.contents = source, folder, contents
        self._seen: tuple[int, ...] = ()
        self._newer: str | None = None

    def newer(self) -> str | None:
        """Return the model digest of another model that now lies in `source`; None if none does.

        ``package.json`` is read again only if it was replaced; while it is missing, as in the
        middle of a checkout, there is no other model yet.
        """
        try:
            now = (self.source / NAME).stat()
        except OSError:
            return None
        seen = (now.st_mtime_ns, now.st_ino, now.st_size)
        if seen != self._seen:
            self._seen, self._newer = seen, self._read_newer()
        return self._newer

    def _read_newer(self) -> str | None:
        try:
            digest = read_metadata(self.source).digest
        except (InputError, OSError):
            return OTHER
        return None if digest == self.contents.digest else digest


@contextmanager
def snapshot(source: Path) -> Iterator[Snapshot]:
    """Provide a copy of the package in `source`, in the folder for temporary files.

    Copies that servers left behind because they were killed are deleted first. A lock tells them
    from the copies of running servers, and keeps systemd from deleting a copy as an old file.

    Raises:
        InputError: `source` is no package, is not whole, or there is no room for its copy.
    """
    contents = read_metadata(source)
    with ExitStack() as stack:
        try:
            _delete_abandoned(Path(tempfile.gettempdir()))
            folder = stack.enter_context(_temporary_folder()) / "package"
            copy_package(source, folder, contents)
        except OSError as error:
            raise InputError(
                f"the server's own copy of {source} cannot be made: {error}; another folder for it"
                " can be named in TMPDIR"
            ) from None
        yield Snapshot(source, folder, contents)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(root, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems lock no folders
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)
        os.close(lock)


def _delete_abandoned(folder: Path) -> None:
    """Delete the copies of this user whose servers are gone."""
    for root in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - root.stat().st_mtime < _NEW_SECONDS:
                continue
            lock = os.open(root, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(root)
            finally:
                os.close(lock)
