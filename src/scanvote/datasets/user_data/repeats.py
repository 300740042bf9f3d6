"""Leave out a folder that repeats the tree beside it, or holds pictures made of it."""

import filecmp
import re
from collections import defaultdict
from collections.abc import Sequence

from scanvote.datasets.user_data import folder_names as named
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


def without_derived(
    files: Sequence[FoundFile],
) -> tuple[list[FoundFile], list[SkippedFile]]:
    """Return the files without augmented copies and thumbnails, and these with the reason.

    Such a folder is kept where the pictures that it was made of are not beside it.
    """
    beside: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for file in files:
        if (at := _derived_at(file)) is None:
            for depth in range(len(file.folders) + 1):
                beside[file.folders[:depth]].add("".join(file.folders[depth : depth + 1]))
    kept, derived = [], []
    for file in files:
        at = _derived_at(file)
        if at is None or not _made_of(file.folders[at], beside[file.folders[:at]]):
            kept.append(file)
        else:
            reason = f"{file.folders[at]}/ holds pictures made of the others"
            derived.append(SkippedFile(file.name, reason))
    return kept, derived


def _derived_at(file: FoundFile) -> int | None:
    return next((at for at, name in enumerate(file.folders) if named.DERIVED.match(name)), None)


def _made_of(folder: str, beside: set[str]) -> bool:
    """Tell if what lies beside a folder of derived pictures holds their originals."""
    if not all(map(named.is_part, beside)):
        return True
    own = re.sub(r"[ _-]*aug[a-z]*[ _-]*", "", folder, flags=re.IGNORECASE)
    part = named.part_of(own) if named.is_part(own) else "train"
    return part[:3].casefold() in {named.part_of(one)[:3].casefold() for one in beside}


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
