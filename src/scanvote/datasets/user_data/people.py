"""Tell which scans are of one person: by case, folder and DICOM header."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from scanvote.datasets.user_data import folder_names as named
from scanvote.datasets.user_data.folder_names import spelling_key
from scanvote.datasets.user_data.layout import DatasetItem
from scanvote.datasets.user_data.person_names import named_person, shared_numbers
from scanvote.datasets.user_data.place import Place
from scanvote.datasets.user_data.scan_tree import CHANNEL, NAMES, stem

MOST_CHANNELS = 8
MIN_FOLDERS = 3
"""Number of patient folders under one header ID from which it may be no ID."""
COVERED = 1 / 3
"""Smallest share of all patient folders that an ID covers which is none."""


class Groups:
    """Union of keys that belong together (union-find).

    SciPy has it too, in a module that takes half a second to import: a fifth of a small download.
    """

    def __init__(self) -> None:
        self._above: dict[Hashable, Hashable] = {}

    def find(self, key: Hashable) -> Hashable:
        path = []
        while (above := self._above.setdefault(key, key)) != key:
            path.append(key)
            key = above
        for one in path:
            self._above[one] = key
        return key

    def join(self, keys: Iterable[Hashable]) -> None:
        for one, other in pairwise(list(keys)):
            self._above[self.find(other)] = self.find(one)


# -- cases -------------------------------------------------------------------------


def tie_listed(items: Sequence[DatasetItem]) -> tuple[list[DatasetItem], list[str]]:
    """Tie cases of items whose patients a table tells; only the others are tied by their names.

    Returns:
        The items, and remarks "name: text".
    """
    known, notes = join_spellings(items)
    unknown = {at: item for at, item in enumerate(known) if not item.patient}
    names = unknown_names(known)
    numbers = shared_numbers(names)
    note = _number_note(names, numbers)
    people = {at: person for at, item in unknown.items() if (person := _person_in(item.name))}
    cases = tie_cases(list(unknown.values()))
    found = {at: case.case for (at, case) in zip(unknown, cases, strict=True) if case.case}
    masks = _mask_keys(known)
    return _with_cases(known, [masks, found, numbers, people]), [*notes, *([note] if note else [])]


def _person_in(name: str) -> str:
    """Return the patient whom a path names; empty without one."""
    told = [part for part in map(named_person, stem(name).split("/")) if part]
    return told[0].casefold() if told else ""


def tie_cases(items: Sequence[DatasetItem], *numbers: Mapping[int, Hashable]) -> list[DatasetItem]:
    """Give contrasts of one scan one case, and what shares a mask or a number.

    Contrasts are told by a folder (``T1/007.png``, ``T2/MR_007.png``), by a word of the name
    (``007_T1.nii``), or by the four digits of nnU-Net.

    Args:
        items: the items.
        numbers: further keys of items by their index, as of `shared_numbers`.
    """
    return _with_cases(
        items, [_mask_keys(items), _contrast_keys(items), _channel_keys(items), *numbers]
    )


def _with_cases(
    items: Sequence[DatasetItem], keys: Iterable[Mapping[int, Hashable]]
) -> list[DatasetItem]:
    """Give items one case whose index has one key, directly or through others."""
    groups = Groups()
    for one in keys:
        members: dict[Hashable, list[int]] = defaultdict(list)
        for at, key in one.items():
            members[key].append(at)
        for several in members.values():
            groups.join(several)
    roots = [groups.find(at) for at in range(len(items))]
    sizes, first = Counter(roots), dict[Hashable, str]()
    for root, item in zip(roots, items, strict=True):
        first.setdefault(root, _place(item))
    return [
        replace(item, case=first[root]) if sizes[root] > 1 else item
        for root, item in zip(roots, items, strict=True)
    ]


def _place(item: DatasetItem) -> str:
    folder, _, name = item.name.rpartition("/")
    return f"{folder}/{stem(name)}" if folder else stem(name)


def tie_numbers(
    items: Sequence[DatasetItem], places: Sequence[Place]
) -> tuple[list[DatasetItem], list[str]]:
    """Tie cases, and what shares a person's number in its name or that of the patient's folder.

    Args:
        items: items with the patients of `tie_patients`.
        places: where the patient's folder is, one per item.

    Returns:
        The items with their cases, and remarks "name: text".
    """
    folders = {
        at: ("/".join(place.path[: place.patient_at]), place.path[place.patient_at])
        for at, place in enumerate(places)
        if place.patient_at >= 0
    }
    numbers = [(one, shared_numbers(one)) for one in (folders, unknown_names(items))]
    notes = [text for names, keys in numbers if (text := _number_note(names, keys))]
    return tie_cases(items, *(keys for _, keys in numbers)), notes


def _number_note(names: Mapping[int, tuple[str, str]], keys: Mapping[int, Hashable]) -> str:
    several: dict[Hashable, set[str]] = defaultdict(set)
    for at, key in keys.items():
        several[key].add(names[at][1])
    several = {key: found for key, found in several.items() if len(found) > 1}
    if not several:
        return ""
    example = " and ".join(sorted(next(iter(several.values())))[:2])
    return (
        f"names: {len(several):,} numbers stand in several names, such as {example}, which are"
        " kept together as of one person; a table with `patient` overrules"
    )


def unknown_names(items: Sequence[DatasetItem]) -> dict[int, tuple[str, str]]:
    """Return folder and name, without its contrast, of the items whose patient is not known."""
    words = _with_words(items)
    return {
        at: (
            item.name.rpartition("/")[0],
            without_contrast(_name(item)) if at in words else _name(item),
        )
        for at, item in enumerate(items)
        if not item.patient
    }


def _mask_keys(items: Sequence[DatasetItem]) -> dict[int, str]:
    return {at: item.mask_name for at, item in enumerate(items) if item.mask_name}


def _contrast_keys(items: Sequence[DatasetItem]) -> dict[int, Hashable]:
    """Return the place and name of each item without its contrasts, where it has some."""
    keys: dict[int, Hashable] = {}
    words = _with_words(items)
    contrasts = contrast_classes({item.label for item in items})
    for at, item in enumerate(items):
        folders = item.name.split("/")[:-1]
        facts = {item.facts.get("contrast", "").casefold(), item.facts.get("plane", "")} - {""}
        facts |= contrasts & {item.label.casefold()}
        rest = tuple(name for name in folders if name.casefold() not in facts)
        in_folder = len(rest) < len(folders)
        core = without_contrast(_name(item))
        if in_folder or (at in words and core != _name(item).casefold()):
            label = "" if contrasts else item.label
            keys[at] = (label, item.source_split, rest, core, item.index)
    return keys


def contrast_classes(labels: Collection[str]) -> set[str]:
    """Return the classes in lower case if they differ by a contrast alone; else nothing."""
    folded = {label.casefold() for label in labels}
    cores = {without_contrast(label) for label in folded}
    return folded if len(labels) > 1 == len(cores) and not cores & folded else set()


def _with_words(items: Sequence[DatasetItem]) -> set[int]:
    """Return the items with a contrast in their name, as most files of their folder have."""
    by_folder: dict[str, list[int]] = defaultdict(list)
    for at, item in enumerate(items):
        by_folder[item.name.rpartition("/")[0]].append(at)
    found: set[int] = set()
    for several in by_folder.values():
        names = {at: _name(items[at]) for at in several}
        worded = {at for at, name in names.items() if without_contrast(name) != name.casefold()}
        if 2 * len(worded) >= len(several):
            found |= worded
    return found


def _name(item: DatasetItem) -> str:
    return stem(item.name.rpartition("/")[2])


@lru_cache(NAMES)
def without_contrast(name: str) -> str:
    """Return `name` without the words of a contrast or plane at its start and end.

    ``mr_007`` and ``007_T1w`` become ``007``; the case does not matter.
    """
    words = _words(name)
    while words and (words[-1] in named.CONTRASTS or words[-1] in named.PLANES):
        words.pop()
    while words and (words[0] in named.CONTRASTS or words[0] in named.PLANES):
        words.pop(0)
    return "_".join(words) if len(words) < len(_words(name)) else name.casefold()


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[ _.+]+|-(?=[a-z])", name.casefold()) if word]


def _channel_keys(items: Sequence[DatasetItem]) -> dict[int, Hashable]:
    """Return folder and name of the channels ``x_0000``, ``x_0001`` of several ``x``.

    Slices of one long numbering, ``scan_0000`` to ``scan_0999``, are no channels.
    """
    bases: dict[str, dict[str, dict[int, str]]] = defaultdict(lambda: defaultdict(dict))
    for at, item in enumerate(items):
        if match := CHANNEL.search(name := _name(item)):
            folder = item.name.rpartition("/")[0]
            bases[folder][name[: match.start()]][at] = match.group(1)
    return {
        at: (folder, base)
        for folder, several in bases.items()
        for base, channels in several.items()
        if len(several) > 1 and "0000" in channels.values() and len(channels) <= MOST_CHANNELS
        for at in channels
    }


# -- patients ----------------------------------------------------------------------


def tie_patients(
    items: Sequence[DatasetItem], places: Sequence[Place]
) -> tuple[list[DatasetItem], list[str]]:
    """Join what folders and DICOM headers tell of the patients.

    All files in a patient's folder are one patient, and so are the folders of one header. An
    ID that stands in many folders of several classes is none, and the folders are believed.

    Args:
        items: items with `label`, `patient` of the folder and `header_patient`.
        places: where the patient's folder is, one per item.

    Returns:
        The items with their patients, and remarks "name: text".
    """
    named_items = [_with_subject(item) for item in items]
    stand_ins = _stand_ins(named_items, places)
    believed = [
        "" if item.header_patient in stand_ins else item.header_patient for item in named_items
    ]
    if not any(item.header_patient for item in named_items):
        return named_items, []
    groups = Groups()
    keys = [_keys(*one) for one in zip(named_items, places, believed, strict=True)]
    for several in keys:
        groups.join(several)
    roots = [groups.find(several[0]) if several else None for several in keys]
    patients = _group_names(roots, named_items, believed)
    found = [
        replace(item, patient=patients.get(root, item.patient))
        for item, root in zip(named_items, roots, strict=True)
    ]
    return found, _disagreements(named_items, found, stand_ins)


def join_spellings(items: Sequence[DatasetItem]) -> tuple[list[DatasetItem], list[str]]:
    """Give a patient one name, whose spellings differ in case, spaces or leading zeros.

    Returns:
        The items, and remarks "name: text".
    """
    first: dict[str, str] = {}
    for item in items:
        first.setdefault(_person_key(item.patient), item.patient)
    named_once = [first[_person_key(item.patient)] for item in items]
    found = [
        item if item.patient == name else replace(item, patient=name)
        for item, name in zip(items, named_once, strict=True)
    ]
    joined = [
        (one.patient, other.patient)
        for one, other in zip(items, found, strict=True)
        if one.patient != other.patient
    ]
    if not joined:
        return found, []
    one, other = joined[0]
    return found, [
        f"patients: {other!r} and {one!r} are taken for one person, and so are"
        f" {len(dict.fromkeys(joined)):,} spellings in all; write names that differ if they are not"
    ]


def _person_key(patient: str) -> str:
    """Return what spellings such as ``Pat 07`` and ``pat_7`` share."""
    text = re.sub(r"(?<=[^\W\d_])[ _-]+(?=\d)", "", spelling_key(patient))
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


def _with_subject(item: DatasetItem) -> DatasetItem:
    return item if item.patient else replace(item, patient=named_person(_name(item)))


def _folder_key(item: DatasetItem, place: Place) -> tuple[str, ...]:
    """Return the path of the patient's folder, or the name alone."""
    if place.patient_at < 0:
        return (item.patient,)
    return place.path[: place.patient_at + 1]


