"""Leave out a folder that repeats the tree beside it."""

import filecmp
from collections import defaultdict
from collections.abc import Sequence

from scanvote.datasets.user_data.layout import SkippedFile
from scanvote.datasets.user_data.scan_tree import FoundFile

COMPARED = 20
"""Maximum of files of a repeated tree whose bytes are compared."""
REPEATED = 0.5
"""Smallest share of a folder's files that lie beside it again, if it repeats the tree."""


def without_repeats(
    files: Sequence[FoundFile],
) -> tuple[list[FoundFile], list[SkippedFile]]:
    """Return the files outside of repeated trees, and the others, skipped.

    Archives such as ``brain_tumor_dataset/yes`` beside ``yes`` hold everything twice.
    """
    by_name = {file.name: file for file in files}
    below: dict[str, list[FoundFile]] = defaultdict(list)
    for file in files:
        for at in range(1, len(file.folders)):
            below["/".join(file.folders[:at])].append(file)
    repeated: dict[str, str] = {}
    for folder, inside in below.items():
        twins = _twins(folder, inside, by_name)
        if len(twins) >= REPEATED * len(inside) and _same_bytes(twins):
            reason = f"{folder}/ repeats the folders beside it"
            repeated |= {file.name: reason for file, _ in twins}
    kept = [file for file in files if file.name not in repeated]
    return kept, [SkippedFile(name, reason) for name, reason in repeated.items()]


def _twins(
    folder: str, inside: Sequence[FoundFile], by_name: dict[str, FoundFile]
) -> list[tuple[FoundFile, FoundFile]]:
    """Return the files below `folder` that lie beside or above it too."""
    above = folder.split("/")[:-1]
    # archive/data/yes beside yes repeats it as well as data/yes
    starts = ["".join(f"{name}/" for name in above[:at]) for at in range(len(above), -1, -1)]
    pairs = [
        (file, by_name.get(start + file.name[len(folder) + 1 :]))
        for start in starts
        for file in inside
    ]
    return [(file, twin) for file, twin in pairs if twin is not None]


def _same_bytes(twins: Sequence[tuple[FoundFile, FoundFile]]) -> bool:
    sample = twins[:: max(1, len(twins) // COMPARED)]
    try:
        if any(one.path.stat().st_size != two.path.stat().st_size for one, two in sample):
            return False
        return bool(twins) and all(
            filecmp.cmp(one.path, two.path, shallow=False) for one, two in sample
        )
    except OSError:
        return False
