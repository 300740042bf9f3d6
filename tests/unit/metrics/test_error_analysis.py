"""The scans of the galleries belong to their kind, and are the same whatever the order."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.metrics.error_analysis import confidence, disagreement, select_scans
from tests.classified import LABELS, classified

SEEDS = st.integers(0, 10_000)
MOST = st.integers(1, 9)


def chosen(models: dict[str, pd.DataFrame], most: int) -> dict[str, list[str]]:
    vote, *members = models.values()
    return select_scans(vote, members, most)


def kinds_of(found: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: scans for name, scans in found.items() if " taken for " in name}


@settings(max_examples=25)
@given(SEEDS, MOST)
def test_every_kind_of_error_is_there_with_its_surest(seed: int, most: int) -> None:
    models = classified(40, seed=seed)
    vote = models["vote"].assign(sure=confidence(models["vote"]))
    wrong = vote[vote["label"] != vote["predicted"]]
    expected = {
        f"{truth} taken for {said}": part.sort_values(["sure", "scan_id"], ascending=[False, True])
        for (truth, said), part in wrong.groupby(["label", "predicted"])
    }
    found = kinds_of(chosen(models, most))
    assert found.keys() == expected.keys()
    for name, scans in found.items():
        assert scans
        assert scans == expected[name]["scan_id"].head(len(scans)).tolist()
    assert sum(map(len, found.values())) <= max(most, len(expected))
    sizes = [len(expected[name]) for name in found]
    assert sizes == sorted(sizes, reverse=True)


@settings(max_examples=25)
@given(SEEDS, MOST)
def test_right_and_wrong_scans_are_right_and_wrong(seed: int, most: int) -> None:
    models = classified(40, seed=seed)
    vote, found = models["vote"].set_index("scan_id"), chosen(models, most)
    hit = vote["label"] == vote["predicted"]
    assert hit[found["right"]].all()
    assert not hit[found["wrong"]].any()
    assert len(found["right"]) == min(most, hit.sum())
    assert len(found["wrong"]) == min(most, (~hit).sum())


@settings(max_examples=25)
@given(SEEDS, st.randoms(use_true_random=False), MOST)
def test_the_order_of_the_rows_changes_nothing(seed: int, random, most: int) -> None:  # type: ignore[no-untyped-def]
    models = classified(30, seed=seed)
    rounded = {name: table.round(1) for name, table in models.items()}  # with ties
    shuffled = {
        name: table.sample(frac=1, random_state=random.randrange(2**31))
        for name, table in rounded.items()
    }
    assert chosen(shuffled, most) == chosen(rounded, most)


def test_each_class_has_its_turn_among_the_right() -> None:
    models = classified(60)
    vote = models["vote"].set_index("scan_id")
    shown = vote.loc[chosen(models, 6)["right"]]
    assert shown["label"].value_counts().to_dict() == dict.fromkeys(LABELS, 2)
    assert set(shown["label"][:3]) == set(LABELS)


def test_the_least_sure_is_the_least_sure() -> None:
    models = classified(30)
    vote = models["vote"].assign(sure=confidence(models["vote"]))
    assert chosen(models, 30)["least_sure"] == vote.sort_values("sure")["scan_id"].tolist()


def test_those_who_differ_come_before_those_who_are_only_less_sure() -> None:
    models = classified(40)
    vote, *members = models.values()
    apart = disagreement(vote["scan_id"], members)
    shown = chosen(models, 40)["disagreeing"]
    at = vote["scan_id"].tolist()
    pairs = [(apart["differing"][at.index(s)], apart["distance"][at.index(s)]) for s in shown]
    assert pairs == sorted(pairs, reverse=True)
    assert pairs[0][0] > 0


def test_members_who_say_the_same_are_not_apart() -> None:
    vote, member, *_ = classified(10).values()
    apart = disagreement(vote["scan_id"], [member, member])
    assert not apart["differing"].any()
    assert not apart["distance"].any()
    assert not disagreement(vote["scan_id"], [member])["differing"].any()


def test_two_sure_members_who_differ_are_a_bit_apart() -> None:
    """The divergence of two certainties is the logarithm of 2."""
    rows = {"scan_id": ["a"], "label": ["x"]}
    one = pd.DataFrame({**rows, "predicted": ["x"], "p_x": [1.0], "p_y": [0.0]})
    other = pd.DataFrame({**rows, "predicted": ["y"], "p_x": [0.0], "p_y": [1.0]})
    apart = disagreement(one["scan_id"], [one, other])
    assert apart["differing"].tolist() == [1]
    np.testing.assert_allclose(apart["distance"], np.log(2), atol=1e-8)


def test_a_vote_by_majority_is_as_sure_as_of_its_winner() -> None:
    table = pd.DataFrame({"predicted": ["y", "x"], "p_x": [0.6, 0.7], "p_y": [0.4, 0.3]})
    assert confidence(table).tolist() == [0.4, 0.7]


def test_a_perfect_vote_has_no_kind_of_error() -> None:
    models = classified(20)
    models["vote"] = models["vote"].assign(predicted=models["vote"]["label"])
    found = chosen(models, 5)
    assert not kinds_of(found)
    assert found["wrong"] == []
    assert len(found["right"]) == len(found["least_sure"]) == len(found["disagreeing"]) == 5
