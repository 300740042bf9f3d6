"""Adjacent slices in the series of a manifest: what the U-Net is trained and tested on."""

import numpy as np
import pandas as pd

from scanvote.training.adjacent_slices import Rows, adjacent_rows

_STACK = ["series", "plane", "contrast"]
"""The columns of the manifest that identify a stack of slices."""


def adjacent_in_series(manifest: pd.DataFrame, context: int, scan_ids: np.ndarray) -> Rows:
    """Return the window of each slice, places in `scan_ids`.

    Adjacent are the slices of one series, plane and contrast, in the order of the manifest. At the
    ends the first or last is repeated; a slice of no known series stands alone.

    Args:
        manifest: of `prepare`, with the scan ID as its index.
        context: k, the number of slices on each side.
        scan_ids: the slices, (n,).

    Returns:
        int (n, 2 k + 1), with the slice itself in the middle.
    """
    series = manifest.reindex(columns=_STACK, fill_value="").loc[scan_ids]
    alone = series["series"] == ""
    series.loc[alone, "series"] = series.index[alone]
    stacks = list(series.itertuples(index=False, name=None))
    places = manifest.index.get_indexer(pd.Index(scan_ids)).tolist()
    return adjacent_rows(stacks, places, context)
