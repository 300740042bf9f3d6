"""The data sets that scanvote knows, one file each, found by the name in params.yaml."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scanvote.core.errors import InputError, did_you_mean
from scanvote.core.files import from_root
from scanvote.datasets.base import DataSet
from scanvote.datasets.brain_tumor_mri import BRAIN_TUMOR_MRI
from scanvote.datasets.brain_tumor_yes_no import BRAIN_TUMOR_YES_NO
from scanvote.datasets.chest_xray_pneumonia import CHEST_XRAY_PNEUMONIA
from scanvote.datasets.figshare_brain_tumor import FIGSHARE_BRAIN_TUMOR
from scanvote.datasets.ixi import IXI
from scanvote.datasets.lgg_mri import LGG_MRI
from scanvote.datasets.phantom.data_set import PHANTOM
from scanvote.datasets.user_data import user_data_set
from scanvote.params import Task


def find_all(names: Sequence[str], task: Task) -> list[DataSet]:
    """The data sets of a task.

    Raises:
        InputError: one is unknown, does not serve the task, or is named twice.
    """
    found = [find(name, task) for name in names]
    seen: set[str] = set()
    for one in found:
        if one.name in seen:
            raise InputError(
                f"{task}.dataset: two sets are called {one.name!r}; name each once,"
                " and rename a folder of your own that has another's name"
            )
        seen.add(one.name)
    return found


def find(name: str, task: Task) -> DataSet:
    """The data set called `name`, or that of own data at the path `name`.

    Raises:
        InputError: no such data set and no such path, or it does not serve the task.
    """
    known = known_sets()
    if name not in known:
        return _own(name, task, known)
    dataset = known[name]
    if task not in dataset.tasks:
        able = ", ".join(sorted(one for one in known if task in known[one].tasks))
        raise InputError(f"{task}.dataset: {name} does not serve {task}; those that do are {able}")
    return dataset


def _own(name: str, task: Task, known: Mapping[str, DataSet]) -> DataSet:
    path = from_root(Path(name))
    if path.exists():
        return user_data_set(path, known)
    if "/" in name or path.suffix:
        raise InputError(f"{task}.dataset: {path} does not exist")
    raise InputError(f"{task}.dataset: no data set and no path {name!r}{did_you_mean(name, known)}")


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
