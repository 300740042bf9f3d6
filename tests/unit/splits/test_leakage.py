"""The audit of splits: pairs of linked scans that a split parts."""

from itertools import combinations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.splits.groups import LINKS, SPLITS, group_scans, stratified_group_split
from scanvote.splits.leakage import leakage_audit
from tests.unit.splits.test_groups import linked, manifest, manifests


def test_a_leak_made_by_hand_is_counted() -> None:
    frame = manifest(
        6,
        patient=["p", "p", "p", "q", "q", ""],
        series=["", "", "", "s", "s", "s"],
        duplicate_of=["", "", "scan0", "", "", "scan4"],
        sha256=["1", "2", "3", "4", "4", "4"],
    ).assign(
        split=["train", "train", "test", "train", "train", "validation"],
        group=[0, 0, 0, 1, 1, 0],  # scan5 and patient p shared a copy that was dropped
    )
    assert leakage_audit(frame) == {
        "leaked_pairs_patient": 2,
        "leaked_pairs_series": 2,
        "leaked_pairs_case": 0,
        "leaked_pairs_relatives": 0,
        "leaked_pairs_duplicate": 2,
        "leaked_pairs_sha256": 2,
        "leaked_pairs_group": 5,
    }


@given(manifests(), st.data())
@settings(max_examples=60)
def test_the_audit_counts_each_pair_once(frame: pd.DataFrame, data: st.DataObject) -> None:
    rows = len(frame)
    splits = data.draw(st.lists(st.sampled_from(SPLITS), min_size=rows, max_size=rows))
    across = [pair for pair in combinations(range(rows), 2) if splits[pair[0]] != splits[pair[1]]]
    frame = frame.assign(split=splits, group=group_scans(frame))
    assert leakage_audit(frame) == {
        f"leaked_pairs_{link}": sum(linked(frame, link, *pair) for pair in across)
        for link in (*LINKS, "group")
    }


def test_a_split_of_groups_passes_the_audit() -> None:
    random = np.random.default_rng(5)
    patients = [f"p{number}" for number in random.integers(0, 30, 120)]
    relatives = [f"r{number}" if number < 20 else "" for number in random.integers(0, 200, 120)]
    frame = manifest(120, patient=patients, relatives=relatives)
    frame["group"] = group_scans(frame)
    shares = {"train": 0.64, "validation": 0.16, "test": 0.2}
    frame["split"] = stratified_group_split(frame, ["one"] * 120, shares, 1)
    assert not any(leakage_audit(frame).values())
    frame["split"] = random.permutation(frame["split"])
    assert leakage_audit(frame)["leaked_pairs_patient"] > 0
