"""What was taken of the user's own data, and how it differs from what is there now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from scanvote.core.files import write_text
from scanvote.datasets.own_paths import PUBLISHED, own_paths
from scanvote.datasets.user_data import set_name
from scanvote.params import Params, Task
from scanvote.pipeline.sources.survey import Entry, Survey, cache_folder, survey

TAKEN = Path("data/taken")
"""Folder of the tables of what `download` has taken, one for each task."""
SHOWN = 3


@dataclass(frozen=True)
class OwnData:
    """A folder or a table of the user's.

    Attributes:
        task: the task.
        given: as named in params.yaml.
        path: where it is.
    """

    task: Task
    given: str
    path: Path

    @property
    def name(self) -> str:
        """The name of its data set."""
        return set_name(self.path, PUBLISHED)


def own_data(task: Task, params: Params) -> list[OwnData]:
    """Return the user's own data of a task, none of a task without."""
    return [OwnData(task, given, path) for given, path in own_paths(task, params)]


def read_entries(path: Path) -> dict[str, Entry]:
    """Read what is known of each data set; empty without the file."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def write_entries(path: Path, entries: Mapping[str, Entry]) -> None:
    """Write what is known of each data set; nothing if the file says so already."""
    if not path.is_file() or read_entries(path) != entries:
        write_text(path, json.dumps(entries, indent=2, sort_keys=True) + "\n")


def write_taken(task: Task, params: Params, path: Path) -> None:
    """Write what was just taken; remember the files of it here, with the day.

    Args:
        task: the task.
        params: the whole of params.yaml.
        path: the file to write, an output of DVC.
    """
    entries = {}
    for one in own_data(task, params):
        found = survey(one.path)
        entries[one.name] = found.entry
        _remember(found)
    write_entries(path, entries)


def difference(one: OwnData, before: Entry, now: Survey) -> str:
    """Say in one line how own data differ from what was taken of them."""
    memory = _memory(before)
    day = f" on {memory['day']}" if "day" in memory else ""
    how = _changes(memory["files"], now.digests) if memory else _counts(before, now.entry)
    return (
        f"{one.task}.dataset {one.given} differs from what was taken{day}: {how}; take it anew"
        f" with `scanvote data take {one.task} && dvc repro`"
    )


def gone(one: OwnData) -> str:
    """Say in one line that own data cannot be reached."""
    return (
        f"{one.task}.dataset {one.given} is not there; what was taken of it is kept, and changes"
        " in it cannot be seen"
    )


def _changes(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    changed = sorted(name for name in before.keys() & now.keys() if before[name] != now[name])
    files = "file" if len(changed) == 1 else "files"
    more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    names = f" ({', '.join(changed[:SHOWN])}{more})" if changed else ""
    return (
        f"{len(changed):,} {files} changed{names}, {len(now.keys() - before.keys()):,} new,"
        f" {len(before.keys() - now.keys()):,} gone"
    )


def _counts(before: Entry, now: Entry) -> str:
    """Compare numbers, where nobody here knows the files that were taken."""
    return (
        f"{before['files']:,} files of {before['bytes']:,} bytes then,"
        f" {now['files']:,} of {now['bytes']:,} bytes now"
    )


def _memory_file(entry: Entry) -> Path:
    return cache_folder() / f"taken-{str(entry['digest'])[:16]}.json"


def _memory(entry: Entry) -> dict[str, dict[str, str]]:
    return read_entries(_memory_file(entry))  # type: ignore[return-value]  # of another form


def _remember(found: Survey) -> None:
    place = _memory_file(found.entry)
    if place.is_file():
        return
    try:
        day = date.today().isoformat()
        write_text(place, json.dumps({"day": day, "files": dict(found.digests)}) + "\n")
    except OSError:
        return  # a read-only checkout: a difference is told in numbers
