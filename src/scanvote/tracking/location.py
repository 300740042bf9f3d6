"""Location of MLflow's store and of its artifacts.

MLflow keeps the place of every artifact as an absolute address. Those in the database of a
repository are rewritten when the repository lies elsewhere.
"""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from scanvote.core.errors import InputError
from scanvote.core.files import find_repository, repository_root
from scanvote.tracking.sqlite import database_path, reading, writing

URI = "MLFLOW_TRACKING_URI"
EXPERIMENT = "scanvote"
_ARTIFACTS = "mlartifacts"
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Columns of MLflow's database that hold addresses of artifacts."""


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI, or by default the main repository's database.

    A relative SQLite path counts from the main repository: relative to the working directory, a
    queued experiment would write into its copy, which DVC deletes.

    Raises:
        InputError: the path of the repository cannot stand in an address.
    """
    uri = os.environ.get(URI) or "sqlite:///mlflow.db"
    prefix, relative, path = uri.partition("sqlite:///")
    if prefix or not relative or Path(path).is_absolute():
        return uri
    return f"sqlite:///{_root_in_address() / path}"


def _root_in_address() -> Path:
    """Return the repository's path, relative where an address cannot hold the absolute one.

    SQLAlchemy replaces %20 in an address by a space and ends the path at a question mark, and
    MLflow creates the folder of an address without doing so: quoting would help the one only.
    """
    root, here = repository_root(), Path.cwd()
    if _is_plain(root):
        return root
    relative = Path(os.path.relpath(root, here))
    if _is_plain(relative):
        return relative
    raise InputError(
        f"{root}: MLflow cannot open a database in a folder with such a name; work in that folder,"
        f" rename it, or name another database or a server in {URI}"
    )


def _is_plain(path: Path) -> bool:
    return database_path(f"sqlite:///{path}") is not None


def artifact_root() -> str:
    return (repository_root() / _ARTIFACTS).as_uri()


def artifacts_beside(uri: str) -> str:
    """Return the place of a new experiment's artifacts in a local store.

    A database in another repository has them there: with its next command that repository would
    take those elsewhere for its own, which it had left behind.
    """
    path = database_path(uri)
    other = path and find_repository(path.resolve().parent)
    return (other / _ARTIFACTS).as_uri() if other else artifact_root()


def is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://", "databricks", "uc:"))


def own_database(uri: str) -> Path | None:
    """Return the SQLite file of an address if it belongs to this repository.

    A folder above a repository, in which a command may run, does not own that one's database.
    """
    path = database_path(uri)
    if path is None:
        return None
    folder = path.resolve().parent
    return path if (find_repository(folder) or folder) == repository_root() else None


def is_moved(database: Path) -> bool:
    """Tell if the artifacts of the repository's database have addresses of another place."""
    with reading(database) as opened:
        return _moved_from(opened) is not None


def follow_repository(database: Path) -> None:
    """Replace addresses below the repository's former place by those of today.

    The caller holds the lock of the store.
    """
    with writing(database) as opened:
        former = _moved_from(opened)
        if former is None:
            return
        for table, column in _PLACES:
            for old, new in _replacements(former):
                # SUBSTR, as LIKE has wildcards, which may be part of a path
                opened.execute(
                    f"UPDATE {table} SET {column} = ? || SUBSTR({column}, ?)"
                    f" WHERE SUBSTR({column} || '/', 1, ?) = ?",
                    (new, len(old) + 1, len(old) + 1, f"{old}/"),
                )


def _moved_from(database: sqlite3.Connection) -> str | None:
    """Return the former root as a file address, None if the artifacts are in their place.

    An experiment whose artifacts lie anywhere else was given that place by a person.
    """
    query = "SELECT artifact_location FROM experiments WHERE name = ?"
    found = database.execute(query, (EXPERIMENT,)).fetchone()
    place = str(found[0]) if found else ""
    former, folder, rest = place.rpartition(f"/{_ARTIFACTS}")
    if not folder or rest or urlsplit(place).scheme != "file" or place == artifact_root():
        return None
    return former


def _replacements(former: str) -> Iterator[tuple[str, str]]:
    """Yield old and new beginnings, as addresses and as paths."""
    root = repository_root()
    path = url2pathname(urlsplit(former).path)
    for folder in (_ARTIFACTS, "mlruns"):  # MLflow's own, of its experiment Default
        yield f"{former}/{folder}", (root / folder).as_uri()
        yield f"{path}/{folder}", str(root / folder)
