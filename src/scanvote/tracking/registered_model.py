"""A finished model of MLflow's registry, downloaded."""

import atexit
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

from scanvote.core.errors import InputError
from scanvote.core.files import repository_root
from scanvote.params import load_params
from scanvote.pipeline.package.metadata import read_metadata
from scanvote.predict.model_folder import CHAMPION, other_model, package_inside
from scanvote.tracking.location import tracking_uri
from scanvote.tracking.registry import line_alias
from scanvote.tracking.sqlite import database_path
from scanvote.tracking.store import as_default, open_store
from scanvote.tracking.text import hide_password, root_cause

_REGISTERED = "scanvote"
"""Name of the registered model outside a repository, the default of `package.name`."""


def download(model: str) -> Path:
    """Download a package to a temporary folder, which is deleted when the process ends.

    Args:
        model: ``champion``, in a repository that of the test scans of its package; or a URI of
            MLflow.

    Raises:
        InputError: there is no such model.
    """
    _check_store()
    return _fetched(f"models:/{_name()}@{_champion_alias()}" if model == CHAMPION else model)


def _name() -> str:
    path = repository_root() / "params.yaml"
    return load_params(path).package.name if path.is_file() else _REGISTERED


def _champion_alias() -> str:
    """Return the alias of the champion of the test scans of this repository's package.

    DVC may have restored the package of an earlier data set without running the stage, and
    `champion` is that of the last registration.
    """
    from mlflow.exceptions import MlflowException

    folder = repository_root() / "models" / "package"
    with suppress(InputError, MlflowException):
        alias = line_alias(read_metadata(folder).test)
        if alias in open_store().client.get_registered_model(_name()).aliases:
            return alias
    return CHAMPION


def _fetched(uri: str) -> Path:
    store = open_store()
    from mlflow.artifacts import download_artifacts

    folder = mkdtemp(prefix="scanvote-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with as_default(store):
            package = package_inside(Path(download_artifacts(uri, dst_path=folder)))
            if not any(package.iterdir()):  # of a local folder that is gone
                raise FileNotFoundError("its files are gone")
    except Exception as error:
        # the message names what the user can change, whatever the server's error: URI and store
        place, reason = hide_password(store.uri), hide_password(root_cause(error))
        # the champion stays the champion without its files: what is registered is a challenger
        alias = ", or set the alias to another version in `scanvote ui`"
        hint = other_model() + (
            alias if isinstance(error, FileNotFoundError) and "@" in uri else ""
        )
        raise InputError(
            f"--model: {uri} cannot be loaded from {place}: {reason}; {hint}"
        ) from error
    return package


def _check_store() -> None:
    """Fail if the SQLite database is missing, because `open_store` would create it."""
    path = database_path(tracking_uri())
    if path is not None and not path.is_file():
        raise InputError(
            f"--model: there is no registry of models, {path} is missing; {other_model()}"
        )
