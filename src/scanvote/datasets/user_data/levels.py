"""Decide what each level of the user's folders is.

From the top: folders that contain everything, parts of a published split, folds, institutions,
contrasts, visits and patients are passed, until a level tells the classes. A level on which
every folder holds the same few folders tells no classes. Where two readings are possible, the
error shows both.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanvote.core.errors import InputError
from scanvote.datasets.user_data import folder_names as named
from scanvote.datasets.user_data.layout import first_few
from scanvote.datasets.user_data.pairs import FOLDER
from scanvote.datasets.user_data.readings import AmbiguousLayout, Reading, counted
from scanvote.params import FoldersParams

PATIENTS_ENOUGH = 6
"""Number of folders from which numbered ones are plausible patients."""
RECURRING = 0.5
"""Share of the names of a level that stand below several folders, if it tells the classes."""
OFTEN = 1.3
"""Mean number of folders above a name from which it tells a class, too."""
PLAIN_NUMBERS = 5
"""Up to so many plain numbers may be classes as well as patients."""


@dataclass
class Place:
    """What the folders of one file tell, while they are read from the top.

    Attributes:
        path: names of its folders.
        at: index of the next folder to read; in the end, that of the class.
        part: part or fold of the published split.
        patient: of a level above the classes, or below.
        facts: further metadata.
        reason: why the file is left out; empty if it is used.
    """

    path: tuple[str, ...]
    at: int = 0
    label: str = ""
    part: str = ""
    patient: str = ""
    patient_at: int = -1
    facts: dict[str, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def is_open(self) -> bool:
        return not self.reason and self.at < len(self.path)

    @property
    def name(self) -> str:
        return self.path[self.at]

    @property
    def below(self) -> tuple[str, ...]:
        return self.path[self.at + 1 :]


class Level:
    """The folders at one level, with the files below each."""

    def __init__(self, places: Iterable[Place]) -> None:
        self.places = [place for place in places if place.is_open]
        self.by_name: dict[str, list[Place]] = defaultdict(list)
        for place in self.places:
            self.by_name[place.name].append(place)
        self.names = list(self.by_name)

    def all(self, known: Callable[[str], object]) -> bool:
        return bool(self.names) and all(known(name) for name in self.names)

    def children(self, name: str) -> set[str]:
        return {place.below[0] for place in self.by_name[name] if place.below}

    @property
    def has_children(self) -> bool:
        return any(place.below for place in self.places)

    def telling_depth(self) -> int:
        """Depth below this level of the first folders that do not only describe pictures."""
        depth = 0
        while True:
            names = {place.below[depth] for place in self.places if len(place.below) > depth}
            if not names or not (len(names) == 1 or all(_passes(name) for name in names)):
                return depth
            depth += 1

    def at_depth(self, depth: int) -> dict[str, set[str]]:
        """Return the names at a depth below each folder of this level."""
        return {
            name: {place.below[depth] for place in places if len(place.below) > depth}
            for name, places in self.by_name.items()
        }

    def depth(self) -> int:
        return max((len(place.below) for place in self.places), default=0)


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
    _explain_strays(places)
    _place_patients(root, [one for one in places if one.label], levels, classes=True)
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
    _place_patients(root, places, levels, classes=False)
    return places


def _pass_part_level(places: Sequence[Place]) -> bool:
    """Pass a level of parts, of folds, or of one folder that all files share."""
    level = Level(places)
    whole = all(place.is_open for place in places)
    if level.names and level.all(named.is_part):
        _consume_parts(level)
    elif len(level.names) > 1 and level.all(named.FOLDS.match):
        _consume_folds(level)
    elif sum(map(named.is_part, level.names)) > 1:
        _consume_parts(level)
    elif len(level.names) != 1 or not whole or named.PERSONS.match(level.names[0]):
        return False
    else:
        _consume(level)
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


def _consume(level: Level) -> None:
    for place in level.places:
        place.at += 1


def _consume_parts(level: Level) -> None:
    for place in level.places:
        if named.is_part(place.name):
            place.part = place.part or named.part_of(place.name)
            place.at += 1


def _consume_folds(level: Level) -> None:
    numbers = {}
    for name in level.names:
        match = named.FOLDS.match(name)
        numbers[name] = int(match.group(4)) if match else 0
    first = min(numbers.values())
    for place in level.places:
        # protocols.py counts published folds from 1
        place.part = f"fold{numbers[place.name] + (first == 0)}"
        place.at += 1


def _consume_as(level: Level, role: str) -> None:
    for place in level.places:
        if role == "patient":
            place.patient, place.patient_at = place.name, place.at
        elif role:
            place.facts[role] = place.name.lower() if role == "plane" else place.name
        place.at += 1


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
        _consume(level)
    elif len(level.names) == 1:
        return False
    elif level.all(named.FOLDS.match):
        _consume_folds(level)
    elif level.all(named.SITES.match) and _has_classes(level):
        _consume_as(level, "institution")
    elif level.all(named.SEXES.match) and _has_classes(level):
        _consume_as(level, "sex")
    elif _only_describes(level):
        _consume(level)
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
        _consume_parts(level)
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
    _consume_parts(level)
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
    _consume_as(level, "plane" if plane else "contrast" if contrast else "")
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
        _consume_as(level, "patient")
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
    if len(names) < 2 or all(_passes(name) for name in names):
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
        names = {name for name in names if not _passes(name) and name not in beside}
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
    _consume_as(level, role)


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


def _passes(name: str) -> bool:
    return bool(
        named.describes_picture(name)
        or FOLDER.match(name)
        or named.is_part(name)
        or named.FOLDS.match(name)
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
            _consume_parts(level)
        elif len(level.names) > 1 and level.all(named.FOLDS.match):
            _consume_folds(level)
        else:
            _consume_as(
                level, "" if not level.names else _role_above(level, levels.patient_level is None)
            )


def _role_above(level: Level, persons: bool) -> str:
    """Return what a level above the classes is, for `_consume_as`.

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


