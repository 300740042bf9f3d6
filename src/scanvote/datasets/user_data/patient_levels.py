"""Find the patients among the folders below the classes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from scanvote.datasets.user_data import folder_names as named
from scanvote.datasets.user_data.layout import first_few
from scanvote.datasets.user_data.pairs import FOLDER
from scanvote.datasets.user_data.place import Place
from scanvote.datasets.user_data.readings import AmbiguousLayout, Reading
from scanvote.params import FoldersParams

PATIENTS_ENOUGH = 6
"""Number of folders from which numbered ones are plausible patients."""


def place_patients(
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
