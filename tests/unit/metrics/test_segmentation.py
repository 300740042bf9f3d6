"""Dice by hand, and the rule for empty masks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.metrics.segmentation import (
    all_empty,
    count_pixels,
    dice_of,
    evaluate_masks,
    patient_counts,
    slice_counts,
)
from scanvote.predictions import mask_predictions

SHAPE = (4, 5)


def mask(pixels: int, start: int = 0) -> np.ndarray:
    flat = np.zeros(SHAPE[0] * SHAPE[1], bool)
    flat[start : start + pixels] = True
    return flat.reshape(SHAPE)


def slices(*rows: tuple[str, np.ndarray, np.ndarray]) -> pd.DataFrame:
    """The counts of slices, each of a patient, a truth and a prediction."""
    names = np.array([f"scan{number}" for number in range(len(rows))])
    truths = np.stack([truth for _, truth, _ in rows]).astype(np.uint8)
    masks = np.stack([predicted for _, _, predicted in rows])
    patients = dict(zip(names, [patient for patient, _, _ in rows], strict=True))
    shard = {"scan_ids": names, "masks": truths}
    return slice_counts(mask_predictions("test", shard, masks, patients))


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
    assert slices(("p", truth, predicted))["dice"].tolist() == [dice]


@given(st.integers(0, 2**31))
@settings(max_examples=30)
def test_dice_does_not_ask_which_is_the_truth(seed: int) -> None:
    random = np.random.default_rng(seed)
    one, other = random.random((2, 6, *SHAPE)) < random.random()
    there, back = count_pixels(one, other), count_pixels(other, one)
    dice = dice_of(there["overlap"], there["predicted"], there["truth"])
    np.testing.assert_array_equal(dice, dice_of(back["overlap"], back["predicted"], back["truth"]))
    assert ((dice >= 0) & (dice <= 1)).all()


@pytest.fixture
def cohort() -> pd.DataFrame:
    """Patient b: a hit and a false alarm; patient a: a miss and a healthy slice; c: healthy."""
    return slices(
        ("b", mask(4), mask(4)),
        ("b", mask(0), mask(2)),
        ("a", mask(5), mask(0)),
        ("a", mask(0), mask(0)),
        ("c", mask(0), mask(0)),
    )


def test_a_patient_is_all_slices_together(cohort: pd.DataFrame) -> None:
    patients = patient_counts(cohort)
    assert patients["patient"].tolist() == ["a", "b", "c"]
    assert patients["slices"].tolist() == [2, 2, 1]
    assert patients["dice"].tolist() == [0, pytest.approx(8 / 10), 1]
    assert patients["pixels"].tolist() == [40, 40, 20]


def test_figures_by_hand(cohort: pd.DataFrame) -> None:
    assert evaluate_masks(cohort) == {
        "dice_patient_mean": pytest.approx(1.8 / 3),
        "dice_patient_median": pytest.approx(0.8),
        "dice_slice_mean": pytest.approx((1 + 0 + 0 + 1 + 1) / 5),
        "dice_tumour_slice_mean": pytest.approx(0.5),
        "pixel_accuracy": pytest.approx(1 - 7 / 100),
        "pixel_sensitivity": pytest.approx(4 / 9),
        "slice_sensitivity": pytest.approx(0.5),
        "slice_specificity": pytest.approx(2 / 3),
    }


def test_the_predictor_that_marks_nothing(cohort: pd.DataFrame) -> None:
    nothing = [("b", mask(4)), ("b", mask(0)), ("a", mask(5)), ("a", mask(0)), ("c", mask(0))]
    wanted = slices(*[(patient, truth, mask(0)) for patient, truth in nothing])
    pd.testing.assert_frame_equal(all_empty(cohort), wanted)
    figures = evaluate_masks(all_empty(cohort))
    assert figures["dice_slice_mean"] == pytest.approx(3 / 5), "healthy slices are right"
    assert figures["dice_patient_mean"] == pytest.approx(1 / 3)
    assert figures["slice_sensitivity"] == 0
    assert figures["slice_specificity"] == 1
    assert figures["pixel_accuracy"] == pytest.approx(1 - 9 / 100)


def test_the_perfect_predictor() -> None:
    perfect = slices(("a", mask(3), mask(3)), ("a", mask(0), mask(0)))
    assert set(evaluate_masks(perfect).values()) == {1.0}


def test_the_order_of_the_slices_does_not_matter(cohort: pd.DataFrame) -> None:
    shuffled = cohort.sample(frac=1, random_state=1)
    assert evaluate_masks(shuffled) == pytest.approx(evaluate_masks(cohort))


def test_scans_keep_their_names_and_patients(cohort: pd.DataFrame) -> None:
    assert cohort["scan_id"].tolist() == [f"scan{number}" for number in range(5)]
    assert cohort["patient"].tolist() == ["b", "b", "a", "a", "c"]
