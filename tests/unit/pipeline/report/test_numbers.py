"""Numbers are written alike everywhere."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanvote.pipeline.report import numbers


def test_a_figure_stands_before_its_interval() -> None:
    assert numbers.estimate(0.6167, 0.5222, 0.7107) == "0.617 (0.522–0.711)"


def test_a_minus_makes_the_dash_a_word() -> None:
    assert numbers.estimate(-0.0389, -0.089, 0.011) == "−0.039 (−0.089 to 0.011)"


@pytest.mark.parametrize("ends", [(None, None), (math.nan, math.nan), (0.1, None)])
def test_without_both_ends_there_is_no_interval(ends: tuple[float | None, float | None]) -> None:
    assert numbers.estimate(0.25, *ends) == "0.250"


def test_a_figure_that_cannot_be_had_is_undefined_one_that_is_not_there_not_reported() -> None:
    assert numbers.metric({"a": None}, "a") == "undefined"
    assert numbers.metric({"a": math.nan}, "a") == "undefined"
    assert numbers.metric({}, "a") == "not reported"
    assert numbers.metric_count({}, "a") == "not reported"


@pytest.mark.parametrize(
    ("value", "told"), [(0.042, "p = 0.042"), (0.0009, "p < 0.001"), (0.001, "p = 0.001")]
)
def test_a_p_value_is_never_zero(value: float, told: str) -> None:
    assert numbers.p_words({"p": value}, "p") == told


def test_zero_has_no_sign() -> None:
    assert numbers.number(-0.0001) == "0.000"


@given(st.floats(-1e6, 1e6))
def test_what_is_read_back_is_the_figure_rounded(value: float) -> None:
    read = float(numbers.number(value).replace("−", "-"))
    assert read == pytest.approx(value, abs=0.000501)


def test_a_share_tells_both_counts() -> None:
    assert numbers.share(1200, 4800) == "1,200 of 4,800 (25.0 %)"
    assert numbers.share(0, 0) == "0 of 0"
