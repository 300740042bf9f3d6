"""Ingest images: copies as they are, slices of TIFF pages, pictures in arrays."""

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from scanvote.core.errors import InputError
from scanvote.datasets.scan_list import Finding
from scanvote.datasets.user_data.array_files import read_picture
from scanvote.datasets.user_data.ingested import Ingested, Target, as_scan, series_of
from scanvote.datasets.user_data.layout import DatasetItem
from scanvote.datasets.user_data.mask_files import stored_masks
from scanvote.datasets.user_data.mask_rule import values_of
from scanvote.datasets.volumes.slicing import select_slices, shared_window, write_png
from scanvote.images.decode import DecodeError, decode_pages, page_sizes

BLOCK = 1 << 20
TIFF_ENDINGS = (".tif", ".tiff")


def ingest_image(target: Target, item: DatasetItem) -> Ingested:
    """Write an image as it is, with its mask; a TIFF of several as slices.

    Raises:
        InputError: a file cannot be read, or the masks are not one for each image.
    """
    findings = []
    if item.files[0].suffix.lower() in TIFF_ENDINGS:
        sizes = page_sizes(item.files[0])
        if len(sizes) > 1 and len(set(sizes)) == 1:
            return _ingest_pages(target, item)
        if len(sizes) > 1:
            text = f"{item.name}: {len(sizes)} pictures of several sizes; the first is used"
            findings.append(Finding("several_pictures", item.name, text))
    (_link if target.link else _copy)(item.files[0], target.folder / item.name)
    mask_name = _ingest_mask(target, item, item.mask) if item.mask else ""
    return Ingested([as_scan(item, item.name, mask_name, {})], findings=findings)


def _ingest_mask(target: Target, item: DatasetItem, path: Path) -> str:
    """Write the mask of an image; return its name."""
    count = len(page_sizes(path)) if path.suffix.lower() in TIFF_ENDINGS else 1
    if count > 1:
        raise InputError(f"{path} holds {count} masks, {item.files[0]} one image; part them")
    try:
        mask = None if target.rule.copies else next(stored_masks(path))
    except DecodeError:  # the integrity check reports it, and excludes the scan
        mask = None
    if mask is None:
        name = PurePosixPath(item.mask_name).with_name(path.name).as_posix()
        (_link if target.link else _copy)(path, target.folder / name)
        return name
    write_png(target.rule.marked(values_of(mask, target.rule)), target.folder / item.mask_name)
    return item.mask_name


def _ingest_pages(target: Target, item: DatasetItem) -> Ingested:
    """Write the pages of a TIFF as slices of one scan."""
    images = np.stack([*decode_pages(item.files[0])])
    if images.dtype != np.uint8:
        images = shared_window(images, target.params.volumes)
    masks = [*stored_masks(item.mask)] if item.mask else []
    if masks and len(masks) != len(images):
        raise InputError(
            f"{item.mask} holds {len(masks)} pages, {item.files[0]} {len(images)}; a mask needs"
            " one for each"
        )
    known = replace(item, series=item.series or series_of(item))
    scans = []
    for number in select_slices(images.max(axis=3), 0, target.params.volumes):
        name = f"{series_of(item)}-{number:03d}"
        write_png(images[number][:, :, ::-1], target.folder / f"{name}.png")
        if masks:
            mask = target.rule.marked(values_of(masks[number], target.rule))
            write_png(mask, target.folder / f"{name}_mask.png")
        scans.append(as_scan(known, f"{name}.png", f"{name}_mask.png" if masks else "", {}))
    return Ingested(scans)


def ingest_array(target: Target, item: DatasetItem) -> Ingested:
    """Write a picture of an array, and its mask, as PNG.

    Raises:
        InputError: the file is damaged.
    """
    image, mask = read_picture(item)
    name = item.name if item.name.lower().endswith(".png") else f"{item.name}.png"
    write_png(image if image.ndim == 2 else image[:, :, ::-1], target.folder / name)
    mask_name = ""
    if mask is not None:
        mask_name = f"{name[:-4]}_mask.png"
        write_png(target.rule.marked(mask), target.folder / mask_name)
    return Ingested([as_scan(item, name, mask_name, {})])


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open("rb") as file:
            _block(file, 1)
        target.unlink(missing_ok=True)  # contrasts may share a mask
        target.symlink_to(source.resolve())
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from None


def _copy(source: Path, target: Path) -> None:
    try:
        file = source.open("rb")
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    with file, target.open("wb") as copy:
        while block := _block(file):
            copy.write(block)


def _block(file: IO[bytes], size: int = BLOCK) -> bytes:
    """Read the next bytes.

    Only a read error is a fault of the file; a write error keeps its own type.
    """
    try:
        return file.read(size)
    except OSError as error:
        raise InputError(f"{file.name} cannot be read: {error.strerror}") from None
