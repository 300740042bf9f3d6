"""Every figure against scikit-learn, under weightings, and what its interval rests on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from scanvote.metrics.confusion import chief_estimates
from scanvote.metrics.resampled import METRICS, bootstrap, confusion_metrics, effective_groups
from scanvote.metrics.results import ClassifierOutput, OperatingPoint, majority_baseline

LABELS = ("a", "b", "c")


def answers(
    rows: int, seed: int, labels: tuple[str, ...] = LABELS, groups: int | None = None
) -> ClassifierOutput:
    """Of every class some scans, with ties among the probabilities."""
    random = np.random.default_rng(seed)
    count = len(labels)
    truth = np.arange(rows) % count
    shares = (random.dirichlet(np.ones(count), rows) + 0.3 * np.eye(count)[truth]).round(1)
    shares /= shares.sum(axis=1, keepdims=True)
    owner = np.arange(rows) if groups is None else np.arange(rows) % groups
    return ClassifierOutput(labels, truth, shares.argmax(axis=1), shares, owner)


def figures_of(one: ClassifierOutput, weights: np.ndarray) -> dict[str, np.ndarray]:
    return {name: value for make in METRICS for name, value in make(one)(weights).items()}


def by_scikit_learn(one: ClassifierOutput, often: np.ndarray) -> dict[str, float]:
    truth, guess, shares = one.truth, one.predicted, one.probabilities
    found = {
        "accuracy": sk.accuracy_score(truth, guess, sample_weight=often),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, guess, sample_weight=often),
        "macro_f1": sk.f1_score(truth, guess, average="macro", sample_weight=often),
        "mcc": sk.matthews_corrcoef(truth, guess, sample_weight=often),
        "brier": sk.brier_score_loss(truth, shares, scale_by_half=True, sample_weight=often),
    }
    for code, label in enumerate(one.labels):
        own, said = truth == code, guess == code
        weighed = {"sample_weight": often}
        found |= {
            f"sensitivity_{label}": sk.recall_score(own, said, **weighed),
            f"specificity_{label}": sk.recall_score(~own, ~said, **weighed),
            f"auroc_{label}": sk.roc_auc_score(own, shares[:, code], **weighed),
            f"average_precision_{label}": sk.average_precision_score(
                own, shares[:, code], **weighed
            ),
        }
        if said[often > 0].any():
            found[f"precision_{label}"] = sk.precision_score(own, said, **weighed)
    for name in ("auroc", "average_precision"):
        found[name] = np.mean([found[f"{name}_{label}"] for label in one.labels])
    return found


@given(st.integers(0, 2**31), st.integers(9, 40), st.booleans())
@settings(max_examples=30)
def test_as_scikit_learn_finds_them_under_weights(seed: int, rows: int, two: bool) -> None:
    one = answers(rows, seed, LABELS[:2] if two else LABELS)
    random = np.random.default_rng(seed)
    weights = random.integers(0, 4, (rows, 3)).astype(float)
    weights[:6] += 1  # of every class something
    found = figures_of(one, weights)
    for column in range(3):
        wanted = by_scikit_learn(one, weights[:, column])
        for name, value in wanted.items():
            assert found[name][column] == pytest.approx(value), name


def test_the_weight_of_a_group_is_that_of_its_scans() -> None:
    one = answers(30, 1, groups=7)
    weights = np.random.default_rng(2).integers(0, 3, (7, 5)).astype(float)
    alone = ClassifierOutput(one.labels, one.truth, one.predicted, one.probabilities, np.arange(30))
    found, wanted = figures_of(one, weights), figures_of(alone, weights[one.groups])
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, err_msg=name)


def test_calibration_error_by_hand() -> None:
    """Two bins: three scans at 0.9 of which two are right, one at 0.6 which is wrong."""
    shares = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.6, 0.4]])
    truth, guess = np.array([0, 1, 1, 1]), np.array([0, 0, 1, 0])
    found = figures_of(
        ClassifierOutput(("a", "b"), truth, guess, shares, np.arange(4)), np.ones((4, 1))
    )
    assert found["ece"] == pytest.approx((3 * (0.9 - 2 / 3) + 0.6) / 4)
    assert found["brier"] == pytest.approx((0.01 + 0.81 + 0.01 + 0.36) / 4)


def test_what_is_said_by_a_majority_need_not_be_the_likeliest() -> None:
    shares = np.array([[0.6, 0.4]])
    said = ClassifierOutput(("a", "b"), np.array([1]), np.array([1]), shares, np.array([0]))
    assert figures_of(said, np.ones((1, 1)))["ece"] == pytest.approx(0.6)


def test_the_perfect_and_the_constant_one() -> None:
    truth = np.arange(9) % 3
    perfect = ClassifierOutput(LABELS, truth, truth, np.eye(3)[truth], np.arange(9))
    one = np.ones((9, 1))
    found = figures_of(perfect, one)
    assert found.pop("brier") == found.pop("ece") == 0
    assert set(np.concatenate(list(found.values()))) == {1.0}
    always = figures_of(majority_baseline(perfect, np.array([0.4, 0.3, 0.3])), one)
    assert always["accuracy"] == always["balanced_accuracy"] == pytest.approx(1 / 3)
    assert (always["mcc"], always["auroc"]) == (0, 0.5)
    assert np.isnan([always["precision_b"], always["precision_c"]]).all()
    assert always["average_precision"] == pytest.approx(1 / 3)


def test_a_class_absent_from_the_test() -> None:
    whole = answers(30, 3)
    found = figures_of(whole.subset(whole.truth < 2), np.ones((20, 1)))
    undefined = {name for name, value in found.items() if np.isnan(value[0])}
    assert undefined == {
        "sensitivity_c",
        "auroc",
        "auroc_c",
        "average_precision",
        "average_precision_c",
    }
    both = (found["sensitivity_a"] + found["sensitivity_b"]) / 2
    assert found["balanced_accuracy"] == pytest.approx(both)


def test_macro_f1_and_balanced_accuracy_are_of_the_same_classes() -> None:
    """That of b, which is never there, does not halve the macro F1 of a perfect a."""
    one = replace(answers(30, 3), truth=np.zeros(30, int), predicted=np.zeros(30, int))
    found = figures_of(one, np.ones((30, 1)))
    assert found["macro_f1"] == found["balanced_accuracy"] == 1


def test_a_sample_without_a_class_that_the_test_has_is_undefined() -> None:
    one = answers(30, 3)
    weights = (one.truth < 2).astype(float)[:, None]
    found = figures_of(one, weights)
    for name in ("macro_f1", "balanced_accuracy", "auroc", "sensitivity_c"):
        assert np.isnan(found[name][0])
    assert np.isfinite(found["accuracy"][0])


def test_two_classes_at_the_operating_point() -> None:
    base = answers(40, 5, LABELS[:2])
    point = OperatingPoint(1, 0.3)
    one = ClassifierOutput(
        base.labels, base.truth, base.predicted, base.probabilities, base.groups, point
    )
    found = figures_of(one, np.ones((40, 1)))
    called = base.probabilities[:, 1] >= 0.3
    assert found["operating_sensitivity"] == pytest.approx(called[base.truth == 1].mean())
    assert found["operating_specificity"] == pytest.approx((~called[base.truth == 0]).mean())
    assert "operating_sensitivity" not in figures_of(base, np.ones((40, 1)))


def said(truth: list[int], guess: list[int], negative: int | None = 2) -> ClassifierOutput:
    own = np.arange(len(truth))
    shares = np.eye(3)[guess]
    return ClassifierOutput(
        LABELS, np.array(truth), np.array(guess), shares, own, negative=negative
    )


def test_classes_with_the_finding_alone() -> None:
    # the last two scans have no finding: the false alarm of the last one does not count
    one = said([0, 0, 1, 1, 2, 2], [0, 2, 1, 0, 2, 0])
    found = figures_of(one, np.ones((6, 1)))
    assert found["positive_classes_accuracy"] == pytest.approx(2 / 4)
    assert found["positive_classes_balanced_accuracy"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    # of a: 1 hit, 2 scans, said of 2; of b: 1 hit, 2 scans, said of 1
    assert found["positive_classes_macro_f1"] == pytest.approx((2 / 4 + 2 / 3) / 2)
    assert found["macro_f1"] != pytest.approx(found["positive_classes_macro_f1"])
    groups = effective_groups(one)
    assert groups["positive_classes_accuracy"] == 4
    assert groups["positive_classes_macro_f1"] == 2


def test_without_a_negative_class_none_is_set_apart() -> None:
    found = figures_of(said([0, 1, 2], [0, 1, 2], negative=None), np.ones((3, 1)))
    assert not [name for name in found if name.startswith("positive_classes")]


def test_a_test_without_any_finding_tells_nothing_of_findings() -> None:
    found = bootstrap({"one": said([2, 2, 2], [2, 0, 2])}, 1)["one"]
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        one = found[f"positive_classes_{name}"]
        assert np.isnan([one.value, *one.interval()]).all()


def test_figures_rest_on_the_groups_that_tell_of_them() -> None:
    truth, owner = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 1, 2, 2, 3])
    one = ClassifierOutput(("a", "b"), truth, np.zeros(6, int), np.full((6, 2), 0.5), owner)
    groups = effective_groups(one)
    assert (groups["sensitivity_a"], groups["sensitivity_b"], groups["auroc_a"]) == (3, 2, 2)
    assert (groups["precision_a"], groups["precision_b"], groups["macro_f1"]) == (4, 0, 2)


def test_models_are_paired_and_groups_are_the_unit() -> None:
    one = answers(60, 1, groups=20)
    copies = ClassifierOutput(
        one.labels,
        one.truth.repeat(4),
        one.predicted.repeat(4),
        one.probabilities.repeat(4, axis=0),
        one.groups.repeat(4),
    )
    found = bootstrap({"one": one, "again": one}, 1)
    fourfold = bootstrap({"copies": copies}, 1)["copies"]
    for name, figure in found["one"].items():
        np.testing.assert_array_equal(figure.drawn, found["again"][name].drawn)
        np.testing.assert_allclose(figure.drawn, fourfold[name].drawn, atol=1e-9)
        assert figure.interval() == pytest.approx(fourfold[name].interval(), nan_ok=True)


def test_counts_alone_have_the_same_intervals() -> None:
    one = answers(120, seed=3, groups=40)
    (ours,) = chief_estimates([one.counts()], seed=4)
    theirs = bootstrap({"m": one}, 4, (confusion_metrics,))["m"]
    for name in ("accuracy", "macro_f1"):
        assert ours[name].groups == theirs[name].groups
        assert ours[name].interval() == pytest.approx(theirs[name].interval())
