"""Copies of a package, whole or without ONNX graphs."""

import shutil
from contextlib import suppress
from pathlib import Path

from scanvote.pipeline.package.identity import NAME, broken, broken_file
from scanvote.pipeline.package.metadata import ModelMetadata, read_metadata


def copy_package(
    source: Path, target: Path, contents: ModelMetadata, unread: str | tuple[()] = ()
) -> None:
    """Copy the files of the package in `source` to the new folder `target`, and check them.

    Files that are not of the package stay behind.

    Args:
        source: the package.
        target: a folder that does not exist.
        contents: its metadata, as read before.
        unread: ending of the names of files that are left out.

    Raises:
        InputError: a file is missing, was changed, or is replaced while it is copied.
    """
    for name in (NAME, *contents.files):
        if not name.endswith(unread):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # found below
                shutil.copyfile(source / name, target / name)
    if found := broken_file(contents.files, target, unread):
        raise broken(source, found)
    if read_metadata(target).digest != contents.digest:
        raise broken(source, f"{NAME} was replaced meanwhile")
