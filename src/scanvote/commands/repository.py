"""The repository that a command works on, found from where the user stands."""

import os
from collections.abc import Callable
from contextlib import chdir
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from scanvote.core.errors import InputError
from scanvote.core.files import find_repository

P = ParamSpec("P")
R = TypeVar("R")


def in_repository(command: Callable[P, R]) -> Callable[P, R]:
    """Run a command in the root of the repository around the working directory.

    Relative paths among its arguments count from where the user stands.
    """

    @wraps(command)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        root, here = root_of_project(), Path.cwd()
        if root == here:
            return command(*args, **kwargs)
        given = {
            name: Path(os.path.abspath(value)) if isinstance(value, Path) else value
            for name, value in kwargs.items()
        }
        with chdir(root):
            return command(*args, **given)  # type: ignore[arg-type]

    return inside


def root_of_project() -> Path:
    """Return the folder with params.yaml: the repository, or the working directory without DVC.

    Raises:
        InputError: there is none, or the repository is not one of scanvote.
    """
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise InputError("the working directory was deleted; cd into the repository") from None
    root = find_repository() or here
    if (root / "params.yaml").is_file():
        return root
    found = f"{root} has .dvc alone" if (root / ".dvc").is_dir() else "no folder above has .dvc"
    raise InputError(f"params.yaml is missing; run from the root of the repository ({found})")
