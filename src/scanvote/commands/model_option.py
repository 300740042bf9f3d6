"""The model that the option `--model` of a command names."""

from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.core.files import repository_root
from scanvote.pipeline.package.identity import NAME
from scanvote.predict.model_folder import CHAMPION, check_package, package_inside

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
    if model == CHAMPION or model.startswith(_URIS):
        # a folder needs neither MLflow nor the modules around it
        from scanvote.tracking.registered_model import download

        return check_package(download(model), model)
    folder = Path(model)
    if not folder.is_dir():
        hint = "a folder, champion, models:/… or runs:/…"
        raise InputError(f"--model: {model} is no folder; it may be {hint}")
    return check_package(package_inside(folder), model)
