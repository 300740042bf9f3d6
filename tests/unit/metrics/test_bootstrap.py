"""The bootstrap over groups, against what is known of it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from scanvote.metrics.bootstrap import (
    CELLS,
    LEFT_OUT,
    MIN_GROUPS,
    RESAMPLES,
    BootstrapEstimate,
    accuracy,
    bca_interval,
    bootstrap_weights,
    confusions,
    estimates,
    interval_caption,
    interval_method,
    macro_f1,
    no_interval,
    resamples,
)
from scanvote.metrics.confusion import chief_estimates


def counts_of(truth: list[int], guess: list[int], classes: int) -> np.ndarray:
    groups = np.zeros(len(truth), int)
    return confusions(groups, np.array(truth), np.array(guess), classes).sum(axis=0)


pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@given(pairs)
def test_statistics_of_counts_are_those_of_the_scans(scans: list[tuple[int, int]]) -> None:
    truth, guess = map(list, zip(*scans, strict=True))
    counts = counts_of(truth, guess, 4)
    expected = f1_score(truth, guess, labels=range(4), average="macro", zero_division=0)
    assert macro_f1(counts) == pytest.approx(expected)
    assert accuracy(counts) == pytest.approx(np.mean(np.array(truth) == guess))


def test_statistics_take_any_number_of_matrices_at_once() -> None:
    stack = np.random.default_rng(0).integers(0, 9, (5, 2, 3, 3)).astype(float)
    for statistic in (accuracy, macro_f1):
        whole = statistic(stack)
        assert whole.shape == (5, 2)
        assert whole[3, 1] == pytest.approx(float(statistic(stack[3, 1])))


def test_scans_of_few_groups_say_less_than_as_many_for_themselves() -> None:
    random = np.random.default_rng(1)
    right = np.repeat(random.random(40) < 0.7, 25)  # a patient is right or wrong
    widths = []
    for groups in (np.repeat(np.arange(40), 25), np.arange(1000)):
        counts = confusions(groups, np.ones(1000, int), right.astype(int), 2)
        (found,) = chief_estimates([counts], seed=1)
        low, high = found["accuracy"].interval()
        widths.append(high - low)
    assert widths[0] > 3 * widths[1]


def test_the_interval_of_a_share_is_that_of_the_normal_approximation() -> None:
    low, high = mean_of((np.arange(2000) % 4 > 0).astype(float), seed=3).interval()
    half = 1.96 * np.sqrt(0.75 * 0.25 / 2000)
    assert (low, high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.003)


def test_samples_are_those_of_the_groups_and_the_seed() -> None:
    first, again, other = (np.concatenate(list(resamples(30, seed)), axis=1) for seed in (5, 5, 6))
    assert (first == again).all()
    assert not (first == other).all()


def test_the_method_names_what_is_drawn_and_how_often() -> None:
    assert interval_method("patients") == (
        "95 % intervals: BCa bootstrap over patients, 2,000 resamples"
    )


# -- better intervals ----------------------------------------------------------------


NORMAL = float(stats.norm.ppf(0.975))


def mean_of(values: np.ndarray, seed: int = 1) -> BootstrapEstimate:
    """The mean of one value a group."""
    found = estimates(
        lambda weights: {"": values @ weights / weights.sum(axis=0)}, len(values), seed
    )
    return found[""]


def test_the_weightings_are_the_whole_the_jackknife_and_the_bootstrap() -> None:
    weights = np.concatenate(list(bootstrap_weights(30, 1)), axis=1)
    assert weights.shape == (30, 1 + 30 + RESAMPLES)
    assert (weights[:, 0] == 1).all()
    assert sorted(np.flatnonzero(weights[:, 1:31] == 0) // 30) == list(range(30))
    assert (weights[:, 31:].sum(axis=0) == 30).all()
    assert np.var(weights[:, 31:]) == pytest.approx(29 / 30, rel=0.05)


def test_many_groups_are_left_out_in_parts_and_drawn_in_blocks() -> None:
    blocks = bootstrap_weights(100_000, 1)
    next(blocks)
    left_out = next(blocks)
    assert left_out.shape[1] == LEFT_OUT
    assert ((left_out == 0).sum(axis=1) == 1).all()
    assert ((left_out == 0).sum(axis=0) == 100_000 / LEFT_OUT).all()
    assert next(blocks).size <= CELLS


def test_the_accelerated_interval_is_that_of_scipy() -> None:
    random = np.random.default_rng(1)
    for _ in range(5):
        values = random.gamma(1.0, size=40)
        drawn = random.choice(values, (2000, 40)).mean(axis=1)
        before = SimpleNamespace(bootstrap_distribution=drawn)
        theirs = stats.bootstrap(
            (values,), np.mean, n_resamples=0, bootstrap_result=before, method="BCa"
        ).confidence_interval
        ours = bca_interval(values.mean(), drawn, (values.sum() - values) / 39, NORMAL)
        assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_parts_of_the_groups_bend_the_interval_as_single_groups_do() -> None:
    values = np.random.default_rng(4).gamma(0.3, size=2000)
    figure = mean_of(values)
    alone = (values.sum() - values) / 1999
    assert figure.interval() == pytest.approx(
        bca_interval(figure.value, figure.drawn, alone, NORMAL), rel=0.01
    )


@pytest.mark.parametrize("groups", [10, 40, 200])
def test_without_an_error_the_interval_is_the_exact_one(groups: int) -> None:
    low, high = mean_of(np.ones(groups)).interval()
    exact = stats.binomtest(groups, groups).proportion_ci(method="exact")
    assert (low, high) == pytest.approx((exact.low, exact.high))
    assert mean_of(np.zeros(groups)).interval() == pytest.approx((0, 1 - exact.low))


def test_two_that_never_differ_may_differ_where_nobody_looked() -> None:
    values = np.random.default_rng(1).random(20)
    low, high = (mean_of(values) - mean_of(values)).interval()
    assert (low, high) == pytest.approx((-(1 - 0.025 ** (1 / 20)), 1 - 0.025 ** (1 / 20)))


def test_differences_are_paired() -> None:
    random = np.random.default_rng(1)
    values, noise = random.random(40), 0.01 * random.normal(size=40)
    low, high = (mean_of(values) - mean_of(values - 0.1 + noise)).interval()
    assert 0.09 < low < 0.1 - noise.mean() < high < 0.11


def test_a_figure_that_cannot_vary_keeps_its_width_of_0() -> None:
    assert mean_of(np.full(20, 0.5)).interval() == pytest.approx((0.5, 0.5))


def test_nothing_defined_has_no_interval() -> None:
    nothing = np.full(1 + 5 + RESAMPLES, np.nan)
    assert np.isnan(BootstrapEstimate.of(nothing, 5).interval()).all()


def test_undefined_resamples_and_parts_are_left_out() -> None:
    figure = mean_of(np.random.default_rng(1).random(20))
    drawn, without = figure.drawn.copy(), figure.without.copy()
    drawn[::10], without[0] = np.nan, np.nan
    low, high = BootstrapEstimate(figure.value, without, drawn, 20).interval()
    assert (low, high) == pytest.approx(figure.interval(), abs=0.03)
    assert low < figure.value < high


def test_few_groups_reach_further_as_students_t_does() -> None:
    values = np.random.default_rng(3).normal(0.5, 0.1, size=8)
    figure = mean_of(values)
    plain = bca_interval(figure.value, figure.drawn, figure.without, NORMAL)
    exact = stats.t.interval(0.95, 7, values.mean(), stats.sem(values))
    found = figure.interval()
    assert found[0] < plain[0] < plain[1] < found[1]
    assert found[1] - found[0] == pytest.approx(exact[1] - exact[0], rel=0.15)


@pytest.mark.parametrize("groups", [5, 9])
def test_fewer_than_ten_groups_have_at_least_students_interval(groups: int) -> None:
    values = np.random.default_rng(groups).normal(0.5, 0.02, size=groups)
    exact = stats.t.interval(0.95, groups - 1, values.mean(), stats.sem(values))
    low, high = mean_of(values).interval()
    assert low <= exact[0] + 1e-9 < exact[1] - 1e-9 <= high
    assert high - low < 1.2 * (exact[1] - exact[0])


def test_fewer_groups_than_the_stated_number_have_no_interval() -> None:
    values = np.random.default_rng(1).random(MIN_GROUPS)
    assert np.isfinite(mean_of(values).interval()).all()
    assert np.isnan(mean_of(values[1:]).interval()).all()
    assert np.isnan(mean_of(np.ones(MIN_GROUPS - 1)).interval()).all(), "nor a perfect one"
    assert np.isnan((mean_of(values[1:]) - mean_of(values[1:] / 2)).interval()).all()


def test_a_class_of_few_groups_is_as_wide_as_these_alone() -> None:
    """Of 40 groups five tell of the figure; the others change nothing."""
    values = np.random.default_rng(5).normal(0.5, 0.1, size=5)

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        own = weights[:5]
        with np.errstate(invalid="ignore"):
            return {"": values @ own / own.sum(axis=0)}

    low, high = replace(estimates(metrics, 40, 1)[""], groups=5, spread_groups=5).interval()
    exact = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert low <= exact[0] + 0.02 < exact[1] - 0.02 <= high


def test_a_caption_says_why_an_interval_is_missing() -> None:
    nan = float("nan")
    assert interval_caption([0.5, nan], [0.4, nan]) == interval_method(), "undefined, not few"
    partly = f"{interval_method('patients')}; none of fewer than {MIN_GROUPS} patients"
    assert interval_caption([0.5, 0.6], [0.4, nan], "patients") == partly
    assert interval_caption([0.5], [nan]) == f"No intervals: fewer than {MIN_GROUPS} groups"
    assert no_interval(1, "patient") == "1 patient: no interval can be given"
    assert no_interval(3) == "3 groups: no interval can be given"
