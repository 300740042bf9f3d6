"""Tables of predictions and the run-length code of masks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.predictions import (
    class_predictions,
    decode_mask,
    encode_mask,
    labels_of,
    mask_predictions,
    probabilities,
    read_predictions,
)


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9)))
@settings(max_examples=100)
def test_masks_survive_their_code(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_mask(encode_mask(mask), *mask.shape), mask)


@given(arrays(np.uint8, (5, 7), elements=st.integers(0, 1)))
@settings(max_examples=30)
def test_masks_of_zero_and_one_have_the_same_code(mask: np.ndarray) -> None:
    assert encode_mask(mask) == encode_mask(mask > 0)


@pytest.mark.parametrize(
    ("pixels", "code"),
    [
        ([], ""),
        ([(0, 0)], "0 1"),
        ([(1, 3)], "7 1"),
        ([(0, 3), (1, 0)], "3 2"),  # a run goes on in the next row
        ([(0, 0), (0, 2)], "0 1 2 1"),
    ],
)
def test_the_code_is_start_and_length(pixels: list[tuple[int, int]], code: str) -> None:
    mask = np.zeros((2, 4), bool)
    for pixel in pixels:
        mask[pixel] = True
    assert encode_mask(mask) == code


def test_a_full_mask_is_one_run() -> None:
    assert encode_mask(np.ones((3, 5), bool)) == "0 15"


def shard() -> dict[str, np.ndarray]:
    return {"scan_ids": np.array(["NA", "007", "c"]), "labels": np.array([1, 0, 1])}


def test_a_row_says_truth_guess_and_probabilities() -> None:
    predicted = np.array([[0.25, 0.75], [0.1234567, 0.8765433], [0.5, 0.5]], np.float32)
    table = class_predictions("ann/a", "test", shard(), predicted, ["glioma", "none"])
    assert table["label"].tolist() == ["none", "glioma", "none"]
    assert table["predicted"].tolist() == ["none", "none", "glioma"]
    assert set(table["model"]) == {"ann/a"}
    assert set(table["split"]) == {"test"}
    assert labels_of(table) == ["glioma", "none"]
    np.testing.assert_allclose(probabilities(table), predicted, atol=1e-6)


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Names such as NA and 007 stay text."""
    predicted = np.array([[0.2, 0.8], [0.3, 0.7], [1, 0]])
    table = class_predictions("m", "test", shard(), predicted, ["no", "yes"])
    write_csv(table, tmp_path / "predictions.csv")
    read = read_predictions(tmp_path / "predictions.csv")
    assert read.astype(str).equals(table.astype(str))
    np.testing.assert_array_equal(probabilities(read), predicted)


def test_masks_are_read_as_they_were_written(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    truths, masks = (
        random.integers(0, 2, (3, 4, 6)).astype(np.uint8),
        random.random((3, 4, 6)) < 0.5,
    )
    truths[0], masks[1] = 0, False
    manifest = pd.DataFrame({"scan_id": ["NA", "007", "c"], "patient": ["p1", "002", ""]})
    manifest = manifest.assign(pixel_height=1.5, pixel_width=2, pixel_unit="mm")
    table = mask_predictions("test", manifest, truths, masks)
    write_csv(table, tmp_path / "predictions.csv")
    read = read_predictions(tmp_path / "predictions.csv")
    # a slice of nobody known stands for itself
    assert read["patient"].tolist() == ["p1", "002", "c"]
    for row, (_, scan) in enumerate(read.iterrows()):
        size = scan["height"], scan["width"]
        np.testing.assert_array_equal(decode_mask(scan["truth"], *size), truths[row])
        np.testing.assert_array_equal(decode_mask(scan["predicted"], *size), masks[row])


def test_a_missing_table_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"predictions\.csv is missing"):
        read_predictions(tmp_path / "predictions.csv")
