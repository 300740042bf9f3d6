"""Find the one rule of a set's masks by a first pass over all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.core.parallel import parallel_imap
from scanvote.datasets.scan_list import Finding
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout
from scanvote.datasets.user_data.mask_files import StoredMask, Values, read_content, stored_masks
from scanvote.datasets.user_data.masks import (
    MaskRule,
    ValueCounts,
    count_values,
    describe_values,
    find_rule,
)
from scanvote.datasets.user_data.readers import (
    is_segmentation,
    is_volume,
    read_mask_volume,
    read_picture,
)
from scanvote.datasets.volumes.dicom_seg import read_segment_numbers
from scanvote.params import Params


@dataclass
class MaskCounts:
    """Counts of the masks of a set.

    Attributes:
        values, alpha: of the values and of the alpha channel.
        colours_vary, alpha_varies: whether any mask holds several of them.
    """

    values: ValueCounts = field(default_factory=ValueCounts)
    alpha: ValueCounts = field(default_factory=ValueCounts)
    colours_vary: bool = False
    alpha_varies: bool = False

    def add(self, other: "MaskCounts") -> None:
        """Add the counts of other masks."""
        self.values.add(other.values)
        self.alpha.add(other.alpha)
        self.colours_vary |= other.colours_vary
        self.alpha_varies |= other.alpha_varies


def find_mask_rule(layout: DatasetLayout, params: Params) -> tuple[MaskRule, list[Finding]]:
    """Return what the masks of `layout` mark, and a finding where that is not plain.

    Raises:
        InputError: no mask holds a label of ``segmentation.mask_labels``.
    """
    items = list(_with_masks(layout.items))
    if not items:
        return MaskRule(), []
    total = MaskCounts()
    for counts in parallel_imap(_count_masks, items, "Read masks"):
        total.add(counts)
    use_alpha = total.alpha_varies and not total.colours_vary
    chosen = total.alpha if use_alpha else total.values
    rule = find_rule(chosen, params.segmentation.mask_labels, layout.labels, use_alpha)
    text = describe_values(chosen, rule)
    return rule, [Finding("mask_values", "", text)] if text else []


def values_of(mask: StoredMask, rule: MaskRule) -> Values:
    """Return the values of `mask` on which `rule` decides."""
    return mask.alpha if rule.use_alpha and mask.alpha is not None else mask.values


def _with_masks(items: Sequence[DatasetItem]) -> Iterator[DatasetItem]:
    """Yield one item for each mask; contrasts may share one."""
    seen: set[tuple[Path | None, str, int | None]] = set()
    for item in items:
        own = "" if item.kind != "array" else item.name
        key = (item.mask, own, item.index if item.kind == "array" else None)
        if (item.mask or item.kind == "array") and key not in seen:
            seen.add(key)
            yield item


def _count_masks(item: DatasetItem) -> MaskCounts:
    total = MaskCounts()
    try:
        for mask in _masks(item):
            total.add(_count_mask(mask))
    except InputError:
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
        yield from stored_masks(read_content(item.mask), str(item.mask))


def _count_mask(mask: StoredMask) -> MaskCounts:
    values = count_values(mask.values, mask.lossy)
    if mask.alpha is None:
        return MaskCounts(values, colours_vary=values.peak > 0)
    alpha_varies = bool(mask.alpha.min() < mask.alpha.max())
    return MaskCounts(values, count_values(mask.alpha, mask.lossy), not mask.constant, alpha_varies)
