"""Dice by hand, the rule for empty masks, and intervals over the patients."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.metrics.segmentation import (
    count_pixels,
    empty_prediction_baseline,
    evaluate_masks,
    mean_difference,
    measure,
    patient_dice,
    patient_intervals,
    weighted_mean,
    weighted_median,
)
from scanvote.predictions import mask_predictions

SHAPE = (4, 5)
DIAGONAL = float(np.hypot(*SHAPE))


def mask(pixels: int, start: int = 0) -> np.ndarray:
    flat = np.zeros(SHAPE[0] * SHAPE[1], bool)
    flat[start : start + pixels] = True
    return flat.reshape(SHAPE)


def rows(*given: tuple[str, np.ndarray, np.ndarray], **facts: object) -> pd.DataFrame:
    """The predictions of slices, each of a patient, a truth and a prediction."""
    manifest = pd.DataFrame({"patient": [patient for patient, _, _ in given]})
    manifest["scan_id"] = [f"scan{number}" for number in range(len(given))]
    square = {"pixel_height": 1.0, "pixel_width": 1.0, "pixel_unit": "px"}
    manifest = manifest.assign(**square | facts)
    truths, masks = [one[1] for one in given], [one[2] for one in given]
    return mask_predictions("test", manifest, truths, masks)


def measured(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return measure(table, tolerance=1.0)


@pytest.mark.parametrize(
    ("truth", "predicted", "dice"),
    [
        pytest.param(mask(0), mask(0), 1, id="both empty"),
        pytest.param(mask(0), mask(1), 0, id="truth empty"),
        pytest.param(mask(1), mask(0), 0, id="prediction empty"),
        pytest.param(mask(1), mask(1), 1, id="one pixel"),
        pytest.param(mask(1), mask(1, 1), 0, id="the pixel beside"),
        pytest.param(mask(4), mask(4, 2), 0.5, id="half"),
        pytest.param(mask(20), mask(20), 1, id="full"),
        pytest.param(mask(2), mask(6), 0.5, id="too large"),
    ],
)
def test_dice_of_a_slice(truth: np.ndarray, predicted: np.ndarray, dice: float) -> None:
    slices, patients = measured(rows(("p", truth, predicted)))
    union = int((truth | predicted).sum())
    assert slices["dice"].tolist() == patients["dice"].tolist() == [dice]
    assert slices["iou"].tolist() == [dice / (2 - dice) if union else 1]
    for name, whole in (("precision", predicted), ("sensitivity", truth)):
        hit = (truth & predicted).sum() / max(whole.sum(), 1)
        assert slices[name].tolist() == [hit if union else 1]


@given(st.integers(0, 2**31))
@settings(max_examples=30)
def test_dice_does_not_ask_which_is_the_truth(seed: int) -> None:
    random = np.random.default_rng(seed)
    one, other = random.random((2, 6, *SHAPE)) < random.random()
    there, back = list(map(count_pixels, one, other)), list(map(count_pixels, other, one))
    patients = ["a", "b", "a", "c", "c", "c"]
    dice = patient_dice(there, patients)
    np.testing.assert_array_equal(dice, patient_dice(back, patients))
    assert len(dice) == 3
    assert ((dice >= 0) & (dice <= 1)).all()


@pytest.fixture
def cohort() -> pd.DataFrame:
    """Patient b: a hit and a false alarm; patient a: a miss and a healthy slice; c: healthy."""
    return rows(
        ("b", mask(4), mask(4)),
        ("b", mask(0), mask(2)),
        ("a", mask(5), mask(0)),
        ("a", mask(0), mask(0)),
        ("c", mask(0), mask(0)),
    )


def test_a_patient_is_all_slices_together(cohort: pd.DataFrame) -> None:
    _, patients = measured(cohort)
    assert patients["patient"].tolist() == ["a", "b", "c"]
    assert patients["slices"].tolist() == [2, 2, 1]
    assert patients["dice"].tolist() == [0, pytest.approx(8 / 10), 1]
    assert patients["iou"].tolist() == [0, pytest.approx(4 / 6), 1]
    assert patients["pixels"].tolist() == [40, 40, 20]
    assert patients["truth_area"].tolist() == [5, 4, 0]
    assert patients["predicted_area"].tolist() == [0, 6, 0]


def test_the_distance_of_a_patient_is_of_the_slices_where_both_masks_have_pixels(
    cohort: pd.DataFrame,
) -> None:
    _, patients = measured(cohort)
    assert patients["hd95"].tolist() == [pytest.approx(DIAGONAL), 0, 0], "missed, hit, healthy"
    # b: 4 pixels at 0 either way, 2 of the false alarm a diagonal off
    assert patients["surface_dice"].tolist() == [0, pytest.approx(8 / 10), 1]


def test_figures_by_hand(cohort: pd.DataFrame) -> None:
    assert evaluate_masks(*measured(cohort)) == {
        "dice_patient_mean": pytest.approx(1.8 / 3),
        "dice_patient_median": pytest.approx(0.8),
        "iou_patient_mean": pytest.approx((0 + 4 / 6 + 1) / 3),
        "hd95_patient_mean": pytest.approx(DIAGONAL / 3),
        "surface_dice_patient_mean": pytest.approx(1.8 / 3),
        "dice_slice_mean": pytest.approx((1 + 0 + 0 + 1 + 1) / 5),
        "dice_tumour_slice_mean": pytest.approx(0.5),
        "pixel_accuracy": pytest.approx(1 - 7 / 100),
        "pixel_sensitivity": pytest.approx(4 / 9),
        "pixel_precision": pytest.approx(4 / 6),
        "slice_sensitivity": pytest.approx(0.5),
        "slice_specificity": pytest.approx(2 / 3),
    }


def test_the_predictor_that_marks_nothing(cohort: pd.DataFrame) -> None:
    figures = evaluate_masks(*measured(empty_prediction_baseline(cohort)))
    assert figures["dice_slice_mean"] == pytest.approx(3 / 5), "healthy slices are right"
    assert figures["dice_patient_mean"] == pytest.approx(1 / 3)
    assert figures["slice_sensitivity"] == 0
    assert figures["slice_specificity"] == 1
    assert figures["pixel_accuracy"] == pytest.approx(1 - 9 / 100)


def test_the_perfect_predictor() -> None:
    perfect = evaluate_masks(*measured(rows(("a", mask(3), mask(3)), ("a", mask(0), mask(0)))))
    assert perfect.pop("hd95_patient_mean") == 0
    assert set(perfect.values()) == {1.0}


def test_the_order_of_the_slices_does_not_matter(cohort: pd.DataFrame) -> None:
    shuffled = cohort.sample(frac=1, random_state=1).reset_index(drop=True)
    one, other = (evaluate_masks(*measured(table)) for table in (shuffled, cohort))
    assert one == pytest.approx(other)


def test_scans_keep_their_names_and_patients(cohort: pd.DataFrame) -> None:
    slices, _ = measured(cohort)
    assert slices["scan_id"].tolist() == [f"scan{number}" for number in range(5)]
    assert slices["patient"].tolist() == ["b", "b", "a", "a", "c"]


def test_areas_and_distances_are_in_the_unit_of_the_pixels() -> None:
    given = ("a", mask(1), mask(1, 1)), ("a", mask(1), mask(1))
    half = {"pixel_height": 0.5, "pixel_width": 0.5, "pixel_unit": "mm"}
    for facts, unit, side in ((half, "mm", 0.5), ({}, "px", 1)):
        slices, patients = measured(rows(*given, **facts))
        assert patients["unit"].tolist() == [unit]
        assert patients["truth_area"].tolist() == [2 * side**2]
        assert slices["hd95"].tolist() == [side, 0]


# -- intervals ---------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.integers(0, 2**31))
@settings(max_examples=50)
def test_weighted_figures_are_those_of_the_repeated_values(values: list[float], seed: int) -> None:
    array = np.array(values)
    weights = np.random.default_rng(seed).integers(0, 4, (len(array), 5)).astype(float)
    weights[:, 0] = 0
    found = weighted_mean(array, weights), weighted_median(array, weights)
    assert np.isnan(found).all(axis=0).tolist() == (weights.sum(axis=0) == 0).tolist()
    there = weights.sum(axis=0) > 0
    repeated = [np.repeat(array, column.astype(int)) for column in weights.T[there]]
    np.testing.assert_allclose(found[0][there], [r.mean() for r in repeated])
    np.testing.assert_allclose(found[1][there], [np.median(r) for r in repeated])


def test_intervals_hold_the_figure_and_narrow_with_patients() -> None:
    random = np.random.default_rng(1)
    widths = []
    for count in (10, 160):
        patients = pd.DataFrame({"dice": random.beta(8, 2, count)})
        found = patient_intervals(patients.assign(iou=patients["dice"] / 2), seed=3)
        for name, value in (
            ("dice_patient_mean", patients["dice"].mean()),
            ("dice_patient_median", patients["dice"].median()),
            ("iou_patient_mean", patients["dice"].mean() / 2),
        ):
            assert found[f"{name}_low"] <= value <= found[f"{name}_high"]
        widths.append(found["dice_patient_mean_high"] - found["dice_patient_mean_low"])
    assert widths[1] < widths[0] / 2


def test_two_models_are_drawn_alike_and_the_better_one_is_ahead() -> None:
    values = np.random.default_rng(1).random(12)
    ahead = mean_difference(values, values - 0.25, 5)
    np.testing.assert_allclose(ahead.drawn, 0.25)
    low, high = ahead.interval()
    assert 0.25 - low == pytest.approx(high - 0.25) == pytest.approx(1 - 0.025 ** (1 / 12))
    noise = np.random.default_rng(2).normal(0, 0.01, 12)
    low, high = mean_difference(values, values + 0.1 + noise, 5).interval()
    assert -0.12 < low < high < -0.08


def test_of_one_patient_there_is_no_interval() -> None:
    found = patient_intervals(pd.DataFrame({"dice": [0.8], "iou": [0.7]}), seed=1)
    assert found["dice_patient_mean"] == found["dice_patient_median"] == 0.8
    assert np.isnan(
        [value for name, value in found.items() if name.endswith(("low", "high"))]
    ).all()


def test_patients_who_are_all_alike_have_the_exact_interval() -> None:
    alike = patient_intervals(pd.DataFrame({"dice": [0.5] * 8, "iou": [1 / 3] * 8}), seed=1)
    assert alike["dice_patient_mean_low"] == alike["dice_patient_mean_high"] == 0.5
    missed = patient_intervals(pd.DataFrame({"dice": [0.0] * 8, "iou": [0.0] * 8}), seed=1)
    assert missed["dice_patient_mean_low"] == 0
    assert missed["dice_patient_mean_high"] == pytest.approx(1 - 0.025 ** (1 / 8))
