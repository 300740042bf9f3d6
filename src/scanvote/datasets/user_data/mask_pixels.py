"""Tell masks from pictures by pixels where only names tell."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from scanvote.core.errors import InputError
from scanvote.core.machine import raise_fault
from scanvote.datasets.user_data.scan_tree import FoundFile
from scanvote.images.decode import decode_grey

LOOKED_AT = 8
"""Maximum of files of a folder whose pixels are looked at."""
IN_ALL = 512
"""Maximum of all files looked at, unless there are more folders."""
MOST = 0.75
"""Smallest share of masks among the files looked at, if all of the folder count as masks."""
BACKGROUND = 0.5
"""Smallest share of black pixels in a mask."""
NEAR = 24
"""Distance from the two values of a mask that the noise of JPEG may reach."""


def masks_by_pixels(files: Sequence[FoundFile], unsure: bool) -> set[str]:
    """Return the names of masks, by pixels of some of each folder.

    Args:
        files: files named or placed like masks.
        unsure: whether files that are not decoded here count as masks.
    """
    by_folder: dict[tuple[str, ...], list[FoundFile]] = defaultdict(list)
    for file in files:
        by_folder[file.folders].append(file)
    masks: set[str] = set()
    looked_at = max(1, min(LOOKED_AT, IN_ALL // max(1, len(by_folder))))
    for several in by_folder.values():
        sample = several[:: -(-len(several) // looked_at)]
        seen = [_is_mask(file) for file in sample]
        known = [one for one in seen if one is not None]
        if sum(known) >= MOST * len(known) if known else unsure:
            masks |= {file.name for file in several}
    return masks


def _is_mask(file: FoundFile) -> bool | None:
    """Tell if a decodable image is mostly black with two values."""
    if file.kind != "image":
        return None
    try:
        grey = decode_grey(file.path).astype(np.int16)
    except InputError as error:
        raise_fault(error)
        return None
    peak = int(grey.max())
    black = grey <= min(NEAR, peak // 2)
    two = black | (grey >= peak - NEAR)
    return bool(black.mean() >= BACKGROUND and (two.mean() > 0.98 or len(np.unique(grey)) <= 8))
