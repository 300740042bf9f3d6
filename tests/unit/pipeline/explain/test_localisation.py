"""The share of a map in a lesion, against chance."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import coverage
from scanvote.pipeline.explain.localisation import (
    COLUMNS,
    area_inside,
    attribution_in_lesion,
    mass_means,
    mass_metrics,
)


def lesion() -> np.ndarray:
    mask = np.zeros((10, 10), bool)
    mask[2:4, 2:7] = True
    return mask


def test_an_even_map_has_the_share_of_the_area() -> None:
    assert attribution_in_lesion(np.ones((10, 10)), lesion()) == pytest.approx(0.1)


def test_a_map_inside_has_all_and_a_blank_one_nothing() -> None:
    assert attribution_in_lesion(lesion().astype(float), lesion()) == 1
    assert attribution_in_lesion(np.zeros((10, 10)), lesion()) == 0


@given(st.floats(0.01, 100))
def test_the_scale_of_a_map_does_not_matter(scale: float) -> None:
    heat = np.random.default_rng(1).random((10, 10))
    assert attribution_in_lesion(scale * heat, lesion()) == pytest.approx(
        attribution_in_lesion(heat, lesion())
    )


def test_chance_is_of_the_head_and_not_of_the_background() -> None:
    image = np.zeros((64, 64, 1), np.uint8)
    image[8:56, 8:40] = 120
    mask = np.zeros((64, 64), bool)
    mask[16:32, 16:28] = True
    assert area_inside(image, mask) == pytest.approx(mask.sum() / (48 * 32), rel=0.15)


def test_where_no_head_stands_out_chance_is_of_the_image() -> None:
    assert area_inside(np.zeros((10, 10, 3), np.uint8), lesion()) == pytest.approx(0.1)


def table(inside: float, scans: int = 30) -> pd.DataFrame:
    random = np.random.default_rng(3)
    rows = [
        (f"s{at}", str(at // 2), model, "lime", inside + random.normal(0, 0.02), 0.05)
        for model in ("vote", "cnn/a")
        for at in range(scans)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_what_is_in_the_lesion_is_above_chance_by_more_than_its_interval() -> None:
    metrics = mass_metrics(mass_means(table(0.3), seed=1))
    assert metrics["chance"] == 0.05
    assert (
        metrics["vote_lime_mass_low"] < metrics["vote_lime_mass"] < metrics["vote_lime_mass_high"]
    )
    assert metrics["vote_lime_above_chance"] == pytest.approx(metrics["vote_lime_mass"] - 0.05)
    assert metrics["vote_lime_above_chance_low"] > 0


def test_an_explanation_by_chance_is_not_above_it() -> None:
    metrics = mass_metrics(mass_means(table(0.05), seed=1))
    low, high = (metrics[f"vote_lime_above_chance_{end}"] for end in ("low", "high"))
    assert low < 0 < high


def test_scans_of_one_group_are_one_case() -> None:
    alone, together = table(0.3), table(0.3)
    alone["group"] = alone["scan_id"]
    together["group"] = [str(int(scan[1:]) // 5) for scan in together["scan_id"]]
    # the second half of the scans is worse, in three of six groups
    for one in (alone, together):
        one.loc[[int(scan[1:]) >= 15 for scan in one["scan_id"]], "mass"] -= 0.2
    widths = [
        metrics["vote_lime_mass_high"] - metrics["vote_lime_mass_low"]
        for metrics in (mass_metrics(mass_means(one, seed=1)) for one in (alone, together))
    ]
    assert widths[1] > 2 * widths[0]


def test_of_one_group_there_is_no_interval() -> None:
    alone = mass_metrics(mass_means(table(0.3).assign(group="a"), seed=1))
    assert alone["vote_lime_above_chance"] == pytest.approx(alone["vote_lime_mass"] - 0.05)
    assert np.isnan([alone[f"vote_lime_mass_{end}"] for end in ("low", "high")]).all()


def test_the_intervals_of_few_groups_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "MANY", 50_000)
    coverage.truths_of.cache_clear()
    for name, (ours, plain) in coverage.coverage_of("explained", 5, tables=100).items():
        assert ours >= max(0.9, plain + 0.05), name


def test_every_model_and_method_has_its_mean() -> None:
    means = mass_means(table(0.3), seed=1)
    assert list(zip(means["model"], means["method"], strict=True)) == [
        ("vote", "lime"),
        ("cnn/a", "lime"),
    ]
    assert (means["scans"] == 30).all()
