"""Reader of PyTorch files that needs no PyTorch.

It reads the format of PyTorch before 1.6: pickles of a magic number, a version, properties of the
machine, the tensors by name, and the keys of their storages; then the storages one after another,
each with its length (8 bytes) and its numbers.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from scanvote.arrays import AllowListUnpickler

MAGIC = 0x1950A86A20F9469CFC6C


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: str


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage, whose numbers come later in the file."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, storages: Mapping[str, np.ndarray]) -> np.ndarray:
        numbers = storages[self.storage.key]
        steps = [(size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True)]
        if min([self.offset, *self.shape, *self.strides]) < 0 or 0 in self.shape:
            raise pickle.UnpicklingError("it holds a tensor of no size")
        if self.offset + sum(steps) >= len(numbers):
            raise pickle.UnpicklingError("it holds a tensor that is larger than its storage")
        strides = [stride * numbers.itemsize for stride in self.strides]
        return as_strided(numbers[self.offset :], self.shape, strides, writeable=False)


def _tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


_ALLOWED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}


class _Tensors(AllowListUnpickler):
    def persistent_load(self, pid: Any) -> _Storage:
        _, dtype, key, *_ = pid
        return _Storage(key, dtype)


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Read the tensors of a network's state by name, float32 or int64.

    Raises:
        pickle.UnpicklingError: the file is damaged, of another format, or contains anything but
            tensors.
    """
    file = io.BytesIO(path.read_bytes())
    try:
        tensors = _tensors(file)
        storages = _storages(file, {one.storage.key: one.storage.dtype for one in tensors.values()})
        return {name: tensor.array(storages) for name, tensor in tensors.items()}
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a damaged pickle may raise nearly any exception
        raise pickle.UnpicklingError(f"it is damaged ({error or 'no more bytes'})") from error


def _tensors(file: IO[bytes]) -> dict[str, _Tensor]:
    if AllowListUnpickler(file, {}).load() != MAGIC:
        raise pickle.UnpicklingError("it is not of PyTorch's format until 1.6")
    _version, _machine = (AllowListUnpickler(file, {}).load() for _ in range(2))
    return dict(_Tensors(file, _ALLOWED).load())


def _storages(file: IO[bytes], dtypes: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Read the numbers of each storage by its key."""
    storages = {}
    for key in AllowListUnpickler(file, {}).load():
        length = int.from_bytes(file.read(8), "little")
        numbers = np.frombuffer(file.read(length * np.dtype(dtypes[key]).itemsize), dtypes[key])
        if len(numbers) != length:
            raise pickle.UnpicklingError("it is damaged (no more bytes)")
        storages[key] = numbers
    return storages