# -- below the classes -------------------------------------------------------------


def _place_patients(
    root: Path, places: Sequence[Place], levels: FoldersParams, classes: bool
) -> None:
    """Find the patient of each file in the folders below its class."""
    siblings = _children([place.path for place in places])
    beside = [_names_beside(places, offset) for offset in range(1, 1 + _depth_below(places))]
    told = [_person_folders(place, siblings, beside) for place in places]
    index = 0
    if levels.patient_level is None:
        index = _patient_index(root, places, told, classes)
    for place, folders in zip(places, told, strict=True):
        if levels.patient_level is not None:
            at = levels.patient_level - 1
            place.patient = place.path[at] if 0 <= at < len(place.path) else ""
            place.patient_at = at if place.patient else -1
        elif not place.patient and len(folders) > index:
            place.patient_at = folders[index]
            place.patient = place.path[place.patient_at]


def _children(paths: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], set[str]]:
    children: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for path in set(paths):
        for at in range(len(path)):
            children[path[:at]].add(path[at])
    return children


def _depth_below(places: Sequence[Place]) -> int:
    return max((len(place.path) - place.at for place in places), default=0)


def _names_beside(places: Iterable[Place], offset: int) -> set[str]:
    """Return all names of folders at one distance below the class."""
    return {
        place.path[place.at + offset] for place in places if place.at + offset < len(place.path)
    }


