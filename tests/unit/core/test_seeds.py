"""Seeds by purpose: the same everywhere, another for each use."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.core.seeds import derive_seed, rng


@given(st.integers(0, 2**64), st.lists(st.text(max_size=5), max_size=3))
@settings(max_examples=50)
def test_a_seed_is_never_zero_and_fits_31_bits(seed: int, purpose: list[str]) -> None:
    assert 1 <= derive_seed(seed, *purpose) < 2**31
    assert derive_seed(seed, *purpose) == derive_seed(seed, *purpose)


def test_seeds_stay_what_they_were() -> None:
    """A change would silently change every split and copy."""
    assert derive_seed(2021) == 468328674
    assert derive_seed(2021, "augment", "scan", 1) == 1650470091


def test_each_use_has_its_own() -> None:
    uses = [(seed, word, place) for seed in (1, 2) for word in "ab" for place in range(250)]
    assert len({derive_seed(*use) for use in uses}) == len(uses)


def test_a_generator_does_not_depend_on_other_draws() -> None:
    one = rng(1, "split").random(5)
    np.random.default_rng(3).random(10)
    rng(1, "other").random(7)
    np.testing.assert_array_equal(rng(1, "split").random(5), one)
    assert (rng(2, "split").random(5) != one).all()
