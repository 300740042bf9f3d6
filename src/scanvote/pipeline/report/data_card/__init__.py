"""The data card of a task, with "unknown" for everything not stated.

The questions follow Gebru et al., Datasheets for Datasets, Communications of the ACM 64(12),
2021. The answers come from the descriptions of the data sets and from the files of the stages;
nothing is guessed.
"""

from pathlib import Path

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.params import Params, Task
from scanvote.pipeline.report.data_card.sections import SECTIONS
from scanvote.pipeline.report.data_card.tables import UNKNOWN
from scanvote.pipeline.report.data_card.task_data import read_task_data


def data_card(task: Task, params: Params, root: Path) -> str:
    """Return the data card of a task as Markdown.

    Args:
        task: the task whose scans are described.
        params: the whole of params.yaml, with the data sets that `download` ran on.
        root: the root of the repository, with ``data/`` and ``metrics/``.

    Raises:
        InputError: the task is not part of the study, or `download` has not run, or has run on
            other data sets.
    """
    if task not in params.tasks:
        raise InputError(f"{task}.dataset is null: the task is not part of this study")
    data = read_task_data(task, params, root)
    names = ", ".join(one.name for one in data.sets)
    blocks = [
        f"# Data card: {task} on {names}",
        f"**{DISCLAIMER}**",
        f'Answers come from the publishers and from the files of this pipeline; "{UNKNOWN}" means'
        " that neither states it.",
    ]
    for title, section in SECTIONS.items():
        blocks += [f"## {title}", *section(data)]
    return "\n\n".join(blocks) + "\n"
