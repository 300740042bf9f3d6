"""Shards: what is written is read, and nothing but arrays is."""

import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.arrays import (
    SHARD_BYTES,
    SHARD_ROWS,
    load_shard,
    memmap_split,
    read_split,
    rows_per_shard,
    stream_shards,
    write_shards,
)
from scanvote.core.errors import InputError


def row(number: int) -> dict[str, object]:
    return {
        "images": np.full((4, 3, 1), number, np.uint8),
        "scan_ids": np.array("scan" + "x" * number),  # of different lengths
        "labels": np.int64(number % 3),
    }


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [(1, [1]), (4, [4]), (5, [4, 1]), (8, [4, 4]), (9, [4, 4, 1])],
)
def test_rows_are_cut_into_shards(tmp_path: Path, rows: int, sizes: list[int]) -> None:
    assert write_shards(tmp_path, "train", map(row, range(rows)), size=4) == rows
    assert names(tmp_path) == [f"train-{shard:05}.pkl" for shard in range(len(sizes))]
    assert [len(shard["images"]) for shard in stream_shards(tmp_path, "train")] == sizes


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    rows = [row(number) for number in range(7)]
    write_shards(tmp_path, "train", rows, size=3)
    whole = read_split(tmp_path, "train")
    assert {key: array.dtype.kind for key, array in whole.items()} == {
        "images": "u",
        "scan_ids": "U",
        "labels": "i",
    }
    for number, wanted in enumerate(rows):
        for key, value in wanted.items():
            np.testing.assert_array_equal(whole[key][number], value)


def test_splits_lie_side_by_side(tmp_path: Path) -> None:
    write_shards(tmp_path, "train", [row(1)])
    write_shards(tmp_path, "test", [row(2), row(2)])
    assert read_split(tmp_path, "train")["labels"].tolist() == [1]
    assert read_split(tmp_path, "test")["labels"].tolist() == [2, 2]


def test_no_rows_are_no_shard(tmp_path: Path) -> None:
    assert write_shards(tmp_path, "train", []) == 0
    with pytest.raises(InputError, match="has no train shards"):
        read_split(tmp_path, "train")