def _keys(item: DatasetItem, place: Place, header: str) -> list[Hashable]:
    keys: list[Hashable] = []
    if item.patient:
        keys.append(("folder", _folder_key(item, place)))
    if item.patient and not header:
        keys.append(("name", item.patient))
    if header:
        keys.append(("header", header))
    return keys


def _group_names(
    roots: Sequence[Hashable | None], items: Sequence[DatasetItem], believed: Sequence[str]
) -> dict[Hashable | None, str]:
    """Name each group by its header if all its items have that one, else by its first folder."""
    headers: dict[Hashable | None, set[str]] = defaultdict(set)
    folders: dict[Hashable | None, str] = {}
    for root, item, header in zip(roots, items, believed, strict=True):
        headers[root].add(header)
        if item.patient:
            folders.setdefault(root, item.patient)
    return {
        root: next(iter(names)) if len(names) == 1 and "" not in names else folders.get(root, "")
        for root, names in headers.items()
        if root is not None
    }


def _stand_ins(items: Sequence[DatasetItem], places: Sequence[Place]) -> set[str]:
    """Return the header IDs that are none: in many patients' folders of several classes."""
    folders: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    labels: dict[str, set[str]] = defaultdict(set)
    for item, place in zip(items, places, strict=True):
        if item.header_patient and item.patient:
            folders[item.header_patient].add(_folder_key(item, place))
            labels[item.header_patient].add(item.label)
    count = len(set().union(*folders.values()))
    classes = len({item.label for item in items})
    return {
        header
        for header, several in folders.items()
        if len(several) >= max(MIN_FOLDERS, COVERED * count)
        and (len(labels[header]) > 1 or (classes == 1 and len(several) == count))
    }


def _disagreements(
    items: Sequence[DatasetItem], found: Sequence[DatasetItem], stand_ins: set[str]
) -> list[str]:
    """Return the remark on headers and folders that disagree."""
    both = [at for at, item in enumerate(items) if item.header_patient and item.patient]
    headers = len({items[at].header_patient for at in both})
    folders = len({items[at].patient for at in both})
    patients = len({found[at].patient for at in both})
    if stand_ins:
        believed = "the folders are believed, as one ID in folders of several classes is none"
    elif patients < max(headers, folders):
        believed = f"what either ties is tied, {patients:,} in all"
    else:
        return []
    return [
        f"patients: the headers name {headers:,} patients, the folders {folders:,}: {believed};"
        " a table with `patient` overrules"
    ]
