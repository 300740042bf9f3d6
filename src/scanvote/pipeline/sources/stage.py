"""The stage `sources`: a digest of the user's own data, on which `download` depends."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

from scanvote.core.terminal import print_status
from scanvote.datasets.own_paths import missing_path
from scanvote.params import Params, Task
from scanvote.pipeline.sources.settings import settings_changed
from scanvote.pipeline.sources.survey import Entry, Survey, survey
from scanvote.pipeline.sources.taken import (
    TAKEN,
    OwnData,
    difference,
    gone,
    own_data,
    read_entries,
    write_entries,
)

FOUND = Path("data/sources")
"""Folder of what is to be taken, one file for each task."""


def sources(params: Params, taken: Path, out: Path) -> None:
    """Write ``<task>.json`` of each task to `out`: what `download` is to take.

    DVC runs `download` again when this file changes. If own data differ from what was taken,
    `download.changed` decides: ``take`` writes what is there now; ``tell`` keeps the file and
    prints a line. Published sets and the phantom never change, and have no entry.

    Args:
        params: the whole of params.yaml.
        taken: folder of what `download` has taken.
        out: folder of the files; one that stays the same is not touched.

    Raises:
        InputError: a path is not there, and nothing was taken from it.
    """
    for task in get_args(Task):
        before = read_entries(taken / f"{task}.json")
        earlier = read_entries(out / f"{task}.json")
        entries = _entries(task, params, before, earlier)
        write_entries(out / f"{task}.json", entries)


def take_anew(tasks: Sequence[Task], params: Params, out: Path = FOUND) -> Iterator[str]:
    """Write to `out` what is there now, so that `download` takes it; yield a line for each task.

    Raises:
        InputError: a path is not there.
    """
    for task in tasks:
        data = own_data(task, params)
        now = {one.name: survey(_existing(one)).entry for one in data}
        new = now != read_entries(TAKEN / f"{task}.json")
        write_entries(out / f"{task}.json", now)
        given = ", ".join(one.given for one in data)
        if not data:
            yield f"{task}.dataset names no data of your own"
        elif new:
            yield f"{task}: `dvc repro` will take {given} as it is now"
        else:
            yield f"{task}: {given} has not changed since it was taken"


def _entries(
    task: Task, params: Params, before: Mapping[str, Entry], earlier: Mapping[str, Entry]
) -> Mapping[str, Entry]:
    """Return the entries to write, after lines about what differs."""
    data = own_data(task, params)
    surveys: dict[str, Survey] = {}
    for one in data:
        if not one.path.exists() and one.name in before:
            print_status(gone(one))
        else:
            surveys[one.name] = survey(_existing(one))
    now = {
        one.name: surveys[one.name].entry if one.name in surveys else before[one.name]
        for one in data
    }
    others = now.keys() != before.keys() or now.keys() != earlier.keys()
    if others or earlier == now or params.download.changed == "take" or settings_changed(task):
        return now
    for one in data:
        if now[one.name] != before[one.name]:
            print_status(difference(one, before[one.name], surveys[one.name]))
    return earlier


def _existing(one: OwnData) -> Path:
    if not one.path.exists():
        raise missing_path(one.given, one.path, one.task)
    return one.path
