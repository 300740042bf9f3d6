"""Find the one rule of a set's masks by a first pass over all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from scanvote.core.errors import InputError
from scanvote.core.machine import raise_fault
from scanvote.core.parallel import parallel_imap
from scanvote.core.processors import allowed_processors
from scanvote.datasets.scan_list import Finding
from scanvote.datasets.user_data.array_files import read_picture
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout, first_few
from scanvote.datasets.user_data.mask_files import StoredMask, stored_masks
from scanvote.datasets.user_data.mask_values import ValueCounts, Values, count_values
from scanvote.datasets.user_data.masks import MaskRule, describe_values, find_rule
from scanvote.datasets.user_data.readers import (
    is_segmentation,
    is_volume,
    read_mask_volume,
)
from scanvote.datasets.volumes.dicom_seg import read_segment_numbers
from scanvote.params import Params

MAX_COLOURS = 8
"""Maximum of colours in a message."""
VOLUMES_WORTH_A_POOL, IMAGES_WORTH_A_POOL = 32, 4000
"""Masks from which several processes save time in spite of their start."""


@dataclass
class MaskCounts:
    """Counts of the masks of a set.

    Attributes:
        values, alpha, colours: of the values, of the alpha channel, and of the colours of masks
            with colours, as 0xRRGGBB.
        colours_vary, alpha_varies: whether any mask holds several of them.
        plain: whether all are `StoredMask.plain`.
    """

    values: ValueCounts = field(default_factory=ValueCounts)
    alpha: ValueCounts = field(default_factory=ValueCounts)
    colours: ValueCounts = field(default_factory=ValueCounts)
    colours_vary: bool = False
    alpha_varies: bool = False
    plain: bool = True

    def add(self, other: "MaskCounts") -> None:
        """Add the counts of other masks."""
        self.values.add(other.values)
        self.alpha.add(other.alpha)
        self.colours.add(other.colours)
        self.colours_vary |= other.colours_vary
        self.alpha_varies |= other.alpha_varies
        self.plain &= other.plain


def find_mask_rule(layout: DatasetLayout, params: Params) -> tuple[MaskRule, list[Finding]]:
    """Return what the masks of `layout` mark, and a finding where that is not plain.

    Raises:
        InputError: no mask holds a label of ``segmentation.mask_labels``.
    """
    items = list(_with_masks(layout.items))
    if not items:
        return MaskRule(), []
    total = MaskCounts()
    for counts in parallel_imap(_count_masks, items, "Read masks", _processes(items)):
        total.add(counts)
    use_alpha = total.alpha_varies and not total.colours_vary
    labels = params.segmentation.mask_labels
    if labels and all(str(label).startswith("#") for label in labels):
        return _colour_rule(total.colours, labels)
    chosen = total.alpha if use_alpha else total.values
    coloured = not use_alpha and not total.colours.soft and len(total.colours.exact or ()) > 1
    if coloured and labels is None:
        _check_black(total.colours)
    rule = find_rule(chosen, labels, layout.labels, use_alpha, layout.ignored_values)
    if total.plain and labels is None and len(chosen.exact or ()) == 1 and rule.chosen is None:
        return replace(rule, copies=True), []
    text = describe_values(chosen, rule)
    if coloured and labels is None:
        colours = first_few(_colour_names(total.colours), MAX_COLOURS)
        text = (
            f"the masks hold the colours {colours}: any but black is marked; to mark only some, set"
            f' segmentation.mask_labels, such as ["{next(iter(_colour_names(total.colours)))}"]'
        )
    return rule, [Finding("mask_values", "", text)] if text else []


def _processes(items: Sequence[DatasetItem]) -> int:
    volumes = sum(is_volume(item.mask) for item in items if item.mask)
    worth_it = volumes >= VOLUMES_WORTH_A_POOL or len(items) >= IMAGES_WORTH_A_POOL
    return allowed_processors() if worth_it else 1


def _colour_rule(
    counts: ValueCounts, labels: Sequence[int | str]
) -> tuple[MaskRule, list[Finding]]:
    """Return the rule that marks the colours `labels`, such as ``#ff0000``."""
    if counts.exact is None:
        raise InputError(
            "segmentation.mask_labels: the masks hold too many colours to choose from, as of JPEG"
            " or soft edges; save them as PNG with a colour for each label"
        )
    names = {name: (code,) for name, code in _colour_names(counts).items()}
    exact = replace(counts, soft=0)
    rule = find_rule(exact, [str(label).lower() for label in labels], names)
    held, marked = first_few(names, MAX_COLOURS), ", ".join(map(str, labels))
    text = (
        f"the masks hold the colours {held}: marked is {marked}, as segmentation.mask_labels says"
    )
    return replace(rule, use_colours=True), [Finding("mask_values", "", text)]


def _check_black(counts: ValueCounts) -> None:
    if not counts.least:
        return
    names = list(_colour_names(counts))
    raise InputError(
        "no pixel of any mask is black, so all of each image would be marked; set"
        f' segmentation.mask_labels to the colours to mark, such as ["{names[0]}"]; they hold'
        f" {first_few(names, MAX_COLOURS)}"
    )


def _colour_names(counts: ValueCounts) -> dict[str, int]:
    return {f"#{int(code):06x}": int(code) for code in sorted(counts.exact or ())}


def values_of(mask: StoredMask, rule: MaskRule) -> Values:
    """Return the values of `mask` on which `rule` decides."""
    if rule.use_colours:
        return mask.codes()
    values = mask.alpha if rule.use_alpha and mask.alpha is not None else mask.values
    return np.where(values < rule.lossy_cut, 0, values) if mask.lossy else values


def _with_masks(items: Sequence[DatasetItem]) -> Iterator[DatasetItem]:
    """Yield one item for each mask; contrasts may share one."""
    seen: set[tuple[Path | None, str]] = set()
    for item in items:
        key = item.mask, item.name if item.kind == "array" else ""
        if item.mask and key not in seen:
            seen.add(key)
            yield item


def _count_masks(item: DatasetItem) -> MaskCounts:
    total = MaskCounts()
    try:
        for mask in _masks(item):
            total.add(_count_mask(mask))
    except InputError as error:
        raise_fault(error)
        return MaskCounts()  # ingest leaves the item out, with its reason
    return total


def _masks(item: DatasetItem) -> Iterator[StoredMask]:
    if item.kind == "array":
        mask = read_picture(item)[1]
        if mask is not None:
            yield StoredMask(mask)
    elif item.mask and is_segmentation(item.mask):
        yield StoredMask(read_segment_numbers(item.mask))
    elif item.mask and is_volume(item.mask):
        yield StoredMask(read_mask_volume(item.mask).voxels)
    elif item.mask:
        yield from stored_masks(item.mask)


def _count_mask(mask: StoredMask) -> MaskCounts:
    counts = MaskCounts(count_values(mask.values, mask.lossy), plain=mask.plain)
    if mask.colours is not None:
        counts.colours = count_values(mask.codes(), mask.lossy)
    if mask.alpha is None:
        counts.colours_vary = counts.values.peak > 0
    else:
        counts.alpha = count_values(mask.alpha, mask.lossy)
        counts.colours_vary = not mask.constant
        counts.alpha_varies = bool(mask.alpha.min() < mask.alpha.max())
    return counts
