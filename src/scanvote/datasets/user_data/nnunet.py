"""Read nnU-Net's folder of raw data: ``imagesTr``, ``labelsTr`` and ``dataset.json``.

An image is a channel of its case, ``<case>_0000<file_ending>``; the channels of a case share
the mask ``labelsTr/<case><file_ending>``. A case is a person at one time, but which cases
are of one person is not told. Images of ``imagesTs`` are used if ``labelsTs`` has their masks.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.dataset_json import (
    DATASET_JSON,
    Case,
    Channel,
    Json,
    case_items,
    channel_contrast,
    check_present,
    file_below,
    label_values,
    left_over,
    read_json,
    told_parts,
)
from scanvote.datasets.user_data.layout import DatasetLayout, first_few
from scanvote.datasets.user_data.scan_tree import CHANNEL, list_files, stem
from scanvote.params import Params, Task

PARTS = {"imagesTr": ("labelsTr", "train"), "imagesTs": ("labelsTs", "test")}
"""Folders of images, each with the folder of its masks and its part."""
IGNORE = "ignore"
"""Name of the label of what is not annotated."""
SPLITS = "splits_final.json"


def read_nnunet(root: Path, base: Path, task: Task, params: Params) -> DatasetLayout:
    """Read the nnU-Net folder `base`, below the user's folder `root`.

    Raises:
        InputError: the task is classification; dataset.json is wrong; a mask has no image, or
            no image a mask.
    """
    if task == "classification":
        raise InputError(
            f"{base} is a folder of nnU-Net, which has masks but no classes;"
            " classification needs a table of path and label"
        )
    source = base / DATASET_JSON
    content = read_json(source)
    labels = label_values(content.get("labels"), source)
    ignored = labels.pop(IGNORE, ())
    cases, reasons = _cases(base, content)
    if not cases:
        raise InputError(
            f"{base} has no image with a mask; nnU-Net's are imagesTr/CASE_0000{_ending(content)}"
            f" and labelsTr/CASE{_ending(content)}"
        )
    cases, notes = _with_folds(base, cases)
    items, skipped = case_items(root, cases, params.volumes)
    otherwise = "not in nnU-Net's folders of images"
    skipped += left_over(root, cases, (source, base / SPLITS), reasons, otherwise)
    notes = [*_notes(cases, content, ignored), *notes]
    return DatasetLayout("nnU-Net's folder", items, skipped, notes, labels, ignored)


def _ending(content: Json) -> str:
    return str(content.get("file_ending", ".nii.gz"))


def _cases(base: Path, content: Json) -> tuple[list[Case], dict[Path, str]]:
    """Return the cases with a mask, and the other images with the reason."""
    listed = content.get("dataset")
    if isinstance(listed, dict) and listed:
        return _listed_cases(base, content, listed), {}
    cases: list[Case] = []
    reasons: dict[Path, str] = {}
    for images, (masks, part) in PARTS.items():
        found, unused = _cases_of(base / images, base / masks, part, content)
        cases += found
        reasons |= unused
    return told_parts(cases), reasons


def _cases_of(
    images: Path, masks: Path, part: str, content: Json
) -> tuple[list[Case], dict[Path, str]]:
    by_name = _files(masks, content)
    channels = _channels_of(images, by_name, content)
    lost = [path.name for name, path in by_name.items() if name not in channels]
    if lost:
        raise InputError(
            f"{masks}: {len(lost)} masks have no image in {images.name} ({first_few(lost)});"
            " add the images or move the masks away"
        )
    cases, unused = list[Case](), dict[Path, str]()
    for name, several in channels.items():
        if name in by_name:
            cases.append(Case(name, several, by_name[name], part))
        else:
            unused |= {one.path: f"its mask is not in {masks.name}" for one in several}
    return cases, unused


def _channels_of(
    images: Path, masks: Mapping[str, Path], content: Json
) -> Mapping[str, list[Channel]]:
    """Return the images in a folder by case; some omit the number of the only channel."""
    channels: dict[str, list[Channel]] = defaultdict(list)
    for name, path in _files(images, content).items():
        match = CHANNEL.search(name) if name not in masks else None
        case, number = (name[: match.start()], int(match[1])) if match else (name, 0)
        channels[case].append(Channel(number, path, channel_contrast(content, number)))
    return channels


def _files(folder: Path, content: Json) -> dict[str, Path]:
    """Return the files in `folder` by name without the ending."""
    if not folder.is_dir():
        return {}
    ending = _ending(content)
    files = [one for one in list_files(folder).files if "/" not in one.name]
    return {
        one.name.removesuffix(ending): one.path
        for one in files
        if one.name.endswith(ending) or "file_ending" not in content
    } or {stem(one.name): one.path for one in files}


def _listed_cases(base: Path, content: Json, listed: Json) -> list[Case]:
    """Return the cases of the key ``dataset``: ``{case: {images: [...], label: ...}}``."""
    source = base / DATASET_JSON
    cases = []
    for name, entry in listed.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("images"), list):
            raise InputError(f"{source}: the case {name!r} of its dataset has no list of images")
        paths = [file_below(base, one, source) for one in entry["images"]]
        channels = [
            Channel(number, path, channel_contrast(content, number))
            for number, path in enumerate(paths)
        ]
        cases.append(Case(name, channels, file_below(base, entry.get("label"), source)))
    check_present(cases, source)
    return cases


def _with_folds(base: Path, cases: Sequence[Case]) -> tuple[list[Case], list[str]]:
    """Take the folds of ``splits_final.json`` if they cover each case once."""
    if not (base / SPLITS).is_file() or any(case.source_split for case in cases):
        return list(cases), []
    folds = _validated(read_json(base / SPLITS))
    if sorted(folds) != sorted(case.name for case in cases):
        return list(cases), [f"folds: {SPLITS} does not validate on every case once; not used"]
    return [replace(case, source_split=f"fold{folds[case.name]}") for case in cases], [
        f"folds: {max(folds.values())} of {SPLITS}, used by split.protocol: official"
    ]


def _validated(splits: object) -> dict[str, int]:
    """Return the fold of each case, from 1; empty if some have several."""
    if not isinstance(splits, list) or not all(
        isinstance(fold, dict) and isinstance(fold.get("val"), list) for fold in splits
    ):
        return {}
    names = [(str(name), number) for number, fold in enumerate(splits, 1) for name in fold["val"]]
    return dict(names) if max(Counter(name for name, _ in names).values(), default=0) == 1 else {}


def _notes(cases: Sequence[Case], content: Json, ignored: Sequence[int]) -> list[str]:
    channels = {
        one.number: one.contrast or f"{one.number:04d}" for c in cases for one in c.channels
    }
    names = first_few((channels[number] for number in sorted(channels)), 8)
    notes = [f"cases: {len(cases):,}, with the channels {names}; those of a case stay together"]
    full = max(len(case.channels) for case in cases)
    fewer = [case.name for case in cases if len(case.channels) < full]
    if fewer:
        notes.append(f"channels: {len(fewer)} cases have fewer than {full} ({first_few(fewer)})")
    if ignored:
        values = ", ".join(map(str, ignored))
        notes.append(f"ignore: pixels of the value {values} are not annotated, and mark nothing")
    return notes
