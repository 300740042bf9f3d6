"""Read a folder of the user's: class folders, or images with masks.

Folders that contain everything (``study/``) are skipped; folders that are all named like parts
(``train/``, ``val/``, ``test/``) give the published split. Of the remaining folders, the first
is the class (for classification), and the next one is the patient. Folders named after a plane,
a contrast or a format are no patients.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.layout import (
    KINDS,
    DatasetItem,
    DatasetLayout,
    SkippedFile,
    first_few,
)
from scanvote.datasets.user_data.pairs import FOLDER, Pairs, pair
from scanvote.datasets.user_data.scan_tree import FileTree, list_files
from scanvote.datasets.user_data.series import dicom_items
from scanvote.params import FoldersParams, Task

PARTS = re.compile(r"(train|test|val|valid|dev)(ing|ation)?([_ -]?(set|data))?$", re.IGNORECASE)
"""Name of a folder with one part of a published split."""
PLANES = frozenset({"axial", "coronal", "sagittal"})
CONTRASTS = frozenset({"t1", "t1c", "t1ce", "t1gd", "t2", "flair", "pd", "dwi", "adc", "ct"})
FORMATS = re.compile(
    r"(image|img|scan|slice|photo|picture|dicom|dcm|nifti|nii|jpe?g|png|tiff?|original|raw|data)"
    r"s?([Tt][rs])?$",
    re.IGNORECASE,
)
"""Name of a folder that describes the files in it, but not their patient."""


def read_folder(root: Path, task: Task, levels: FoldersParams) -> DatasetLayout:
    """Read the layout of the folder `root` for `task`.

    Raises:
        InputError: there are no images; for classification fewer than two classes or an empty one;
            for segmentation no masks, or a mask without its image.
    """
    tree = list_files(root)
    if not tree.files:
        raise InputError(f"{root} holds no {KINDS}{_other_content(tree)}")
    pairs = pair(tree.files)
    masks = pairs.used | {file.name for file in pairs.orphans if pairs.used}
    rasters = [file for file in tree.files if file.kind != "dicom" and file.name not in masks]
    series, skipped = dicom_items([file for file in tree.files if file.kind == "dicom"])
    items = [DatasetItem(one.name, one.kind, (one.path,)) for one in rasters] + series
    tree.skipped.extend(skipped)
    if task == "classification":
        orphans = pairs.orphans if pairs.used else []  # without any mask, they are images
        tree.skipped.extend(SkippedFile(file.name, "a mask without an image") for file in orphans)
        return _classes(root, tree, items)
    return _with_masks(root, tree, items, pairs)


def _classes(root: Path, tree: FileTree, items: list[DatasetItem]) -> DatasetLayout:
    depth, parts = _split_paths([_folders(item) for item in items], strays=True)
    placed = []
    for item, (part, rest) in zip(items, parts, strict=True):
        if not rest:
            tree.skipped.append(SkippedFile(item.name, "it lies beside the folders of the classes"))
            continue
        patient, facts = _patient_and_facts(rest[1:])
        placed.append(replace(item, label=rest[0], source_split=part, patient=patient, facts=facts))
    if len({item.label for item in placed}) < 2:
        raise InputError(
            f"{root} has no two folders of classes; classification needs them, such as yes/ and"
            f" no/, or a table of path and label{_other_content(tree)}"
        )
    parents = {_folders(item)[:depth] for item in placed}
    for name in tree.empty:
        if tuple(name.split("/")[:-1]) in parents:
            raise InputError(f"{root / name} holds no scan; fill the class, or remove its folder")
    return DatasetLayout("a folder a class", placed, tree.skipped)


def _with_masks(
    root: Path, tree: FileTree, items: list[DatasetItem], pairs: Pairs
) -> DatasetLayout:
    if not pairs.used:
        alike = [file.name for file in pairs.orphans]
        raise InputError(
            f"{root} has no masks; segmentation needs x_mask.png beside x.png, or a folder"
            " masks/ beside images/, or a table of path and mask"
            f"{f'; no image goes with {first_few(alike)}' if alike else _other_content(tree)}"
        )
    _check_pairs(root, pairs)
    _, parts = _split_paths([_folders(item) for item in items])
    placed = []
    for item, (part, rest) in zip(items, parts, strict=True):
        patient, facts = _patient_and_facts(rest)
        known = replace(item, source_split=part, patient=patient, facts=facts)
        # the integrity check reports an image without a mask, and excludes it
        for mask in pairs.masks.get(item.name, []):
            known = replace(known, mask=mask.path, mask_name=mask.name)
        placed.append(known)
    beside = all(
        PurePosixPath(item.name).parent == PurePosixPath(item.mask_name).parent
        for item in placed
        if item.mask
    )
    where = "in the same folder, by a suffix" if beside else "in a folder of their own"
    return DatasetLayout(f"images with masks {where}", placed, tree.skipped)


def _check_pairs(root: Path, pairs: Pairs) -> None:
    if pairs.orphans:
        raise InputError(
            f"{root}: {len(pairs.orphans)} masks have no image"
            f" ({first_few(file.name for file in pairs.orphans)}); add the images or move them away"
        )
    for name, masks in pairs.masks.items():
        if len(masks) > 1:
            several = first_few(mask.name for mask in masks)
            raise InputError(f"{root}: {name} has several masks ({several}); join them into one")


def _folders(item: DatasetItem) -> tuple[str, ...]:
    return tuple(item.name.split("/")[:-1])


def _split_paths(
    paths: Sequence[tuple[str, ...]], strays: bool = False
) -> tuple[int, list[tuple[str, tuple[str, ...]]]]:
    """Count the leading folders that all items share, and split each path.

    Returns:
        The number of leading folders, and for each path its part of the published split and
        the remaining folders. With `strays`, a file in a leading folder does not end the
        count; its remaining folders are empty.
    """
    depth, part_at = 0, -1
    while True:
        names = {path[depth] for path in paths if len(path) > depth}
        parted = bool(names) and all(PARTS.match(name) for name in names)
        if parted and part_at < 0:
            part_at = depth
        elif len(names) != 1 or (not strays and any(len(path) <= depth for path in paths)):
            break
        depth += 1
    parts = [(path[part_at] if -1 < part_at < len(path) else "", path[depth:]) for path in paths]
    return depth, parts


def _patient_and_facts(folders: Sequence[str]) -> tuple[str, Mapping[str, str]]:
    """Return the patient and the metadata that the folder names give."""
    patient, facts = "", {}
    for name in folders:
        if name.lower() in PLANES:
            facts["plane"] = name.lower()
        elif name.lower() in CONTRASTS:
            facts["contrast"] = name
        elif not patient and not FORMATS.match(name) and not FOLDER.match(name):
            patient = name
    return patient, facts


def _other_content(tree: FileTree) -> str:
    """Describe the other files and folders, for messages."""
    tables = [one.name for one in tree.skipped if one.name.lower().endswith((".csv", ".tsv"))]
    text = f"; to use its table, name {tables[0]} itself" if tables else ""
    text += f"; nothing is in {first_few(f'{name}/' for name in tree.empty)}" if tree.empty else ""
    rest = [one for one in tree.skipped if one.name not in tables]
    return text + (f"; not read: {rest[0].name}, {rest[0].reason}" if rest else "")
