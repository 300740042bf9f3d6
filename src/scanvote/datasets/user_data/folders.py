"""Read a folder of the user's: class folders, or images with masks.

What each level of the folders is, `levels` decides; who is on a scan, `people`. A folder that
repeats the tree beside it is left out, and so are masks among the classes.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.class_names import check_spellings
from scanvote.datasets.user_data.layout import (
    KINDS,
    DatasetItem,
    DatasetLayout,
    NotForTask,
    SkippedFile,
    first_few,
)
from scanvote.datasets.user_data.levels import place_classes, place_images
from scanvote.datasets.user_data.mask_pixels import masks_by_pixels
from scanvote.datasets.user_data.pairs import Pairs, pair
from scanvote.datasets.user_data.people import (
    contrast_classes,
    join_spellings,
    tie_numbers,
    tie_patients,
)
from scanvote.datasets.user_data.place import Place
from scanvote.datasets.user_data.repeats import without_derived, without_repeats
from scanvote.datasets.user_data.scan_tree import FileTree, FoundFile, list_files
from scanvote.datasets.user_data.series import dicom_items
from scanvote.datasets.volumes.dicom_kinds import SEGMENTATION
from scanvote.params import Params, Task

CLASS_FOLDERS = "a folder a class"
"""`DatasetLayout.kind` of folders of classes."""


def read_folder(root: Path, task: Task, params: Params) -> DatasetLayout:
    """Read the layout of the folder `root` for `task`.

    Raises:
        AmbiguousLayout: the folders can be read in two ways.
        InputError: there are no images; for classification fewer than two classes, an empty one
            or one in two spellings; for segmentation no masks, or a mask without its image.
    """
    tree = list_files(root)
    if not tree.files:
        raise InputError(f"{root} holds no {KINDS}{_other_content(tree)}")
    files, repeated = without_repeats(tree.files)
    files, derived = without_derived(files)
    tree.skipped.extend([*repeated, *derived])
    pairs = pair(files)
    masks = (
        _masks_among_classes(pairs)
        if task == "classification"
        else dict.fromkeys(pairs.used, "a mask")
    )
    rasters = [file for file in files if file.kind != "dicom" and file.name not in masks]
    dicom = [file for file in files if file.kind == "dicom"]
    series, skipped = dicom_items(dicom, with_masks=task == "segmentation")
    items = [DatasetItem(one.name, one.kind, (one.path,)) for one in rasters] + series
    tree.skipped.extend(skipped)
    if task == "classification":
        tree.skipped.extend(SkippedFile(name, reason) for name, reason in masks.items())
        return _classes(root, tree, items, params)
    return _with_masks(root, tree, items, pairs, params)


def _masks_among_classes(pairs: Pairs) -> dict[str, str]:
    """Return the masks among the classes, with the reason why they are left out.

    A class may be called ``mask``, so the pixels of some files decide, where they can.
    """
    by_name = {mask.name: mask for several in pairs.masks.values() for mask in several}
    used = [file for name, file in by_name.items() if name in pairs.used]
    paired = masks_by_pixels(used, unsure=True)
    alone = masks_by_pixels(pairs.orphans, unsure=bool(paired))
    without = _in_order(pairs.orphans, alone)
    return dict.fromkeys(sorted(paired), "a mask, which classification does not use") | (
        dict.fromkeys(without, "a mask without an image")
    )


def _in_order(files: Sequence[FoundFile], names: set[str]) -> list[str]:
    return [file.name for file in files if file.name in names]


def _classes(root: Path, tree: FileTree, items: list[DatasetItem], params: Params) -> DatasetLayout:
    places, notes = place_classes(root, [_folders(item) for item in items], params.folders)
    pairs = [(item, place) for item, place in zip(items, places, strict=True) if place.label]
    tree.skipped.extend(
        SkippedFile(item.name, place.reason)
        for item, place in zip(items, places, strict=True)
        if not place.label
    )
    if len({place.label for _, place in pairs}) < 2:
        raise NotForTask(
            f"{root} has no two folders of classes; classification needs them, such as yes/ and"
            f" no/, or a table of path and label{_other_content(tree)}"
        )
    check_spellings(root, (place.label for _, place in pairs), params.classification.labels)
    parents = {place.path[: place.at] for _, place in pairs}
    for name in tree.empty:
        if tuple(name.split("/")[:-1]) in parents:
            raise InputError(f"{root / name} holds no scan; fill the class, or remove its folder")
    if contrasts := contrast_classes({place.label for _, place in pairs}):
        several = first_few(sorted(contrasts))
        notes.append(f"classes: {several} are named like contrasts, not like diagnoses")
    told, remarks = _tied([_placed(*one) for one in pairs], [place for _, place in pairs])
    return DatasetLayout(CLASS_FOLDERS, told, tree.skipped, notes + remarks)


def _placed(item: DatasetItem, place: Place) -> DatasetItem:
    return replace(
        item,
        label=place.label,
        source_split=place.part,
        patient=place.patient,
        facts=dict(place.facts),
    )


def _tied(
    items: Sequence[DatasetItem], places: Sequence[Place]
) -> tuple[list[DatasetItem], list[str]]:
    known, notes = tie_patients(items, places)
    joined, spellings = join_spellings(known)
    found, numbers = tie_numbers(joined, places)
    return found, [*notes, *spellings, *numbers]


def _with_masks(
    root: Path, tree: FileTree, items: list[DatasetItem], pairs: Pairs, params: Params
) -> DatasetLayout:
    if not pairs.used and not any(item.mask for item in items):
        alike = [file.name for file in pairs.orphans]
        raise NotForTask(
            f"{root} has no masks; segmentation needs x_mask.png beside x.png, or a folder"
            " masks/ beside images/, a DICOM SEG beside its series, or a table of path and mask"
            f"{f'; no image goes with {first_few(alike)}' if alike else _other_masks(tree)}"
        )
    _check_pairs(root, pairs)
    places = place_images(root, [_folders(item) for item in items], params.folders)
    placed = []
    for item, place in zip(items, places, strict=True):
        known = _placed(item, place)
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
    told, notes = _tied(placed, places)
    return DatasetLayout(f"images with masks {where}", told, tree.skipped, notes)


def _check_pairs(root: Path, pairs: Pairs) -> None:
    if pairs.orphans:
        raise InputError(
            f"{root}: no image goes with {first_few(file.name for file in pairs.orphans)};"
            " add the images, or move the masks away"
        )
    for name, masks in pairs.masks.items():
        if len(masks) > 1:
            several = first_few(mask.name for mask in masks)
            raise InputError(f"{root}: {name} has several masks ({several}); join them into one")


def _folders(item: DatasetItem) -> tuple[str, ...]:
    return tuple(item.name.split("/")[:-1])


def _other_masks(tree: FileTree) -> str:
    """Describe the tables and DICOM Segmentations, for messages."""
    objects = [one.name for one in tree.skipped if one.reason.startswith(SEGMENTATION)]
    text = f"; its {len(objects):,} DICOM SEG can be the masks of such a table" if objects else ""
    return text + _tables(tree)


def _tables(tree: FileTree) -> str:
    tables = [one.name for one in tree.skipped if _is_table(one.name)]
    return f"; to use its table, name {tables[0]} itself" if tables else ""


def _is_table(name: str) -> bool:
    return name.lower().endswith((".csv", ".tsv"))


def _other_content(tree: FileTree) -> str:
    """Describe the other files and folders, for messages."""
    text = _tables(tree)
    text += f"; nothing is in {first_few(f'{name}/' for name in tree.empty)}" if tree.empty else ""
    rest = [one for one in tree.skipped if not _is_table(one.name)]
    return text + (f"; not read: {rest[0].name}, {rest[0].reason}" if rest else "")
