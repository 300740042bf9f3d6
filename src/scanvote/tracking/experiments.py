"""DVC experiments and their files."""

from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.params import parse_values
from scanvote.predictions import parse_predictions

if TYPE_CHECKING:
    from dvc.api import DVCFileSystem


def experiments(everywhere: bool = False) -> dict[str, str]:
    """Return the revision of each experiment by name.

    Args:
        everywhere: include experiments that started from another commit than the one checked
            out; if two have the same name, that of this commit wins.

    Raises:
        InputError: this is no DVC repository.
    """
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            groups = [*(repo.experiments.ls(all_commits=True) if everywhere else {}).values()]
            groups += repo.experiments.ls().values()
    except NotDvcRepoError:
        raise InputError("this is no DVC repository; run from its root") from None
    return {name: revision for group in groups for name, revision in group}


def predictions_of(revision: str, path: str) -> pd.DataFrame:
    """Read the table of predictions in `path` from an experiment.

    Raises:
        InputError: the experiment has no such file.
    """
    try:
        with _files(revision).open(path) as file:
            return parse_predictions(file)
    except FileNotFoundError:
        raise InputError(f"the experiment {revision[:7]} has no {path}; run it again") from None


def split_of(revision: str) -> dict[str, Any]:
    """Return the section `split` of an experiment's params.yaml."""
    with _files(revision).open("params.yaml", "r") as file:
        return dict(parse_values(file.read(), "params.yaml")["split"])


@cache
def _files(revision: str) -> "DVCFileSystem":
    from dvc.api import DVCFileSystem

    return DVCFileSystem(rev=revision)