def test_rows_are_taken_as_they_are_needed(tmp_path: Path) -> None:
    """The first shard lies on disk before the second one's rows are made."""

    def rows() -> object:
        yield from map(row, range(2))
        assert names(tmp_path) == ["train-00000.pkl"]
        yield row(2)

    assert write_shards(tmp_path, "train", rows(), size=2) == 3


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_shards(tmp_path / folder, "train", map(row, range(5)), size=2)
    for name in names(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_shards_of_several_writers_are_those_of_one(tmp_path: Path) -> None:
    rows = [row(number) for number in range(7)]
    write_shards(tmp_path / "one", "train", rows, size=3)
    for shard in (2, 0, 1):
        part = rows[3 * shard : 3 * shard + 3]
        write_shards(tmp_path / "many", "train", part, size=3, first=shard)
    assert names(tmp_path / "one") == names(tmp_path / "many")
    for name in names(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes()


def test_shards_beyond_the_thousandth_stay_in_order(tmp_path: Path) -> None:
    for shard in (1000, 999, 10000):
        write_shards(tmp_path, "train", [row(shard % 7)], first=shard)
    order = [shard["images"][0, 0, 0, 0] for shard in stream_shards(tmp_path, "train")]
    assert order == [999 % 7, 1000 % 7, 10000 % 7]


@pytest.mark.parametrize("row_bytes", [1, 1 << 10, 1 << 20, 1 << 30])
def test_a_shard_is_bounded_in_rows_and_in_bytes(row_bytes: int) -> None:
    rows = rows_per_shard(row_bytes)
    assert 1 <= rows <= SHARD_ROWS
    assert rows == 1 or rows * row_bytes <= SHARD_BYTES


def test_rows_that_lie_across_memory_are_read_back(tmp_path: Path) -> None:
    across = np.arange(6, dtype=np.uint8).reshape(2, 3).T
    write_shards(tmp_path, "train", [{"masks": across}, {"masks": across + 1}])
    np.testing.assert_array_equal(read_split(tmp_path, "train")["masks"], [across, across + 1])


@pytest.mark.parametrize("dtype", ["<i8", ">i8", "<f4", "?", "<U3", ">U3", "u1"])
def test_either_order_of_bytes_is_read(dtype: str) -> None:
    array = np.array([0, 1, 1], dtype)
    read = load_shard(io.BytesIO(pickle.dumps({"a": array}, protocol=5)))["a"]
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


# -- pixels in a file ----------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "repository"))
    return tmp_path / "repository"


def masked(number: int) -> dict[str, object]:
    random = np.random.default_rng(number)
    one = {key: value for key, value in row(number).items() if key != "labels"}
    return {**one, "masks": random.integers(0, 2, (4, 3), "uint8")}


@pytest.mark.parametrize("make", [row, masked])
@pytest.mark.parametrize("size", [1, 3, 99])
def test_a_mapped_split_is_the_split(
    tmp_path: Path, root: Path, make: Callable[[int], dict[str, object]], size: int
) -> None:
    write_shards(tmp_path, "train", map(make, range(7)), size=size)
    whole, mapped = read_split(tmp_path, "train"), memmap_split(tmp_path, "train")
    assert set(mapped) == set(whole)
    for key, array in whole.items():
        assert mapped[key].dtype == array.dtype
        np.testing.assert_array_equal(mapped[key], array)
    in_files = {key for key, array in mapped.items() if isinstance(array, np.memmap)}
    assert in_files == {"images", "masks"} & set(whole)


def test_the_file_of_a_mapped_split_has_no_name(tmp_path: Path, root: Path) -> None:
    write_shards(tmp_path, "train", map(row, range(7)), size=3)
    mapped = memmap_split(tmp_path, "train")
    assert list((root / ".cache").iterdir()) == []
    for path in tmp_path.glob("*.pkl"):
        path.unlink()
    np.testing.assert_array_equal(mapped["images"][:, 0, 0, 0], range(7))
    del mapped
    assert list((root / ".cache").iterdir()) == []


def test_a_mapped_split_cannot_be_changed(tmp_path: Path, root: Path) -> None:
    write_shards(tmp_path, "train", [row(1)])
    with pytest.raises(ValueError, match="read-only"):
        memmap_split(tmp_path, "train")["images"][0] = 0


def test_rows_of_a_mapped_split_are_taken_in_any_order(tmp_path: Path, root: Path) -> None:
    write_shards(tmp_path, "train", map(row, range(7)), size=3)
    images = memmap_split(tmp_path, "train")["images"]
    taken = images[np.array([6, 0, 3])]
    assert taken[:, 0, 0, 0].tolist() == [6, 0, 3]


def test_a_damaged_split_is_refused_and_leaves_no_file(tmp_path: Path, root: Path) -> None:
    write_shards(tmp_path, "train", map(row, range(7)), size=3)
    (tmp_path / "train-00002.pkl").write_bytes(b"hello")
    with pytest.raises(InputError, match=r"train-00002\.pkl is refused"):
        memmap_split(tmp_path, "train")
    assert list((root / ".cache").iterdir()) == []


# -- what is refused -----------------------------------------------------------


class Calls:
    """A pickle of it calls a function when it is read."""

    def __init__(self, function: object, *args: object) -> None:
        self.call = (function, args)

    def __reduce__(self) -> object:
        return self.call


def test_a_pickle_that_calls_a_command_is_refused_and_calls_nothing(tmp_path: Path) -> None:
    harm = Calls(os.system, f"touch {tmp_path / 'harm'}")
    for number, content in enumerate([harm, {"images": harm}, {"images": np.array([harm])}]):
        (tmp_path / "train-00000.pkl").write_bytes(pickle.dumps(content))
        with pytest.raises(InputError, match=r"train-00000\.pkl is refused: it asks for "):
            read_split(tmp_path, "train")
        assert not (tmp_path / "harm").exists(), number
    pickle.loads(pickle.dumps(harm))
    assert (tmp_path / "harm").exists(), "the pickle would have done no harm anywhere"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(Calls(eval, "1"), id="eval"),
        pytest.param({"a": Calls(np.fromfile, os.devnull)}, id="a function of numpy"),
        pytest.param({"a": Path("a")}, id="a class"),
        pytest.param({"a": np.array([{}], object)}, id="objects"),
        pytest.param({"a": np.zeros(2, [("x", "u1")])}, id="records"),
        pytest.param({"a": np.zeros(2, "V4")}, id="raw memory"),
        pytest.param({"a": np.zeros(2, "M8[s]")}, id="dates"),
        pytest.param({"a": 1}, id="a number"),
        pytest.param([np.zeros(1)], id="a list"),
        pytest.param(np.zeros(1), id="a bare array"),
    ],
)
def test_anything_but_a_dict_of_arrays_is_refused(content: object) -> None:
    with pytest.raises(pickle.UnpicklingError):
        load_shard(io.BytesIO(pickle.dumps(content, protocol=5)))


@pytest.fixture(scope="module")
def shard() -> bytes:
    rows = [row(number) for number in range(3)]
    content = {key: np.ascontiguousarray([one[key] for one in rows]) for key in rows[0]}
    return pickle.dumps(content, protocol=5)


def test_a_truncated_shard_is_refused_by_name(tmp_path: Path, shard: bytes) -> None:
    path = tmp_path / "train-00000.pkl"
    for length in range(len(shard)):
        path.write_bytes(shard[:length])
        with pytest.raises(InputError, match=r"train-00000\.pkl is refused"):
            read_split(tmp_path, "train")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@given(st.data())
@settings(max_examples=200)
def test_a_damaged_shard_is_arrays_or_refused(shard: bytes, data: st.DataObject) -> None:
    damaged = bytearray(shard)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(shard) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = load_shard(io.BytesIO(bytes(damaged)))
    except pickle.UnpicklingError:
        return
    assert all(isinstance(array, np.ndarray) for array in found.values())


def test_a_dtype_with_a_made_up_state_is_harmless() -> None:
    """numpy's own dtype would take the size of an item from the state, and read beyond it."""
    pickled = pickle.dumps({"a": np.zeros(8, "U1")}, protocol=5)
    # the size of an item of the dtype, U1, stands behind three None of its state
    made_up = pickled.replace(b"NNNK\x04", b"NNNK\xff")
    assert made_up != pickled
    assert load_shard(io.BytesIO(made_up))["a"].itemsize == 4


@pytest.mark.parametrize("text", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"hello"])
def test_a_file_that_is_no_pickle_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "test-00000.pkl").write_bytes(text)
    with pytest.raises(InputError, match="is refused"):
        read_split(tmp_path, "test")
