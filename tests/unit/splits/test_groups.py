"""Groups that stay together, and splits that are alike."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.core.errors import InputError
from scanvote.splits.groups import LINKS, SPLITS, group_scans, stratified_group_split

COLUMNS = ("patient", "series", "case", "relatives", "duplicate_of", "sha256")


def manifest(rows: int, **columns: list[str]) -> pd.DataFrame:
    names = [f"scan{row}" for row in range(rows)]
    return pd.DataFrame({"scan_id": names} | {name: [""] * rows for name in COLUMNS} | columns)


def keys(frame: pd.DataFrame, link: str) -> list[str]:
    """What each scan has in common with others, the plain way."""
    if link == "duplicate":
        return [
            copy or scan for copy, scan in zip(frame["duplicate_of"], frame["scan_id"], strict=True)
        ]
    return list(frame[link])


def linked(frame: pd.DataFrame, link: str, one: int, other: int) -> bool:
    key = keys(frame, link)
    return key[one] != "" and key[one] == key[other]


@st.composite
def manifests(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(1, 12))
    some = st.lists(st.sampled_from(["", "", "p", "q", "r"]), min_size=rows, max_size=rows)
    copies = st.sampled_from(["", "", "", "scan0", f"scan{rows - 1}"])
    columns = {name: draw(some) for name in COLUMNS}
    columns["duplicate_of"] = draw(st.lists(copies, min_size=rows, max_size=rows))
    return manifest(rows, **columns)


# -- groups --------------------------------------------------------------------


@pytest.mark.parametrize("link", ["patient", "series", "case", "relatives", "sha256"])
def test_what_is_shared_binds_and_what_is_unknown_does_not(link: str) -> None:
    frame = manifest(5, **{link: ["x", "", "x", "", "y"]})
    assert group_scans(frame).tolist() == [0, 1, 0, 2, 3]


def test_a_copy_belongs_to_its_original_and_to_the_other_copies() -> None:
    frame = manifest(4, duplicate_of=["scan3", "", "scan3", ""])
    assert group_scans(frame).tolist() == [0, 1, 0, 0]


def test_patients_who_share_a_copy_are_one_group() -> None:
    frame = manifest(
        4, patient=["a", "a", "b", "b"], duplicate_of=["", "", "scan1", ""]
    )  # scan2, of b, is a copy of scan1, of a
    assert group_scans(frame).tolist() == [0, 0, 0, 0]


def test_a_value_of_one_kind_does_not_bind_with_another_kind() -> None:
    assert group_scans(manifest(2, patient=["x", ""], series=["", "x"])).tolist() == [0, 1]


@given(manifests())
@settings(max_examples=60)
def test_groups_are_the_closure_of_the_links(frame: pd.DataFrame) -> None:
    together = [{row} for row in range(len(frame))]
    for one, other in combinations(range(len(frame)), 2):
        if any(linked(frame, link, one, other) for link in LINKS):
            both = together[one] | together[other]
            for row in both:
                together[row] = both
    groups = group_scans(frame)
    for one, other in combinations(range(len(frame)), 2):
        assert (groups[one] == groups[other]) == (other in together[one])


# -- the split -----------------------------------------------------------------


def split_groups(
    groups: np.ndarray, labels: list[str], test: float, validation: float, seed: int
) -> list[str]:
    """Three parts of scans that are known by their place."""
    shares = {"train": 1 - test - validation, "validation": validation, "test": test}
    return stratified_group_split(numbered(groups), labels, shares, seed)


def numbered(groups: np.ndarray) -> pd.DataFrame:
    names = [f"scan{row:04}" for row in range(len(groups))]
    return pd.DataFrame({"scan_id": names, "group": groups})


@st.composite
def pure_groups(draw: st.DrawFn) -> tuple[np.ndarray, list[str]]:
    """Scans in groups of one class each, at least three groups a class, shuffled."""
    sizes = st.lists(st.integers(1, 6), min_size=3, max_size=10)
    classes = draw(st.lists(sizes, min_size=1, max_size=4))
    scans = []
    for code, groups in enumerate(classes):
        for number, size in enumerate(groups):
            scans += [(f"{code}-{number}", f"class{code}")] * size
    scans = draw(st.permutations(scans))
    names, labels = zip(*scans, strict=True)
    return pd.factorize(np.array(names))[0], list(labels)


@given(pure_groups(), st.integers(0, 2**31))
@settings(max_examples=60)
def test_groups_stay_whole_and_each_class_is_everywhere(
    scans: tuple[np.ndarray, list[str]], seed: int
) -> None:
    groups, labels = scans
    splits = split_groups(groups, labels, 0.2, 0.16, seed)
    assert set(zip(labels, splits, strict=True)) == {(c, s) for c in set(labels) for s in SPLITS}
    assert pd.Series(splits).groupby(groups).nunique().max() == 1
    assert splits == split_groups(groups, labels, 0.2, 0.16, seed)


@given(
    st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from(["a", "b", "c"])), min_size=6, max_size=24
    )
)
@settings(max_examples=100)
def test_groups_of_several_classes_are_spread_or_refused(scans: list[tuple[int, str]]) -> None:
    groups, labels = np.array([group for group, _ in scans]), [label for _, label in scans]
    try:
        splits = split_groups(groups, labels, 0.2, 0.16, seed=1)
    except InputError:  # pure groups, above, never are
        return
    assert len(set(zip(labels, splits, strict=True))) == 3 * len(set(labels))
    assert pd.Series(splits).groupby(groups).nunique().max() == 1


@pytest.mark.parametrize("seed", range(5))
def test_classes_that_no_split_can_spread_are_refused(seed: int) -> None:
    # a and b would put groups 2 and 3 on one side, so c cannot be on all three
    members = {0: "ab", 1: "ab", 2: "ac", 3: "bc", 4: "c"}
    groups, labels = zip(
        *((g, label) for g, word in members.items() for label in word), strict=True
    )
    with pytest.raises(InputError, match="shares its few groups with other classes"):
        split_groups(np.array(groups), labels, 0.2, 0.16, seed)


def many(sizes: list[int], seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Groups of the given sizes, dealt to four classes in turn."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return groups, [f"class{group % 4}" for group in groups]


@pytest.mark.parametrize("seed", [1, 2, 2021])
@pytest.mark.parametrize(("test", "validation"), [(0.2, 0.16), (0.1, 0.4)])
def test_shares_are_met_in_each_class(test: float, validation: float, seed: int) -> None:
    sizes = np.random.default_rng(0).integers(1, 8, 240).tolist()
    groups, labels = many(sizes)
    splits = pd.Series(split_groups(groups, labels, test, validation, seed))
    shares = splits.groupby(labels).value_counts(normalize=True).unstack()
    wanted = [1 - test - validation, validation, test]
    np.testing.assert_allclose(shares[list(SPLITS)], [wanted] * 4, atol=0.03)


def test_no_split_collects_the_large_groups() -> None:
    groups, labels = many([9] * 60 + [1] * 300)
    splits = np.array(split_groups(groups, labels, 0.2, 0.2, 3))
    large = pd.Series(splits[groups < 60]).value_counts(normalize=True)
    assert large["test"] == pytest.approx(0.2, abs=0.05)
    assert large["validation"] == pytest.approx(0.2, abs=0.05)


def test_another_seed_is_another_split() -> None:
    groups, labels = many([2] * 80)
    one, other = (split_groups(groups, labels, 0.2, 0.16, seed) for seed in (1, 2))
    assert one != other


@given(pure_groups(), st.data())
@settings(max_examples=30)
def test_the_order_of_the_rows_changes_nothing(
    scans: tuple[np.ndarray, list[str]], data: st.DataObject
) -> None:
    groups, labels = scans
    frame = numbered(groups).assign(label=labels)
    order = data.draw(st.permutations(range(len(groups))))
    shares = {"train": 0.6, "validation": 0.2, "test": 0.2}
    mixed = frame.iloc[order].reset_index(drop=True)
    mixed["group"] = pd.factorize(mixed["group"])[0]  # numbered by first appearance, as always
    one = dict(zip(frame["scan_id"], stratified_group_split(frame, labels, shares, 7), strict=True))
    other = stratified_group_split(mixed, mixed["label"].tolist(), shares, 7)
    assert one == dict(zip(mixed["scan_id"], other, strict=True))


def test_a_class_of_two_groups_is_named() -> None:
    groups, labels = np.array([0, 1, 2, 3, 3, 4]), ["a", "a", "a", "rare", "rare", "rare"]
    with pytest.raises(InputError, match=r"class 'rare' has 2 independent groups"):
        split_groups(groups, labels, 0.2, 0.16, 1)
