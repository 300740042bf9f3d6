"""Who stays together where the patient is unknown."""

import cv2
import numpy as np
import pandas as pd

from scanvote.pipeline.deduplicate.fingerprints import Fingerprints, perceptual_hashes, thumbnail
from scanvote.pipeline.deduplicate.relatives import relatives, with_look_alikes


def head(seed: int) -> np.ndarray:
    """Blobs within an ellipse on black, (128, 128) uint8."""
    blobs = np.random.default_rng(seed).random((9, 9)).astype(np.float32)
    image = 60 + 180 * cv2.resize(blobs, (128, 128), interpolation=cv2.INTER_CUBIC)
    mask = cv2.ellipse(np.zeros((128, 128), np.uint8), (64, 64), (58, 62), 0, 0, 360, 1, -1)
    return (np.clip(image, 0, 255) * mask).astype(np.uint8)


def groups(images: list[np.ndarray], patients: list[str], cropped: bool = True) -> list[str]:
    """The groups; without `cropped` only the second look can find any."""
    return relatives(rows(patients), prints(images, cropped), 0.9)


def rows(patients: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"scan_id": list("abcdefgh")[: len(patients)], "patient": patients})


def prints(images: list[np.ndarray], cropped: bool = True) -> Fingerprints:
    small = np.stack([thumbnail(image) for image in images])
    return Fingerprints(perceptual_hashes(small), small, small if cropped else np.zeros_like(small))


def test_two_known_patients_are_no_relatives_however_alike() -> None:
    assert groups([head(0), head(0), head(1)], ["p", "q", ""]) == ["", "", ""]


def test_an_unknown_scan_joins_the_known_one_it_resembles() -> None:
    assert groups([head(1), head(0), head(0), head(2)], ["", "p", "", "q"]) == ["", "b", "b", ""]


def test_relatives_chain() -> None:
    first, last = (head(seed).astype(float) for seed in (0, 1))
    mixed = [(1 - part) * first + part * last for part in (0, 0.25, 0.5, 0.75, 1)]
    images = [image.astype(np.uint8) for image in mixed]
    assert groups(images, [""] * 5) == ["a"] * 5
    assert groups([images[0], images[4]], [""] * 2) == ["", ""]


def test_a_cut_copy_of_a_known_patient_is_found_by_the_second_look() -> None:
    cut = head(0)[5:-5, 4:-6]
    assert groups([head(0), cut, head(1)], ["p", "", ""], cropped=False) == ["a", "a", ""]


def test_there_is_no_second_look_among_the_unknown() -> None:
    cut = head(0)[5:-5, 4:-6]
    assert groups([head(0), cut], ["", ""], cropped=False) == ["", ""]


def test_no_scan_has_no_relatives() -> None:
    empty = np.empty((0, 64, 64), np.uint8)
    none = Fingerprints(np.empty(0, np.uint64), empty, empty)
    assert relatives(pd.DataFrame({"scan_id": [], "patient": []}, dtype=str), none, 0.9) == []


def test_look_alikes_are_the_relatives_had_no_patient_been_known() -> None:
    images = [head(0), head(0), head(1), head(1)]
    found = with_look_alikes(rows(["p", "q", "p", ""]), prints(images), 0.9)
    assert found["look_alikes"].tolist() == groups(images, [""] * 4) == ["a", "a", "c", "c"]
    assert found["patient"].tolist() == ["p", "q", "p", ""]


def test_there_is_nothing_to_compare_where_all_patients_are_known_or_none() -> None:
    images = [head(0), head(0)]
    for patients in (["p", "q"], ["", ""]):
        assert "look_alikes" not in with_look_alikes(rows(patients), prints(images), 0.9)
