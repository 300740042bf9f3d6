"""Read the folders of a file from the top, level by level."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from scanvote.datasets.user_data import folder_names as named
from scanvote.datasets.user_data.pairs import FOLDER


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
            if not names or not (len(names) == 1 or all(is_passed(name) for name in names)):
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


def is_passed(name: str) -> bool:
    """Tell if a folder describes pictures or is a part: no class, no patient."""
    return bool(
        named.describes_picture(name)
        or FOLDER.match(name)
        or named.is_part(name)
        or named.FOLDS.match(name)
    )


def consume(level: Level) -> None:
    """Pass a level that tells nothing."""
    for place in level.places:
        place.at += 1


def consume_parts(level: Level) -> None:
    """Pass a level of parts of a published split."""
    for place in level.places:
        if named.is_part(place.name):
            place.part = place.part or named.part_of(place.name)
            place.at += 1


def consume_folds(level: Level) -> None:
    """Pass a level of folds of a published cross-validation."""
    numbers = {}
    for name in level.names:
        match = named.FOLDS.match(name)
        numbers[name] = int(match.group(4)) if match else 0
    first = min(numbers.values())
    for place in level.places:
        # protocols.py counts published folds from 1
        place.part = f"fold{numbers[place.name] + (first == 0)}"
        place.at += 1


def consume_as(level: Level, role: str) -> None:
    """Pass a level of patients, or of what `role` names in the facts; "" for nothing."""
    for place in level.places:
        if role == "patient":
            place.patient, place.patient_at = place.name, place.at
        elif role:
            place.facts[role] = place.name.lower() if role == "plane" else place.name
        place.at += 1
