"""Group scans of unknown patients that may be of one patient."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scanvote.manifest import blank_scans
from scanvote.pipeline.deduplicate.fingerprints import Fingerprints
from scanvote.pipeline.deduplicate.hamming import Pairs, pairs_within
from scanvote.pipeline.deduplicate.pairs import (
    as_pairs,
    component_members,
    concat_pairs,
    connected_components,
    similar_pairs,
)
from scanvote.pipeline.deduplicate.registration import registered_pairs

SECOND_LOOK, ALIGNED = 14, 0.99
"""Largest distance in bits, and smallest r, of relatives after registration.

Measured at this r: of the 52,511 pairs of the 4-class set none has two labels; of the 1,613
X-rays within 6 bits none but copies, and of the 3,699 LGG pairs within 10 bits one, has two
patients.
"""


def relatives(frame: pd.DataFrame, prints: Fingerprints, min_correlation: float) -> list[str]:
    """Return for each scan the first scan of its group of relatives.

    Relatives are suspected scans of one patient; without any, the entry is empty. Scans of
    unknown patients are compared with all others; two known patients are different, however
    similar their scans look. Copies and conflicts are compared too, as they tell as much about
    the patient as kept scans; blank ones tell nothing. Pairs of a known and an unknown patient
    are also compared after a registration that undoes a small rotation or crop; among unknown
    patients, that would link neighbouring slices.

    Args:
        frame: the manifest, n rows.
        prints: fingerprints of its scans.
        min_correlation: correlation of the cropped thumbnails from which on two scans are
            relatives.
    """
    rows = np.flatnonzero(~blank_scans(frame).to_numpy())
    names, group = frame["scan_id"].tolist(), [""] * len(frame)
    pairs = _related_pairs(frame.iloc[rows], prints.of(rows), min_correlation)
    pairs = rows[pairs[0]], rows[pairs[1]]
    for related in component_members(connected_components(len(frame), pairs)):
        for at in related:
            group[at] = names[related[0]]
    return group


def with_look_alikes(
    frame: pd.DataFrame, prints: Fingerprints, min_correlation: float
) -> pd.DataFrame:
    """Add the column `look_alikes`: relatives if no patient were known.

    It is added only if some patients are known and others are not: then the groups can be
    compared. Scans of known patients alone, such as X-rays, may all be linked.

    Args:
        frame, prints, min_correlation: as of `relatives`.
    """
    known = frame["patient"] != ""
    if known.all() or not known.any():
        return frame
    return frame.assign(look_alikes=relatives(frame.assign(patient=""), prints, min_correlation))


def _related_pairs(frame: pd.DataFrame, prints: Fingerprints, min_correlation: float) -> Pairs:
    unknown = (frame["patient"] == "").to_numpy()
    return concat_pairs(
        similar_pairs(prints.cropped, min_correlation, unknown)[0],
        _registered_relatives(prints, unknown),
    )


def _registered_relatives(prints: Fingerprints, unknown: NDArray[np.bool_]) -> Pairs:
    """Return relatives after registration, of a known and an unknown patient."""
    candidates = as_pairs([])
    if unknown.any() and not unknown.all():
        for i, j in pairs_within(prints.hashes, SECOND_LOOK):
            mixed = unknown[i] != unknown[j]
            candidates = concat_pairs(candidates, (i[mixed], j[mixed]))
    return registered_pairs(prints.thumbnails, candidates, ALIGNED)
