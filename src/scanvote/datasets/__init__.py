"""The data sets that scanvote knows, one file each, found by the name in params.yaml."""

from collections.abc import Mapping

from scanvote.datasets.base import DataSet, Task
from scanvote.datasets.brain_tumor_mri import BRAIN_TUMOR_MRI
from scanvote.datasets.lgg_mri import LGG_MRI
from scanvote.errors import InputError, did_you_mean


def find(name: str, task: Task) -> DataSet:
    """The data set called `name`, if it serves `task`.

    Raises:
        InputError: no such data set, or it does not serve the task.
    """
    known = _known()
    if name not in known:
        raise InputError(f"{task}.dataset: no data set {name!r}{did_you_mean(name, known)}")
    dataset = known[name]
    if task not in dataset.tasks:
        able = ", ".join(sorted(one for one in known if task in known[one].tasks))
        raise InputError(f"{task}.dataset: {name} does not serve {task}; those that do are {able}")
    return dataset


def _known() -> Mapping[str, DataSet]:
    from scanvote.datasets.phantom import PHANTOM  # brings scipy and nilearn

    return {one.name: one for one in (BRAIN_TUMOR_MRI, LGG_MRI, PHANTOM)}
