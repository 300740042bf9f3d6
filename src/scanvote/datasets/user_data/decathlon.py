"""Read the Medical Segmentation Decathlon's ``dataset.json``, and lists like it.

It lists images with masks under ``training``, with paths such as ``./imagesTr/a.nii.gz``. nnU-Net
version 1 uses the same list, but stores the channels of ``a.nii.gz`` in ``a_0000.nii.gz``,
``a_0001.nii.gz``…; MONAI's lists may name several images per case, and folds. Its counts, such
as ``numTraining``, are not used. Test images have no masks.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
from scanvote.datasets.user_data.scan_tree import CHANNEL, stem
from scanvote.params import Params, Task

PARTS = {"training": "train", "validation": "val", "test": "test", "testing": "test"}
"""Lists of cases, with their part."""
MOST = 32
"""Maximum channels of a case."""


def read_decathlon(root: Path, base: Path, task: Task, params: Params) -> DatasetLayout:
    """Read the cases that ``dataset.json`` in `base` lists.

    Args:
        root: the user's folder, with `base` in it or the same.
        base: folder of ``dataset.json``.
        task, params: as in `read_layout`.

    Raises:
        InputError: the task is classification; dataset.json is wrong, or lists a file that
            does not exist, or no image with a mask.
    """
    source = base / DATASET_JSON
    if task == "classification":
        raise InputError(
            f"{source} lists images with masks but no classes;"
            " classification needs a table of path and label"
        )
    content = read_json(source)
    cases = _cases(base, content)
    if not cases:
        raise InputError(f"{source} lists no image with its mask under training")
    check_present(cases, source)
    items, skipped = case_items(root, cases, params.volumes)
    unlabelled = dict.fromkeys(
        _unlabelled(base, content), f"{DATASET_JSON} lists it without a mask"
    )
    skipped += left_over(root, cases, (source,), unlabelled, f"{DATASET_JSON} does not list it")
    kind, labels = f"images with masks listed in {DATASET_JSON}", content.get("labels", {})
    return DatasetLayout(kind, items, skipped, _notes(cases, content), label_values(labels, source))


def _cases(base: Path, content: Json) -> list[Case]:
    cases = [
        _case(base, entry, part, content)
        for name, part in PARTS.items()
        for entry in _entries(base, content, name)
        if isinstance(entry, dict) and entry.get("label")
    ]
    return told_parts(cases)


def _entries(base: Path, content: Json, name: str) -> Sequence[Any]:
    entries = content.get(name, [])
    if not isinstance(entries, list):
        raise InputError(f"{base / DATASET_JSON}: its {name} is no list of cases; correct it")
    return entries


def _case(base: Path, entry: Json, part: str, content: Json) -> Case:
    source = base / DATASET_JSON
    names = entry.get("image")
    several = names if isinstance(names, list) else [names]
    paths = [file_below(base, one, source) for one in several]
    channels = _channels(paths, content)
    name = CHANNEL.sub("", stem(paths[0].relative_to(base).as_posix()))
    if not isinstance(entry["label"], str):
        raise InputError(
            f"{source} lists the label {entry['label']!r} of {names}, no file of a mask;"
            " to learn classes, write a table of path and label"
        )
    fold = entry.get("fold")
    if isinstance(fold, int):
        part = f"fold{fold + 1}"
    return Case(name, channels, file_below(base, entry["label"], source), part)


def _channels(paths: Sequence[Path], content: Json) -> list[Channel]:
    """Return the files of a case, of nnU-Net if only these exist."""
    if len(paths) == 1 and not paths[0].exists():
        start = stem(paths[0].name)
        ending = paths[0].name.removeprefix(start)
        numbered = [paths[0].with_name(f"{start}_{number:04d}{ending}") for number in range(MOST)]
        channels = [
            Channel(number, path, channel_contrast(content, number))
            for number, path in enumerate(numbered)
            if path.is_file()
        ]
        if channels:
            return channels
    several = len(paths) > 1
    return [
        Channel(number, path, channel_contrast(content, number) if several else "")
        for number, path in enumerate(paths)
    ]


def _unlabelled(base: Path, content: Json) -> list[Path]:
    """Return the listed images without a mask: paths, or entries without label."""
    names: list[object] = []
    for part in PARTS:
        for entry in _entries(base, content, part):
            if not isinstance(entry, dict):
                names.append(entry)
            elif not entry.get("label"):
                image = entry.get("image")
                names += image if isinstance(image, list) else [image]
    source = base / DATASET_JSON
    return [
        one.path for name in names for one in _channels([file_below(base, name, source)], content)
    ]


def _notes(cases: Sequence[Case], content: Json) -> list[str]:
    modality = content.get("modality")
    names = [str(one) for one in modality.values()] if isinstance(modality, dict) else []
    channels = f", with the channels {first_few(names, 8)}" if len(names) > 1 else ""
    tied = "; those of a case stay together" if channels else ""
    return [f"cases: {len(cases):,}{channels}{tied}"]
