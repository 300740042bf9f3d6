"""Which scans may be of one patient, where the patient is unknown."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.pipeline.deduplicate.fingerprints import Fingerprints
from scanvote.pipeline.deduplicate.hamming import Pairs, pairs_within
from scanvote.pipeline.deduplicate.pairs import (
    as_pairs,
    clusters,
    concat_pairs,
    members,
    similar_pairs,
)
from scanvote.pipeline.deduplicate.registration import registered_pairs

SECOND_LOOK, ALIGNED = 14, 0.99
"""Bits up to which, and r from which, two scans are relatives once they are aligned.

Measured at this r: of the 52,511 pairs of the 4-class set none has two labels; of the 1,613
X-rays within 6 bits none but copies, and of the 3,699 LGG pairs within 10 bits one, has two
patients.
"""


def relatives(frame: pd.DataFrame, prints: Fingerprints, least: float) -> list[str]:
    """For each scan its group: the first scan of those that chain to it, or nothing.

    Scans of unknown patients are compared with all others; two known patients are known
    to be different, however alike they look. Copies and conflicts count, as they tell of
    the patient no less than what is kept. Between a known and an unknown patient a second
    look undoes a small turn or cut; among unknown ones it would chain neighbouring slices.

    Args:
        frame: the manifest, n rows.
        prints: of its scans.
        least: correlation of the cropped thumbnails from which two scans are relatives.
    """
    unknown = (frame["patient"] == "").to_numpy()
    pairs = concat_pairs(similar_pairs(prints.cropped, least, unknown)[0], _moved(prints, unknown))
    names, group = frame["scan_id"].tolist(), [""] * len(frame)
    for related in members(clusters(len(frame), pairs)):
        for at in related:
            group[at] = names[related[0]]
    return group


def with_look_alikes(frame: pd.DataFrame, prints: Fingerprints, least: float) -> pd.DataFrame:
    """Add the column `look_alikes`: the relatives, had no patient been known.

    Only where some patients are known and others are not: there the groups can be compared. Scans
    of known patients alone, such as X-rays, may all chain.

    Args:
        frame, prints, least: as of `relatives`.
    """
    known = frame["patient"] != ""
    if known.all() or not known.any():
        return frame
    return frame.assign(look_alikes=relatives(frame.assign(patient=""), prints, least))


def _moved(prints: Fingerprints, unknown: NDArray[np.bool_]) -> Pairs:
    """Pairs of a known and an unknown patient that are alike once they are aligned."""
    mixed = as_pairs([])
    if unknown.any() and not unknown.all():
        for i, j in pairs_within(prints.hashes, SECOND_LOOK):
            either = unknown[i] != unknown[j]
            mixed = concat_pairs(mixed, (i[either], j[either]))
    return registered_pairs(prints.thumbnails, mixed, ALIGNED)
