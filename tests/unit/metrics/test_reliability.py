"""The bins of the reliability diagram."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanvote.metrics.bootstrap import MIN_GROUPS
from scanvote.metrics.reliability import BINS, reliability

SCANS = st.lists(
    st.tuples(st.integers(0, 100), st.booleans(), st.integers(0, 9)), min_size=1, max_size=80
)


@given(SCANS)
def test_bins_hold_every_scan_once_in_order(scans: list[tuple[int, bool, int]]) -> None:
    percent, right, groups = map(np.array, zip(*scans, strict=True))
    table = reliability(percent / 100, right, groups)
    assert 1 <= len(table) <= BINS
    assert table["scans"].sum() == len(scans)
    assert (table["right"] * table["scans"]).sum() == pytest.approx(right.sum(), abs=1e-3)
    assert table["confidence"].is_monotonic_increasing
    assert table["confidence"].is_unique
    assert (table["groups"] <= table["scans"]).all()
    few = table["groups"] < MIN_GROUPS
    assert table["low"].isna().equals(few)
    assert table["high"].isna().equals(few)
    ends = table.loc[~few, ["low", "right", "high"]]
    assert ends.apply(lambda row: row.is_monotonic_increasing, 1).all(axis=None)
    assert ends.to_numpy().min(initial=0) >= 0
    assert ends.to_numpy().max(initial=1) <= 1


def test_bins_are_of_equally_many_scans() -> None:
    sure = np.random.default_rng(0).permutation(200) / 200
    table = reliability(sure, sure > 0.5, np.arange(200))
    assert table["scans"].tolist() == [200 // BINS] * BINS
    assert table["right"].is_monotonic_increasing


def test_the_interval_is_wilsons_over_groups() -> None:
    """Newcombe (1998), table I: 81 of 263 is 0.3080, with 0.2553 to 0.3662 by Wilson."""
    right = np.arange(263) < 81
    table = reliability(np.full(263, 0.9), right, np.arange(263))
    assert table["right"].item() == pytest.approx(0.3080, abs=5e-5)
    assert table["low"].item() == pytest.approx(0.2553, abs=5e-5)
    assert table["high"].item() == pytest.approx(0.3662, abs=5e-5)
    twice = reliability(np.full(526, 0.9), np.repeat(right, 2), np.repeat(np.arange(263), 2))
    assert twice["low"].item() == table["low"].item(), "a scan and its copy are one case"
