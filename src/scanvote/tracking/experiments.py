"""DVC's experiments, and what they hold."""

from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.params import parse_values
from scanvote.predictions import parse_predictions

if TYPE_CHECKING:
    from dvc.api import DVCFileSystem


def experiments(everywhere: bool = False) -> dict[str, str]:
    """The revision of each experiment, by its name.

    Args:
        everywhere: also those that began at another commit than the one checked out; of two of
            one name that of this commit counts.

    Raises:
        InputError: this is no repository of DVC.
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
    """The table in `path` as an experiment left it.

    Raises:
        InputError: it has none.
    """
    try:
        with _files(revision).open(path) as file:
            return parse_predictions(file)
    except FileNotFoundError:
        raise InputError(f"the experiment {revision[:7]} has no {path}; run it again") from None


def split_of(revision: str) -> dict[str, Any]:
    """The section `split` of an experiment's params.yaml."""
    with _files(revision).open("params.yaml", "r") as file:
        return dict(parse_values(file.read(), "params.yaml")["split"])


@cache
def _files(revision: str) -> "DVCFileSystem":
    from dvc.api import DVCFileSystem

    return DVCFileSystem(rev=revision)
