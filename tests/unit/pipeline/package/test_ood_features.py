"""Numbers that tell how a scan looks, and not what it shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanvote.pipeline.package.ood_features import BINS, NUMBERS, intensity_statistics
from tests.making import picture


def scans(*images: np.ndarray) -> np.ndarray:
    return np.stack(images)[..., None]


HEAD = picture(3)


def test_a_blank_scan_has_numbers_and_no_contrast() -> None:
    blank = intensity_statistics(
        scans(*(np.full((9, 7), value, np.uint8) for value in (0, 128, 255)))
    )
    assert blank.shape == (3, NUMBERS)
    assert np.isfinite(blank).all()
    assert blank[:, BINS + 1 : BINS + 4] == pytest.approx(np.zeros((3, 3)), abs=1e-9)


def test_the_histogram_s_shares_are_of_all_pixels() -> None:
    shares = intensity_statistics(scans(HEAD, 255 - HEAD))[:, :BINS] ** 2
    assert np.allclose(shares.sum(axis=1), 1)
    assert np.allclose(shares[0], shares[1][::-1], atol=0.02)


def test_what_is_done_to_a_scan_changes_its_numbers() -> None:
    noise = np.random.default_rng(0).integers(0, 256, HEAD.shape).astype(np.uint8)
    others = (255 - HEAD, HEAD[::-1], np.rot90(HEAD), HEAD // 2, noise, np.zeros_like(HEAD))
    found = intensity_statistics(scans(HEAD, *others))
    assert (np.abs(found[1:] - found[0]).max(axis=1) > 0.02).all()


def test_alike_channels_are_one() -> None:
    assert np.allclose(
        intensity_statistics(scans(HEAD)), intensity_statistics(np.repeat(scans(HEAD), 3, axis=-1))
    )


@given(st.integers(0, 99), st.permutations(range(5)))
def test_each_scan_is_described_by_itself(seed: int, order: list[int]) -> None:
    many = scans(*(picture(seed + place, 20) for place in range(5)))
    assert np.allclose(
        intensity_statistics(many)[order], intensity_statistics(many[order]), atol=1e-6
    )