def _person_folders(
    place: Place, siblings: dict[tuple[str, ...], set[str]], beside: Sequence[set[str]]
) -> list[int]:
    """Return the indices of the folders that may be a patient's; note the others as facts.

    Args:
        place: the place of a file.
        siblings: names of the folders in each folder.
        beside: names of the folders at each distance below the class.
    """
    persons: list[int] = []
    for at in range(place.at + 1, len(place.path)):
        name = place.path[at]
        if at and name == place.path[at - 1]:
            continue  # an archive unpacked into a folder of its own name
        if named.is_plane(name):
            place.facts["plane"] = name.lower()
        # where T1 lies beside N1 or T3, it is a patient
        elif named.is_contrast(name) and (
            persons or place.patient or _all_describe(beside[at - place.at - 1])
        ):
            place.facts["contrast"] = name
        elif all(named.is_part(one) for one in siblings[place.path[:at]]):
            place.part = place.part or named.part_of(name)
        elif named.SITES.match(name):
            place.facts["institution"] = name
        elif not _never_a_person(name) and not (persons and named.DATES.match(name)):
            persons.append(at)
    return persons


def _never_a_person(name: str) -> bool:
    return any(
        known.match(name)
        for known in (named.FORMATS, FOLDER, named.VISITS, named.VIEWS, named.SEXES)
    )


def _all_describe(names: Iterable[str]) -> bool:
    return all(named.describes_picture(name) or FOLDER.match(name) for name in names)


def _patient_index(
    root: Path, places: Sequence[Place], told: Sequence[list[int]], classes: bool
) -> int:
    """Return which of the folders that may be patients' are the patients'."""
    index = 0
    while True:
        here, below = _names_at(places, told, index), _names_at(places, told, index + 1)
        if len(below) < 2 or len(below) <= len(here):
            return index + (_is_shared(here, classes) or not (classes or _may_be_persons(here)))
        kind = _kind_above_patients(here, below, classes)
        if kind == "open":
            raise _open_patients(root, places, told, index)
        if kind == "patient":
            return index
        index += 1


def _names_at(
    places: Sequence[Place], told: Sequence[list[int]], index: int
) -> dict[str, set[tuple[str, ...]]]:
    """Return the names of the folders, with the paths above each."""
    names: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for place, folders in zip(places, told, strict=True):
        if len(folders) > index:
            names[place.path[folders[index]]].add(place.path[: folders[index]])
    return names


def _kind_above_patients(
    here: dict[str, set[tuple[str, ...]]], below: dict[str, set[tuple[str, ...]]], classes: bool
) -> str:
    """Tell if a level is the patients', is passed, or may be either."""
    persons_below = named.are_persons(below)
    surely = [one for one in here if named.PERSONS.match(one)]
    if 2 * len(surely) >= len(here) or any(letter.isdigit() for one in here for letter in one):
        return "patient"
    if _is_shared(here, classes) or named.are_diagnoses(here):
        return "passed"
    once = sum(len(parents) == 1 for parents in below.values())
    if not persons_below or 2 * once < len(below) or len(below) < 2 * len(here):
        return "patient"
    if 2 * sum(bool(named.PERSONS.match(one)) for one in below) > len(below):
        return "passed"
    return "open" if len(here) < PATIENTS_ENOUGH else "patient"


def _may_be_persons(names: Collection[str]) -> bool:
    """Tell a few diagnoses, such as benign and malignant, from patients."""
    digits = any(letter.isdigit() for name in names for letter in name)
    return digits or len(names) >= PATIENTS_ENOUGH or not named.are_diagnoses(names)


def _is_shared(here: dict[str, set[tuple[str, ...]]], classes: bool) -> bool:
    """Tell if one folder, the same in every class, contains everything."""
    if len(here) != 1 or named.is_person(next(iter(here))):
        return False
    return not classes or len(next(iter(here.values()))) > 1


def _open_patients(
    root: Path, places: Sequence[Place], told: Sequence[list[int]], index: int
) -> AmbiguousLayout:
    readings = []
    for which in (index + 1, index):
        names = list(_names_at(places, told, which))
        level = next(folders[which] for folders in told if len(folders) > which) + 1
        text = f"{len(names):,} patients ({first_few(names)})"
        readings.append(Reading(text, {"folders.patient_level": level}))
    above = first_few(_names_at(places, told, index))
    below = first_few(_names_at(places, told, index + 1))
    return AmbiguousLayout(root, f"{above} and, below them, {below} may be the patients", readings)
