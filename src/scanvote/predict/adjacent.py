"""Adjacent slices of the scans to predict, for networks that have them as input."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from scanvote.inputs.scan import InputScan
from scanvote.pipeline.package.stacks import Windows

NO_ADJACENT = (
    "no slices beside it are known: the networks that mark tumours saw copies of it instead"
)


def adjacent_windows(scans: Sequence[InputScan], context: int) -> Windows:
    """Return each scan's window of adjacent slices, places in `scans`.

    Adjacent are, as in training, the slices before and after it in its plane of its volume: of
    those that were read, however far apart. At the ends of a volume the first or last slice is
    repeated; a scan that is no slice of a volume stands alone.

    Args:
        scans: the slices of a volume one behind the other, plane by plane, as they are read.
        context: k, the number of slices on each side.

    Returns:
        int (n, 2 k + 1), with the scan itself in the middle.
    """
    begins = [True, *(not _goes_on(*pair) for pair in pairwise(scans))][: len(scans)]
    stack = np.cumsum(begins, dtype=int)
    first = np.searchsorted(stack, stack)
    last = np.searchsorted(stack, stack, side="right") - 1
    windows = np.arange(len(scans))[:, None] + np.arange(-context, context + 1)
    return np.asarray(np.clip(windows, first[:, None], last[:, None]))


def note_copies(scans: Sequence[InputScan], windows: Windows) -> list[InputScan]:
    """Return the scans, with a note on each whose adjacent slices are copies of it."""
    if windows.shape[1] == 1:
        return list(scans)
    copied = (windows == np.arange(len(scans))[:, None]).all(axis=1)
    return [
        replace(scan, notes=(*scan.notes, NO_ADJACENT)) if alone else scan
        for scan, alone in zip(scans, copied.tolist(), strict=True)
    ]


def _goes_on(one: InputScan, other: InputScan) -> bool:
    """Tell if `other` is a slice behind `one` in the same plane of the same volume."""
    if one.slice is None or other.slice is None:
        return False
    # one file may be given twice
    return (one.file, one.plane) == (other.file, other.plane) and one.slice < other.slice
