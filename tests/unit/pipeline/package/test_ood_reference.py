"""The distance to the nearest scan of the training, and the radius of what has been seen."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanvote.core.errors import InputError
from scanvote.pipeline.package.ood_reference import Reference, ood_threshold, reference_of


def drawn(seed: int, count: int, numbers: int = 6) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.normal(size=(count, numbers)) * np.arange(1, numbers + 1)).astype(np.float32)


SEEN = drawn(1, 300)
REFERENCE = reference_of(SEEN[:, :4], SEEN[:, 4:])


def test_a_scan_of_the_training_is_at_no_distance() -> None:
    assert (REFERENCE.distances(SEEN) == 0).all()


def test_the_nearest_is_found_whatever_the_others_are() -> None:
    asked = drawn(2, 600)
    scaled = (asked - REFERENCE.centre) / REFERENCE.scale
    all_ = np.linalg.norm(scaled[:, None] - REFERENCE.rows.astype(float), axis=2)
    assert REFERENCE.distances(asked) == pytest.approx(all_.min(axis=1), abs=1e-2)


@given(st.integers(0, 299), st.integers(0, 5), st.floats(1, 1e6))
def test_farther_out_is_farther_away(row: int, number: int, step: float) -> None:
    away = np.zeros(6, np.float32)
    away[number] = np.copysign(step, SEEN[row, number]) * 1e3
    near, far = REFERENCE.distances(SEEN[row] + np.stack([away, 2 * away]))
    assert 0 < near <= far < np.inf


@given(st.integers(0, 9))
def test_more_of_training_brings_nothing_farther_away(seed: int) -> None:
    asked, fewer = drawn(seed, 50), REFERENCE.rows[: 20 + 20 * seed]
    less = Reference(REFERENCE.centre, REFERENCE.scale, fewer)
    assert (REFERENCE.distances(asked) <= less.distances(asked) + 1e-9).all()


def test_parts_weigh_alike_whatever_their_length_and_unit() -> None:
    one, other = drawn(3, 400, 2), drawn(4, 400, 8) * 1000
    scaled = reference_of(one, other).rows.astype(float)
    first, second = ((part**2).sum(axis=1).mean() for part in (scaled[:, :2], scaled[:, 2:]))
    assert first == pytest.approx(second, rel=0.01)


def test_what_never_changed_in_training_tells_when_it_does() -> None:
    seen = SEEN.copy()
    seen[:, 2] = 0
    reference = reference_of(seen)
    other = seen[:1].copy()
    other[0, 2] = np.median(seen.std(axis=0))
    assert reference.distances(other)[0] > 1
    assert np.isfinite(reference_of(np.zeros((4, 3), np.float32)).distances(seen[:, :3])).all()


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=50),
    st.floats(0, 1),
)
def test_at_least_the_share_lies_within_the_radius(distances: list[float], share: float) -> None:
    radius = ood_threshold(np.array(distances), share)
    assert radius > 0
    assert (np.array(distances) <= radius).mean() >= share - 1e-9


def test_it_is_read_as_it_was_written_and_always_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        REFERENCE.write(tmp_path / name)
    found = Reference.read(tmp_path / "one")
    assert (found.distances(drawn(5, 9)) == REFERENCE.distances(drawn(5, 9))).all()
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_what_holds_no_descriptors_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "members.pkl"
    with pytest.raises(InputError, match=r"members\.pkl is missing"):
        Reference.read(path)
    arrays = {"centre": REFERENCE.centre, "scale": REFERENCE.scale, "rows": REFERENCE.rows}
    fewer = {"rows": np.zeros((0, 6), np.float16)}, {"scale": SEEN[0, :3].copy()}
    bad = ({"centre": REFERENCE.centre}, *(arrays | changed for changed in fewer))
    spoilt = [pickle.dumps(one, protocol=5) for one in bad]
    for content in (b"", b"no pickle", pickle.dumps(Path), *spoilt):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"members\.pkl is refused") as caught:
            Reference.read(path)
        assert "\n" not in str(caught.value)
