"""Files as PyTorch saved them until 1.6, written without PyTorch."""

import pickle
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
KINDS = {"<f4": "FloatStorage", "<i8": "LongStorage"}


class Tensor(NamedTuple):
    """Of a storage: where it begins, and how many numbers further the next of each axis is."""

    storage: np.ndarray
    shape: Sequence[int]
    strides: Sequence[int]
    offset: int = 0


def tensor(array: np.ndarray) -> Tensor:
    strides = [stride // array.itemsize for stride in array.strides]
    return Tensor(np.ascontiguousarray(array).ravel(), array.shape, strides)


def write_torch_file(path: Path, tensors: Mapping[str, Tensor], maker: bytes = b"") -> Path:
    """Write the tensors; `maker` is asked for in place of what makes tensors."""
    rebuild = b"c" + (maker or b"torch._utils\n_rebuild_tensor_v2") + b"\n"
    items = b"".join(
        _text(name) + rebuild + b"(" + _told(str(key), one) + b"tR"
        for key, (name, one) in enumerate(tensors.items())
    )
    state = b"\x80\x02ccollections\nOrderedDict\n)R(" + items + b"u."
    path.parent.mkdir(parents=True, exist_ok=True)
    head = [MAGIC, 1001, {"little_endian": True}]
    keys = [str(key) for key in range(len(tensors))]
    path.write_bytes(
        b"".join(_pickled(one) for one in head)
        + state
        + _pickled(keys)
        + b"".join(
            struct.pack("<q", len(one.storage)) + one.storage.tobytes() for one in tensors.values()
        )
    )
    return path


def _told(key: str, one: Tensor) -> bytes:
    kind = f"ctorch\n{KINDS[one.storage.dtype.str]}\n".encode()
    storage = _text("storage") + kind + _text(key) + _text("cpu") + _number(len(one.storage)) + b"N"
    place = _number(one.offset) + _tuple(one.shape) + _tuple(one.strides)
    return b"(" + storage + b"tQ" + place + b"\x89ccollections\nOrderedDict\n)R"


def _pickled(value: Any) -> bytes:
    return pickle.dumps(value, protocol=2)


def _text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _tuple(values: Sequence[int]) -> bytes:
    return b"(" + b"".join(map(_number, values)) + b"t"
