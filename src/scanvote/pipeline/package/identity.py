"""Identity of a package: one digest of all that decides its answers, and those of its files."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scanvote.core.digests import digest
from scanvote.core.errors import InputError
from scanvote.core.files import sha256

NAME = "package.json"
VOTE = "vote.json"
GRAPH, ARCHIVE = ".onnx", ".keras"
"""Endings of a network's two files."""
_DIGITS = 12
"""Digits of the model digest in its short form."""
_IDENTITY = ("form", "digest", "files")
"""Fields of package.json that the model digest does not cover."""


def short_digest(model_digest: str) -> str:
    """Return the model digest as people are shown it."""
    return model_digest[:_DIGITS]


def file_digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file of the package but ``package.json``, by its path."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {name: sha256(files[name]) for name in sorted(files) if _is_packed(name, files[name])}


def _is_packed(name: str, path: Path) -> bool:
    return path.is_file() and name != NAME


def model_digest(values: Mapping[str, Any], files: Mapping[str, str]) -> str:
    """Digest all that decides an answer: settings, networks, vote and reference scans.

    The same training packaged twice or elsewhere has the same digest; card, samples and the table
    of the test do not count. The ONNX graphs do: without them Keras answers, up to rounding.

    Args:
        values: those of ``package.json``, as its JSON has them.
        files: sha256 of the files, by path.

    Raises:
        KeyError: a file that decides an answer is not among `files`.
    """
    settings = {key: value for key, value in values.items() if key not in _IDENTITY}
    deciding = {name: files[name] for name in deciding_files(values)}
    return digest(settings, deciding)


def without_graphs(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of ``package.json`` as those of a package without ONNX graphs."""
    parts = {key: _keras_only(values[key]) for key in ("classifiers", "segmenters")}
    return {**values, **parts}


def _keras_only(part: dict[str, Any] | None) -> dict[str, Any] | None:
    if part is None:
        return None
    key = "members" if "members" in part else "networks"
    return part | {key: [network | {"onnx": None} for network in part[key]]}


def deciding_files(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of the files that decide the package's answers."""
    classifiers, segmenters = values["classifiers"], values["segmenters"]
    networks = [*(classifiers or {}).get("members", []), *(segmenters or {}).get("networks", [])]
    yield from (network["keras"] for network in networks)
    yield from (network["onnx"] for network in networks if network["onnx"])
    yield from (part["seen"]["arrays"] for part in (classifiers, segmenters) if part)
    if classifiers:
        yield VOTE


def identity(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the fields `digest` and `files` of the package in `folder`.

    Args:
        values: the other values of its ``package.json``.
        folder: its folder, all other files in it.

    Raises:
        InputError: a network, the vote or the reference scans are missing.
    """
    files = file_digests(folder)
    for name in deciding_files(values):
        if name not in files:
            raise broken(folder, f"{name} is missing")
    return {"digest": model_digest(values, files), "files": files}


def check_settings(values: Mapping[str, Any], folder: Path) -> None:
    """Check that ``package.json`` is as it was written.

    Raises:
        InputError: a setting, or the digest of a file, was changed.
    """
    if values["digest"] != model_digest(values, values["files"]):
        raise broken(folder, f"{NAME} is not as it was packaged")


def check_files(files: Mapping[str, str], folder: Path, unread: str | tuple[()] = ()) -> None:
    """Check that the files are those that were packaged; files of other names do not matter.

    Args:
        files: sha256 of the files of the package, by path.
        folder: its folder.
        unread: ending of the names of files that are not read, and so not checked.

    Raises:
        InputError: a file is missing or was changed.
    """
    if found := broken_file(files, folder, unread):
        raise broken(folder, found)


def broken_file(files: Mapping[str, str], folder: Path, unread: str | tuple[()] = ()) -> str:
    """Say which file is the first that is missing or changed; empty if none is."""
    for name, expected in files.items():
        if name.endswith(unread):
            continue
        if not (folder / name).is_file():
            return f"{name} is missing"
        if sha256(folder / name) != expected:
            return f"{name} is not as it was packaged"
    return ""


def broken(folder: Path, found: str) -> InputError:
    """Return the error of a package that is not whole; `found` says what is wrong."""
    return InputError(
        f"{folder}: {found}; take the package anew, in a repository by"
        " `dvc checkout --force models/package`"
    )
