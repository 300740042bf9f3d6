"""Registry of the supported data sets, by their names in params.yaml."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.core.files import from_root
from scanvote.datasets.base import DataSet
from scanvote.datasets.brain_tumor_mri import BRAIN_TUMOR_MRI
from scanvote.datasets.brain_tumor_yes_no import BRAIN_TUMOR_YES_NO
from scanvote.datasets.chest_xray_pneumonia import CHEST_XRAY_PNEUMONIA
from scanvote.datasets.figshare_brain_tumor import FIGSHARE_BRAIN_TUMOR
from scanvote.datasets.ixi import IXI
from scanvote.datasets.lgg_mri import LGG_MRI
from scanvote.datasets.own_paths import missing_path
from scanvote.datasets.phantom.data_set import PHANTOM
from scanvote.datasets.user_data import user_data_set
from scanvote.params import Task


def find_all(names: Sequence[str], task: Task) -> list[DataSet]:
    """Return the data sets called `names`, which must serve `task`.

    Raises:
        InputError: a data set is unknown, does not serve the task, or is named twice.
    """
    data_sets = [find(name, task) for name in names]
    used_names: set[str] = set()
    for one in data_sets:
        if one.name in used_names:
            raise InputError(
                f"{task}.dataset: two sets are called {one.name!r}; name each once,"
                " and rename a folder of your own that has another's name"
            )
        used_names.add(one.name)
    return data_sets


def find(name: str, task: Task) -> DataSet:
    """Return the data set called `name`, or user data at that path.

    Raises:
        InputError: there is no such data set or path, or it does not serve the task.
    """
    known = known_sets()
    if name not in known:
        return _user_data(name, task, known)
    dataset = known[name]
    if task not in dataset.tasks:
        suitable = ", ".join(sorted(one for one in known if task in known[one].tasks))
        raise InputError(
            f"{task}.dataset: {name} does not serve {task}; those that do are {suitable}"
        )
    return dataset


def _user_data(name: str, task: Task, known: Mapping[str, DataSet]) -> DataSet:
    path = from_root(Path(name))
    if not path.exists():
        raise missing_path(name, path, task)
    return user_data_set(path, known)


def known_sets() -> Mapping[str, DataSet]:
    sets = (
        BRAIN_TUMOR_MRI,
        BRAIN_TUMOR_YES_NO,
        CHEST_XRAY_PNEUMONIA,
        FIGSHARE_BRAIN_TUMOR,
        IXI,
        LGG_MRI,
        PHANTOM,
    )
    return {one.name: one for one in sets}
