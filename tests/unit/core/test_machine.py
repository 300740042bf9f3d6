"""A machine that gives way is one line with a place and a remedy; a bug is none."""

import errno
import os
import pickle
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.core.files import atomic_replace_folder, atomic_write
from scanvote.core.machine import machine_fault, raise_fault

FULL = "no space left on device; make room, and run again: what is done is kept"


def caught(function: Callable[[], object]) -> Exception:
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_a_full_disk_names_the_file_that_was_written(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_write(tmp_path / "a.csv"):
            raise OSError(errno.ENOSPC, "No space left on device")

    assert machine_fault(caught(write)) == f"{tmp_path}/a.csv: {FULL}"


def test_a_file_of_a_folder_is_named_as_it_will_be(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_replace_folder(tmp_path / "package") as folder, atomic_write(folder / "a"):
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    line = machine_fault(caught(write))
    assert line is not None
    assert line.startswith(f"{tmp_path}/package/a: disk quota exceeded; make room")


def test_the_copy_that_does_not_fit_is_named_not_its_source() -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "source", None, "copy")
    assert machine_fault(error) == f"copy: {FULL}"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EROFS, "read-only file system; make it writable"),
        (errno.EACCES, "permission denied; give yourself the right"),
        (errno.EPERM, "operation not permitted; give yourself the right"),
        (errno.EMFILE, "too many open files; raise the limit (`ulimit -n 4096`)"),
        (errno.EIO, "input/output error; check the disk"),
    ],
)
def test_other_faults_have_their_remedy(number: int, words: str) -> None:
    line = machine_fault(OSError(number, os.strerror(number), "models/1.keras"))
    assert line is not None
    assert line.startswith(f"models/1.keras: {words}")
    assert "run again" in line


def test_what_libraries_make_of_a_fault_is_recognised() -> None:
    for error in (
        sqlite3.OperationalError("database or disk is full"),
        RuntimeError(
            "Unable to flush file (errno = 28, error message = 'No space left on device')"
        ),
        MemoryError(),
        RuntimeError("can't start new thread"),
        FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"),
    ):
        line = machine_fault(error)
        assert line is not None
        assert line.endswith(("kept", "again"))


def wrapped(inner: Exception, outer: Exception, how: str) -> Exception:
    """`outer`, raised because of `inner`, or by chance while that was handled."""
    try:
        try:
            raise inner
        except Exception as error:
            if how == "from":
                raise outer from error
            if how == "from None":
                raise outer from None
            raise outer  # noqa: B904
    except Exception as error:
        return error


@pytest.mark.parametrize("how", ["from", "from None"])
def test_a_message_about_an_input_does_not_hide_a_full_disk(how: str) -> None:
    inner = OSError(errno.ENOSPC, "No space left on device", "data/raw/a.png")
    error = wrapped(inner, InputError("archive.zip is damaged; fetch it anew"), how)
    assert machine_fault(error) == f"data/raw/a.png: {FULL}"


def test_a_message_about_an_input_that_must_not_be_read_stays() -> None:
    inner = PermissionError(errno.EACCES, "Permission denied", "own.csv")
    said = "own.csv cannot be read: Permission denied"
    fault = machine_fault(wrapped(inner, InputError(said), "from None"))
    assert fault == f"{said}; give yourself the right to it, and run again"
    said += "; ask its owner"
    assert machine_fault(wrapped(inner, InputError(said), "from None")) == said


def test_who_leaves_out_files_hears_of_the_machines_faults_only() -> None:
    full = OSError(errno.EMFILE, "Too many open files", "a.png")
    with pytest.raises(OSError, match="Too many open files"):
        raise_fault(wrapped(full, InputError("a.png cannot be read"), "from None"))
    for inner in (PermissionError(errno.EACCES, "a.png"), OSError(errno.EIO, "a.png"), KeyError()):
        raise_fault(wrapped(inner, InputError("a.png cannot be read"), "from None"))


def test_a_bug_stays_a_bug() -> None:
    refused = PermissionError(errno.EACCES, "Permission denied", "a")
    missing = FileNotFoundError(errno.ENOENT, "No such file or directory", "a")
    for error in (
        KeyError("a"),
        missing,
        OSError("of a library, without a number"),
        wrapped(refused, KeyError("in the fallback"), "by chance"),
        wrapped(missing, ValueError("a"), "from"),
    ):
        assert machine_fault(error) is None


def test_a_fault_comes_as_it_is_from_another_process(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_write(tmp_path / "a"):
            raise OSError(errno.ENOSPC, "No space left on device")

    sent = pickle.loads(pickle.dumps(caught(write)))
    assert machine_fault(sent) == f"{tmp_path}/a: {FULL}"
