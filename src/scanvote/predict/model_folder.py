"""The folder of a finished model, and what to do where there is none."""

from pathlib import Path
from typing import Final

from scanvote.core.errors import InputError
from scanvote.core.files import repository_root
from scanvote.pipeline.package.metadata import COMMAND, NAME

ARTIFACT = "package"
"""Name of the package's folder inside an MLflow model."""
CHAMPION: Final = "champion"
"""Alias in MLflow's registry of the best model."""


def package_inside(folder: Path) -> Path:
    """Return the package inside an MLflow model's folder, or the folder itself."""
    inside = folder / "artifacts" / ARTIFACT
    return inside if (inside / NAME).is_file() else folder


def check_package(folder: Path, model: str) -> Path:
    """Return `folder`, the model that was asked for as `model`.

    Raises:
        InputError: it is no package.
    """
    if not (folder / NAME).is_file():
        raise InputError(
            f"--model: {model} is no package of scanvote, it has no {NAME}; {other_model()}"
        )
    return folder


def other_model() -> str:
    """Return what to do without the model that was asked for."""
    exported = "give --model a folder that `scanvote export` wrote"
    root = repository_root()
    if (root / "models" / "package" / NAME).is_file():
        return f"give --model models/package, which is there, or register it by `{COMMAND}`"
    if (root / "dvc.yaml").is_file():
        return f"{exported}, or make models/package by `dvc pull` or `dvc repro`"
    return exported
