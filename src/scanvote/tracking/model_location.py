"""Location of a finished model: a folder, or a download from MLflow."""

import atexit
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

from scanvote.core.errors import InputError
from scanvote.core.files import repository_root
from scanvote.params import load_params
from scanvote.pipeline.package.metadata import COMMAND, NAME, read_metadata
from scanvote.tracking.location import tracking_uri
from scanvote.tracking.package_log import ARTIFACT
from scanvote.tracking.registry import CHAMPION, line_alias
from scanvote.tracking.sqlite import database_path
from scanvote.tracking.store import as_default, open_store
from scanvote.tracking.text import hide_password, root_cause

_REGISTERED = "scanvote"
"""Name of the registered model outside a repository, the default of `package.name`."""
_URIS = ("models:/", "runs:/", "mlflow-artifacts:/")


def default_model() -> str:
    """Return the current repository's package, or the champion if it has none."""
    folder = repository_root() / "models" / "package"
    return str(folder) if (folder / NAME).is_file() else CHAMPION


def package_folder(model: str) -> Path:
    """Return the folder of a package, downloaded if necessary.

    Args:
        model: a folder; ``champion``, in a repository that of the test scans of its package; or
            an MLflow URI: ``models:/scanvote/3``,
            ``models:/scanvote@challenger``, ``runs:/<id>/package``. A model of MLflow is
            downloaded to a temporary folder, which is deleted when the process ends.

    Raises:
        InputError: there is no such model.
    """
    if model == CHAMPION:
        return _fetched(f"models:/{_name()}@{_champion_alias()}")
    if model.startswith(_URIS):
        return _fetched(model)
    folder = Path(model)
    if not folder.is_dir():
        hint = "a folder, champion, models:/… or runs:/…"
        raise InputError(f"--model: {model} is no folder; it may be {hint}")
    return _checked(_packed(folder), model)


def _packed(folder: Path) -> Path:
    """Return the package inside an MLflow model's folder, or the folder itself."""
    inside = folder / "artifacts" / ARTIFACT
    return inside if (inside / NAME).is_file() else folder


def _checked(folder: Path, model: str) -> Path:
    if not (folder / NAME).is_file():
        raise InputError(f"--model: {model} is no package of scanvote, it has no {NAME}; {_hint()}")
    return folder


def _hint() -> str:
    """Return what to do without the model that was asked for."""
    exported = "give --model a folder that `scanvote export` wrote"
    root = repository_root()
    if (root / "models" / "package" / NAME).is_file():
        return f"give --model models/package, which is there, or register it by `{COMMAND}`"
    if (root / "dvc.yaml").is_file():
        return f"{exported}, or make models/package by `dvc pull` or `dvc repro`"
    return exported


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
        _check_store()
        alias = line_alias(read_metadata(folder).test)
        if alias in open_store().client.get_registered_model(_name()).aliases:
            return alias
    return CHAMPION


def _fetched(uri: str) -> Path:
    _check_store()
    store = open_store()
    from mlflow.artifacts import download_artifacts

    folder = mkdtemp(prefix="scanvote-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with as_default(store):
            package = _packed(Path(download_artifacts(uri, dst_path=folder)))
            if not any(package.iterdir()):  # of a local folder that is gone
                raise FileNotFoundError("its files are gone")
    except Exception as error:
        # the message names what the user can change, whatever the server's error: URI and store
        place, reason = hide_password(store.uri), hide_password(root_cause(error))
        # the champion stays the champion without its files: what is registered is a challenger
        alias = ", or set the alias to another version in `scanvote ui`"
        hint = _hint() + alias if isinstance(error, FileNotFoundError) and "@" in uri else _hint()
        raise InputError(
            f"--model: {uri} cannot be loaded from {place}: {reason}; {hint}"
        ) from error
    return _checked(package, uri)


def _check_store() -> None:
    """Fail if the SQLite database is missing, because `open_store` would create it."""
    path = database_path(tracking_uri())
    if path is not None and not path.is_file():
        raise InputError(f"--model: there is no registry of models, {path} is missing; {_hint()}")
