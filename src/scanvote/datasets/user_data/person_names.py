"""Tell persons by the names of files and folders: ``patient12_slice3``, ``CNV-1016042-2``.

A word for a person before a number names the patient. Else a number is a person's or a
specimen's if several names of one folder share it, and if what follows it stands after other
numbers, too: ``7_L_CC``, ``7_R_CC``, ``8_L_CC``. What shares it is kept together; that it is a
person is not known.
"""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence

NAMED = re.compile(
    r"(?:^|(?<=[ _.-]))(sub-[a-z0-9]+"
    r"|(?:sub|subj|subject|patient|pat|pt|person|proband|participant|volunteer)[ _.-]?\d+"
    r"|tcga[_-][a-z0-9]{2}[_-][a-z0-9]{4}|\d{3}_S_\d{4})(?![a-z0-9])",
    re.IGNORECASE,
)
"""Part of a name that tells the patient; the last are the IDs of TCGA and ADNI."""
DATE = re.compile(
    r"(?<!\d)(?:(19|20)\d\d([._-]?)[01]\d\2[0-3]\d|[0-3]\d([._-])[01]\d\3(19|20)\d\d)"
)
PLACE = re.compile(r"(?<![a-z])[xyz][_-]?\d+")
"""Place of a tile, as in ``x1001_y51``."""
NO_PERSON = re.compile(
    r"(?<![a-z])(fold|batch|site|hospital|cent(er|re)|scanner|slice|slc?|frame|class|grade|label"
    r"|visit|view|part|level|run|ses|session|series|type|stage|group|day|week|month|set|z)[ _.-]*$"
)
"""End of what stands before a number that is no person's."""
MIN_NUMBERS = 3
MAX_FILES = 20
"""Files of a number, in relation to how many numbers there are: ``m1(1)`` to ``m3(210)`` of the
4-class set are three batches, not three persons."""
RECURRING = 1.3
"""Mean count of what follows a number, from which the numbers are persons'."""


def named_person(name: str) -> str:
    """Return the part of `name` that tells a patient; empty without one."""
    match = NAMED.search(name)
    return match.group(1) if match else ""


def shared_numbers(names: Mapping[int, tuple[str, str]]) -> dict[int, Hashable]:
    """Return a key per name that shares a person's number with others.

    Args:
        names: folder and name by any index; one key is of several folders, too.
    """
    pieces = {at: _pieces(name) for at, (_, name) in names.items()}
    found: dict[int, Hashable] = {}
    _search(list(names), 0, pieces, names, found)
    return found


def _pieces(name: str) -> list[str]:
    """Return text and numbers of a name in turns, without dates and places."""
    return re.split(r"(\d+)", PLACE.sub("@", DATE.sub("@", name.casefold())))


def _search(
    members: Iterable[int],
    at: int,
    pieces: Mapping[int, Sequence[str]],
    names: Mapping[int, tuple[str, str]],
    found: dict[int, Hashable],
) -> None:
    """Add the keys of `members`, whose names are alike in the first `at` pieces, to `found`."""
    heads: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for one in members:
        if len(pieces[one]) > at + 1:
            heads[pieces[one][at]][pieces[one][at + 1].lstrip("0")].append(one)
    for head, numbers in heads.items():
        if len(numbers) == 1 or NO_PERSON.search(head):
            for several in numbers.values():
                _search(several, at + 2, pieces, names, found)
        elif _are_persons(numbers, at + 2, pieces, names):
            for number, several in numbers.items():
                start = (*pieces[several[0]][: at + 1], number)
                found.update(dict.fromkeys(several, start))


def _are_persons(
    numbers: Mapping[str, Sequence[int]],
    after: int,
    pieces: Mapping[int, Sequence[str]],
    names: Mapping[int, tuple[str, str]],
) -> bool:
    pairs = {(number, *pieces[one][after:]) for number, some in numbers.items() for one in some}
    rests = {pair[1:] for pair in pairs}
    of_a_number = ({names[one] for one in some} for some in numbers.values())
    shared = any(len({folder for folder, _ in some}) < len(some) for some in of_a_number)
    files = sum(map(len, numbers.values())) / len(numbers)
    few = files <= MAX_FILES * len(numbers)
    enough = len(numbers) >= MIN_NUMBERS and len(pairs) >= RECURRING * len(rests)
    return shared and few and enough
