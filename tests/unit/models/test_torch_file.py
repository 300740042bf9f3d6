import pickle
from pathlib import Path

import numpy as np
import pytest

from scanvote.models.torch_file import read_tensors
from tests.torch_files import Tensor, tensor, write_torch_file

WEIGHT = np.arange(24, dtype="<f4").reshape(2, 3, 4)
TENSORS = {"conv.weight": tensor(WEIGHT), "seen": tensor(np.array([7], "<i8"))}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "net.pth"


def test_tensors_are_read_by_their_names(path: Path) -> None:
    found = read_tensors(write_torch_file(path, TENSORS))
    assert list(found) == ["conv.weight", "seen"]
    assert found["conv.weight"].dtype == np.float32
    assert np.array_equal(found["conv.weight"], WEIGHT)
    assert found["seen"].tolist() == [7]


def test_a_tensor_may_be_turned_and_a_part_of_its_storage(path: Path) -> None:
    numbers = np.arange(10, dtype="<f4")
    found = read_tensors(write_torch_file(path, {"a": Tensor(numbers, (2, 3), (1, 2), offset=3)}))
    assert found["a"].tolist() == [[3, 5, 7], [4, 6, 8]]


@pytest.mark.parametrize("maker", [b"os\nsystem", b"torch\nload", b"builtins\neval"])
def test_it_makes_tensors_and_nothing_else(path: Path, maker: bytes) -> None:
    asked = maker.decode().replace("\n", ".")
    with pytest.raises(pickle.UnpicklingError, match=f"it asks for {asked}"):
        read_tensors(write_torch_file(path, TENSORS, maker))


@pytest.mark.parametrize(
    "one",
    [
        Tensor(WEIGHT.ravel(), (5, 5), (5, 1)),
        Tensor(WEIGHT.ravel(), (24,), (1,), offset=1),
        Tensor(WEIGHT.ravel(), (2, 2), (1, 1000)),
    ],
)
def test_a_tensor_larger_than_its_storage_is_refused(path: Path, one: Tensor) -> None:
    with pytest.raises(pickle.UnpicklingError, match="larger than its storage"):
        read_tensors(write_torch_file(path, {"a": one}))


@pytest.mark.parametrize(
    "one",
    [
        Tensor(WEIGHT.ravel(), (2,), (-1,)),
        Tensor(WEIGHT.ravel(), (2,), (1,), offset=-1),
        Tensor(WEIGHT.ravel(), (0, 4), (4, 1)),
    ],
)
def test_a_tensor_before_its_storage_is_refused(path: Path, one: Tensor) -> None:
    with pytest.raises(pickle.UnpicklingError, match="of no size"):
        read_tensors(write_torch_file(path, {"a": one}))


def test_a_file_that_ends_early_is_refused_wherever_it_ends(path: Path) -> None:
    whole = write_torch_file(path, TENSORS).read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(pickle.UnpicklingError):
            read_tensors(path)


@pytest.mark.parametrize("content", [b"PK\x03\x04 a zip", b"text", pickle.dumps(5, protocol=2)])
def test_another_format_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(pickle.UnpicklingError):
        read_tensors(path)
