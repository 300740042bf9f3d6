"""Decide what each level of the user's folders is.

From the top: folders that contain everything, parts of a published split, folds, institutions,
contrasts, visits and patients are passed, until a level tells the classes. A level on which
every folder holds the same few folders tells no classes. Where two readings are possible, the
error shows both.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scanvote.core.errors import InputError
from scanvote.datasets.user_data import folder_names as named
from scanvote.datasets.user_data.layout import first_few
from scanvote.datasets.user_data.patient_levels import PATIENTS_ENOUGH, place_patients
from scanvote.datasets.user_data.place import (
    Level,
    Place,
    consume,
    consume_as,
    consume_folds,
    consume_parts,
    is_passed,
)
from scanvote.datasets.user_data.readings import AmbiguousLayout, Reading, counted
from scanvote.params import FoldersParams

RECURRING = 0.5
"""Share of the names of a level that stand below several folders, if it tells the classes."""
OFTEN = 1.3
"""Mean number of folders above a name from which it tells a class, too."""
PLAIN_NUMBERS = 5
"""Up to so many plain numbers may be classes as well as patients."""


def place_classes(
    root: Path, paths: Sequence[tuple[str, ...]], levels: FoldersParams
) -> tuple[list[Place], list[str]]:
    """Return the class, part, patient and metadata that the folders of each file tell.

    Returns:
        One place per path, and remarks "name: text".

    Raises:
        AmbiguousLayout: the folders can be read in two ways.
        InputError: all folders are patients.
    """
    places, notes = [Place(path) for path in paths], list[str]()
    if levels.class_level is not None:
        _descend_to(places, levels.class_level - 1, levels)
    else:
        while _pass_level(root, places, notes, levels):
            pass
    for place in places:
        if place.is_open:
            place.label = place.name
    _check_no_persons(root, places, levels)
    _leave_unlabelled(places)
    _leave_without_parts(places)
    _explain_strays(places)
    place_patients(root, [one for one in places if one.label], levels, classes=True)
    return places, notes


def _check_no_persons(root: Path, places: Sequence[Place], levels: FoldersParams) -> None:
    """Refuse classes that are named like patients, as no level tells the classes."""
    names = list(dict.fromkeys(place.label for place in places if place.label))
    numbered = all(re.search(r"\d.*\d.*\d", name) for name in names)
    if levels.class_level is None and numbered and len(names) >= PATIENTS_ENOUGH:
        raise _no_classes(root, names)


def _no_classes(root: Path, names: Sequence[str]) -> InputError:
    return InputError(
        f"{root}: the folders {first_few(names)} are patients, and no folder below them"
        " tells a class; list the scans in a table of path, label and patient, or set"
        " folders.class_level"
    )


def _leave_unlabelled(places: Sequence[Place]) -> None:
    """Leave a folder such as ``unknown`` out, if there are two classes besides."""
    labels = {place.label for place in places if place.label}
    unknown = {label for label in labels if named.UNLABELLED.match(label)}
    if len(labels - unknown) < 2:
        return
    for place in places:
        if place.label in unknown:
            place.reason = f"{place.label}/ says that the class is not known"
            place.label, place.at = "", len(place.path)


def _leave_without_parts(places: Sequence[Place]) -> None:
    """Leave out a folder without ``train`` and ``test`` beside classes that have them."""
    in_parts: dict[str, list[bool]] = defaultdict(list)
    for place in places:
        if place.label:
            in_parts[place.label].append(bool(place.below) and named.is_part(place.below[0]))
    others = {label for label, known in in_parts.items() if not any(known)}
    if sum(map(all, in_parts.values())) < 2:
        return
    for place in places:
        if place.label in others:
            place.reason = f"{place.label}/ has no parts as the folders beside it have"
            place.label, place.at = "", len(place.path)


def place_images(
    root: Path, paths: Sequence[tuple[str, ...]], levels: FoldersParams
) -> list[Place]:
    """Return the part, patient and metadata of images with masks.

    Raises:
        AmbiguousLayout: two levels may be the patients.
    """
    places = [Place(path) for path in paths]
    while _pass_part_level(places):
        pass
    for place in places:
        place.at -= 1  # as if a class above contained everything
    place_patients(root, places, levels, classes=False)
    return places


def _pass_part_level(places: Sequence[Place]) -> bool:
    """Pass a level of parts, of folds, or of one folder that all files share."""
    level = Level(places)
    whole = all(place.is_open for place in places)
    if level.names and level.all(named.is_part):
        consume_parts(level)
    elif len(level.names) > 1 and level.all(named.FOLDS.match):
        consume_folds(level)
    elif sum(map(named.is_part, level.names)) > 1:
        consume_parts(level)
    elif len(level.names) != 1 or not whole or named.PERSONS.match(level.names[0]):
        return False
    else:
        consume(level)
    return True


def _pass_level(root: Path, places: list[Place], notes: list[str], levels: FoldersParams) -> bool:
    """Pass the next level if it tells no classes; return whether it did."""
    level = Level(places)
    if not level.names or (not level.has_children and not level.all(named.is_part)):
        return False
    for step in (_pass_copies, _pass_known, _pass_parts, _pass_contrasts):
        if step(level):
            return True
    return _pass_by_names_below(root, level, notes, levels)


def _pass_copies(level: Level) -> bool:
    """Pass a folder that repeats the folders beside it."""
    done = False
    for name in level.names:
        if depth := _depth_of(level.by_name[name], set(level.names) - {name}):
            for place in level.by_name[name]:
                place.at += depth
            done = True
    return done


def _depth_of(places: Sequence[Place], beside: set[str]) -> int:
    """Return how far below its folder a tree of the names in `beside` starts; 0 if none does."""
    for depth in range(max(len(place.below) for place in places)):
        names = {place.below[depth] for place in places if len(place.below) > depth}
        if len(names) > 1:
            return depth + 1 if names <= beside else 0
    return 0


def _pass_known(level: Level) -> bool:
    """Pass a single folder, and levels of folds, institutions, sexes, formats and visits."""
    if len(level.names) == 1 and not named.is_part(level.names[0]):
        if named.PERSONS.match(level.names[0]):
            return False
        consume(level)
    elif len(level.names) == 1:
        return False
    elif level.all(named.FOLDS.match):
        consume_folds(level)
    elif level.all(named.SITES.match) and _has_classes(level):
        consume_as(level, "institution")
    elif level.all(named.SEXES.match) and _has_classes(level):
        consume_as(level, "sex")
    elif _only_describes(level):
        consume(level)
    else:
        return False
    return True


def _only_describes(level: Level) -> bool:
    """Tell if a level is one of formats or of visits."""
    formats = level.all(named.FORMATS.match) and _has_classes(level)
    return formats or (level.all(named.is_visit) and level.telling_depth() < level.depth())


def _pass_parts(level: Level) -> bool:
    """Pass the parts of a published split, whatever lies beside them."""
    parts = [name for name in level.names if named.is_part(name)]
    if len(parts) == len(level.names):
        consume_parts(level)
        return True
    classes = {child for name in parts for child in level.children(name)}
    others = [name for name in level.names if name not in parts]
    alone = len(parts) == 1 and (
        len(classes) < 2
        or named.are_persons(classes)
        or any(level.children(name) - classes for name in others)
    )
    if not parts or not classes or alone:
        return False
    for name in others:
        _place_beside_parts(level.by_name[name], classes)
    consume_parts(level)
    return True


def _place_beside_parts(places: Iterable[Place], classes: set[str]) -> None:
    for place in places:
        if place.below and place.below[0] in classes:
            place.part = place.name
            place.at += 1
        else:
            place.reason = f"{place.name}/ has no class of the folders beside it"


def _pass_contrasts(level: Level) -> bool:
    """Pass contrasts, planes, sides and magnifications above the classes."""
    plane, contrast = level.all(named.is_plane), level.all(named.is_contrast)
    if not (plane or contrast or level.all(named.VIEWS.match)):
        return False
    if not _has_classes(level):
        return False
    consume_as(level, "plane" if plane else "contrast" if contrast else "")
    return True


def _has_classes(level: Level) -> bool:
    return _class_depth(level) is not None or _numbers_above_persons(level)


def _numbers_above_persons(level: Level) -> bool:
    """Tell if the next names below are plain numbers, the same everywhere, above the patients."""
    below = level.at_depth(level.telling_depth())
    names = set().union(*below.values())
    if len(names) < 2 or not _plain_numbers(list(names)) or not _recurs(below):
        return False
    return _persons_below(level, beside=names)


def _pass_by_names_below(root: Path, level: Level, notes: list[str], levels: FoldersParams) -> bool:
    """Compare a level with those below it; pass it if one of them tells the classes."""
    above = level.names
    depth = level.telling_depth()
    below = level.at_depth(depth)
    names = list(dict.fromkeys(name for several in below.values() for name in sorted(several)))
    if named.are_surely_persons(above):
        return _pass_persons(root, level, names, notes)
    if len(above) < 2:
        return False
    if named.are_diagnoses(above):
        if len(names) > 1 and named.are_diagnoses(names) and _recurs(below):
            raise _ambiguous(root, level, depth)
        return False
    deeper = _class_depth(level)
    if deeper is None:
        return _by_first_names(root, level, depth, names, notes)
    if not _are_classes(level, deeper):
        if deeper > depth:
            raise _ambiguous(root, level, deeper)
        return _by_persons(root, level, depth, names, notes)
    if _role_above(level, persons=True) == "institution" and not _persons_below(level):
        # they may as well be patients called by their names, which a split must keep together
        raise _ambiguous(root, level, deeper)
    _consume_above(level, notes)
    return True


def _by_first_names(
    root: Path, level: Level, depth: int, names: Sequence[str], notes: list[str]
) -> bool:
    """Decide where no names below stand below several folders, but plain numbers or diagnoses."""
    if len(names) > 1 and _plain_numbers(names) and _recurs(level.at_depth(depth)):
        return _by_persons(root, level, depth, names, notes)
    if len(names) < 2 or not all(map(named.is_diagnosis, names)):
        return False
    if not named.are_persons(level.names):
        raise _ambiguous(root, level, depth)
    _consume_above(level, notes)
    return True


def _pass_persons(root: Path, level: Level, names: Sequence[str], notes: list[str]) -> bool:
    """Pass a level of patients above the classes.

    Raises:
        InputError: the folders are patients, and none below them tells a class.
    """
    told = _class_depth(level) is not None
    if told or (len(names) > 1 and named.are_diagnoses(names)):
        _consume_above(level, notes)
        return True
    if len(level.names) < 2 and level.has_children:
        consume_as(level, "patient")
        return True
    if not level.all(named.NO_CLASS.match):
        return False
    raise _no_classes(root, level.names)


def _by_persons(
    root: Path, level: Level, depth: int, names: Sequence[str], notes: list[str]
) -> bool:
    """Decide by which of two levels is named like patients."""
    above = level.names
    persons_above, persons_below = named.are_persons(above), named.are_persons(names)
    many_above, many_below = (len(one) >= PATIENTS_ENOUGH for one in (above, names))
    if named.are_surely_persons(names):
        passes = False
    elif persons_above and persons_below and many_above != many_below:
        passes = many_above
    elif persons_above and not persons_below:
        passes = True
    elif persons_below and not persons_above and not _plain_numbers(names):
        passes = False
    else:
        raise _ambiguous(root, level, depth)
    if passes:
        _consume_above(level, notes)
    return passes


def _class_depth(level: Level) -> int | None:
    """Return the first depth below a level whose few names stand below several folders."""
    for depth in range(level.depth()):
        below: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for place in level.places:
            if len(place.below) > depth:
                below[place.name, *place.below[:depth]].add(place.below[depth])
        if _few_names_again(below):
            return depth
    return None


def _few_names_again(below: Mapping[tuple[str, ...], set[str]]) -> bool:
    names = set().union(*below.values())
    if len(names) < 2 or all(is_passed(name) for name in names):
        return False
    if not _recurs(below) or named.are_surely_persons(names):
        return False
    if _plain_numbers(list(names)):
        # visits count from 1, and a patient has several
        single = sum(map(len, below.values())) < OFTEN * len(below)
        return len(names) < len(below) and (single or "0" in names)
    return named.are_diagnoses(names) or not named.are_persons(names)


def _are_classes(level: Level, depth: int) -> bool:
    names = {place.below[depth] for place in level.places if len(place.below) > depth}
    return named.are_diagnoses(names)


def _persons_below(level: Level, beside: Collection[str] = ()) -> bool:
    """Tell if some level below holds the patients: more folders, named like theirs.

    `beside`: names that are no patients.
    """
    for depth in range(level.depth()):
        names = {place.below[depth] for place in level.places if len(place.below) > depth}
        names = {name for name in names if not is_passed(name) and name not in beside}
        if len(names) > len(level.names) and named.are_persons(names - _diagnoses(names)):
            return True
    return False


def _diagnoses(names: Iterable[str]) -> set[str]:
    return {name for name in names if named.is_diagnosis(name)}


def _plain_numbers(names: Sequence[str]) -> bool:
    return len(names) <= PLAIN_NUMBERS and all(name.isdigit() for name in names)


def _consume_above(level: Level, notes: list[str]) -> None:
    """Pass a level above the classes: patients, or else institutions."""
    role = _role_above(level, persons=True)
    first = level.places[0].at + 1
    if role in ("patient", "institution") and len(level.names) > 1:
        text = f"{first_few(level.names)} hold the same folders, which are the classes"
        notes.append(f"{role}s: {text}; folders.class_level={first} takes them for classes")
    consume_as(level, role)


def _ambiguous(root: Path, level: Level, depth: int) -> AmbiguousLayout:
    places, at = level.places, level.places[0].at + 1
    low = at + depth + 1
    labels = [place.below[depth] for place in places if len(place.below) > depth]
    above = f"classes {counted(place.name for place in places)}"
    below = f"classes {counted(labels)}"
    one, other = first_few(dict.fromkeys(labels)), first_few(level.names)
    key, patient = "folders.class_level", "folders.patient_level"
    return AmbiguousLayout(
        root,
        f"{other} and, below each, {one} may be the classes",
        [
            Reading(f"{below}; {other} are institutions", {key: low, patient: 0}),
            Reading(f"{below}; {other} are patients", {key: low, patient: at}),
            Reading(f"{above}; {one} are patients", {key: at, patient: low}),
        ],
    )


def _recurs(below: Mapping[Any, set[str]]) -> bool:
    """Tell if names stand below several folders: most of them, or all rather often."""
    names = set().union(*below.values())
    if sum(map(len, below.values())) >= OFTEN * len(names) > 0:
        return True
    several = sum(1 for name in names if sum(name in one for one in below.values()) > 1)
    return bool(names) and several >= RECURRING * len(names)


def _descend_to(places: Sequence[Place], index: int, levels: FoldersParams) -> None:
    """Read the levels above the class that the params name."""
    for _ in range(index):
        level = Level(place for place in places if place.at < index)
        if level.names and level.all(named.is_part):
            consume_parts(level)
        elif len(level.names) > 1 and level.all(named.FOLDS.match):
            consume_folds(level)
        else:
            consume_as(
                level, "" if not level.names else _role_above(level, levels.patient_level is None)
            )


def _role_above(level: Level, persons: bool) -> str:
    """Return what a level above the classes is, for `consume_as`.

    `persons`: whether it may be the patients.
    """
    if len(level.names) < 2 or level.all(named.ORGANS.match):
        return "patient" if persons and named.PERSONS.match(level.names[0]) else ""
    if level.all(named.SITES.match):
        return "institution"
    persons = persons and (named.are_surely_persons(level.names) or not _persons_below(level))
    for role, known in (("plane", named.is_plane), ("contrast", named.is_contrast)):
        if level.all(known):
            return role
    if level.all(named.describes_picture):
        return ""
    return "patient" if persons and named.are_persons(level.names) else "institution"


def _explain_strays(places: Sequence[Place]) -> None:
    inside = {place.path[:at] for place in places if place.label for at in range(place.at + 1)}
    for place in places:
        if place.label or place.reason:
            continue
        beside = place.path in inside
        place.reason = (
            "it lies beside the folders of the classes"
            if beside
            else f"{'/'.join(place.path)}/ has no class"
        )
