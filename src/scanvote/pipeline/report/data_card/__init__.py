"""The data card of a task: what is known of its scans, and "unknown" where nothing is.

The questions follow Gebru et al., Datasheets for Datasets, Communications of the ACM 64(12),
2021. What is answered comes from the facts of the data sets and from what the stages left;
nothing is guessed.
"""

from pathlib import Path

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.params import Params, Task
from scanvote.pipeline.report.data_card.known import read_known
from scanvote.pipeline.report.data_card.sections import SECTIONS
from scanvote.pipeline.report.data_card.tables import UNKNOWN


def data_card(task: Task, params: Params, root: Path) -> str:
    """The card of `task` as Markdown.

    Args:
        task: whose scans are described.
        params: the whole of params.yaml, as `download` had it.
        root: of the repository, with ``data/`` and ``metrics/``.

    Raises:
        InputError: `download` has not run, or on other data sets.
    """
    known = read_known(task, params, root)
    names = ", ".join(one.name for one in known.sets)
    blocks = [
        f"# Data card: {task} on {names}",
        f"**{DISCLAIMER}**",
        f'Answers come from the publishers and from the files of this pipeline; "{UNKNOWN}" stands'
        " where neither tells.",
    ]
    for title, section in SECTIONS.items():
        blocks += [f"## {title}", *section(known)]
    return "\n\n".join(blocks) + "\n"
