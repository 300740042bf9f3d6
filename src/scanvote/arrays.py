"""The pickled shards: write as they are made, read back safely, stream.

A shard is a pickled dict of numpy arrays, one row an image:

- ``images`` uint8 (n, H, W, C)
- ``scan_ids`` str (n,)
- ``labels`` int64 (n,), the index of the class, or ``masks`` uint8 (n, H, W), 0 or 1
"""

import math
import pickle
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Literal

import numpy as np

from scanvote.core.errors import InputError
from scanvote.core.files import atomic_write, repository_root

Shard = dict[str, np.ndarray]
Row = dict[str, Any]

_PIXELS = {"images", "masks"}

SHARD_ROWS = 256
SHARD_BYTES = 32 << 20
"""Of the arrays of a shard, which a process that writes it holds twice."""
ROOM_BYTES = 64 << 20
"""Of an array in memory, beyond which it lies in a file."""


class _Kind:
    """Stands in for a numpy dtype, whose own `__setstate__` believes what it is told."""

    def __init__(self, name: str, *_: object) -> None:
        if not re.fullmatch(r"b1|[iu][1248]|f[248]|U[0-9]+", name):
            raise pickle.UnpicklingError(f"it holds an array of {name}")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


def _array(buffer: bytes, kind: _Kind, shape: tuple[int, ...], order: Literal["C"]) -> np.ndarray:
    return np.frombuffer(buffer, kind.dtype).reshape(shape, order=order)


class AllowListUnpickler(pickle.Unpickler):
    """Makes what it is told to allow, and nothing else.

    A pickle from a remote could otherwise call any function.

    Args:
        file: the pickle.
        allowed: what to take for each (module, name) that the pickle may ask for.
    """

    def __init__(self, file: IO[bytes], allowed: Mapping[tuple[str, str], Any]) -> None:
        super().__init__(file)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self._allowed[module, name]


# What contiguous arrays are pickled with. Even numpy's own crash on what is made up.
_ARRAYS_ONLY = {("numpy._core.numeric", "_frombuffer"): _array, ("numpy", "dtype"): _Kind}


def load_shard(file: IO[bytes]) -> Shard:
    """Unpickle one shard.

    Raises:
        pickle.UnpicklingError: the pickle is damaged, or holds anything but numpy
            arrays in a dict.
    """
    try:
        shard = AllowListUnpickler(file, _ARRAYS_ONLY).load()
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a damaged pickle raises nearly any of them
        raise pickle.UnpicklingError(f"it is damaged ({error or 'no more bytes'})") from error
    if not isinstance(shard, dict) or not all(isinstance(a, np.ndarray) for a in shard.values()):
        raise pickle.UnpicklingError("it holds no dict of arrays")
    return shard


def rows_per_shard(row_bytes: int) -> int:
    """How many rows of that many bytes a shard holds: `SHARD_ROWS`, or what `SHARD_BYTES` hold."""
    return max(1, min(SHARD_ROWS, SHARD_BYTES // row_bytes))


def write_shards(
    folder: Path, split: str, rows: Iterable[Row], size: int = SHARD_ROWS, first: int = 0
) -> int:
    """Write the rows to ``<split>-00000.pkl``, ``<split>-00001.pkl``…, `size` at a time.

    Memory holds one shard, however many rows there are.

    Args:
        folder: made if missing.
        split: the word that the names begin with.
        rows: of the same keys, shapes and dtypes.
        size: rows a shard.
        first: number of the first shard, where others write those before it.

    Returns:
        The number of rows written.
    """
    batch: list[Row] = []
    total, shard = 0, first
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            _write_shard(folder / f"{split}-{shard:05}.pkl", batch)
            total, shard, batch = total + len(batch), shard + 1, []
    if batch:
        _write_shard(folder / f"{split}-{shard:05}.pkl", batch)
    return total + len(batch)


def _write_shard(path: Path, rows: list[Row]) -> None:
    shard = {key: np.ascontiguousarray([row[key] for row in rows]) for key in rows[0]}
    with atomic_write(path) as beside, beside.open("wb") as file:
        pickle.dump(shard, file, protocol=5)


def stream_shards(folder: Path, split: str) -> Iterator[Shard]:
    """Yield the shards of a split in order.

    Raises:
        InputError: there are none, or one is no pickle of arrays.
    """
    paths = sorted(folder.glob(f"{split}-*.pkl"))
    if not paths:
        raise InputError(f"{folder} has no {split} shards; run `dvc repro prepare`")
    for path in paths:
        try:
            with path.open("rb") as file:
                yield load_shard(file)
        except pickle.UnpicklingError as error:
            raise InputError(f"{path} is refused: {error}; run `dvc repro prepare`") from None


def read_split(folder: Path, split: str) -> Shard:
    """The whole split in memory, as one shard."""
    shards = list(stream_shards(folder, split))
    return {key: np.concatenate([shard[key] for shard in shards]) for key in shards[0]}


def load_images(folder: Path, split: str, scan_ids: Sequence[str]) -> np.ndarray:
    """uint8 (n, H, W, C), the images of these scans of a split, in their order."""
    wanted, found = set(scan_ids), dict[str, np.ndarray]()
    for shard in stream_shards(folder, split):
        for row, scan in enumerate(shard["scan_ids"].tolist()):
            if scan in wanted:
                found[scan] = shard["images"][row].copy()  # not the whole shard
    return np.stack([found[scan] for scan in scan_ids])


def memmap_split(folder: Path, *splits: str) -> Shard:
    """The whole of the splits as one shard, its pixels in a file: memory holds those in use.

    The file has no name, and lies in the repository's `.cache`: it goes with the process,
    however that ends.
    """
    small: list[Shard] = []
    with ExitStack() as stack:
        files: dict[str, IO[bytes]] = {}
        for shard in chain.from_iterable(stream_shards(folder, split) for split in splits):
            for key in _PIXELS & shard.keys():
                if key not in files:
                    files[key] = stack.enter_context(_nameless())
                shard[key].tofile(files[key])
                shard[key] = shard[key][:0]
            small.append(shard)
        whole = {key: np.concatenate([shard[key] for shard in small]) for key in small[0]}
        return whole | {key: _mapped(file, whole[key].shape[1:]) for key, file in files.items()}


def zeros_or_memmap(shape: tuple[int, ...]) -> np.ndarray:
    """float32 zeros to write to; in a nameless file where they are more than `ROOM_BYTES`."""
    if 4 * math.prod(shape) <= ROOM_BYTES:
        return np.zeros(shape, np.float32)
    with _nameless() as file:
        return np.memmap(file, np.float32, "w+", shape=shape)


def _nameless() -> IO[bytes]:
    cache = repository_root() / ".cache"
    cache.mkdir(parents=True, exist_ok=True)
    return TemporaryFile(dir=cache)


def _mapped(file: IO[bytes], shape: tuple[int, ...]) -> np.ndarray:
    file.flush()
    return np.memmap(file, np.uint8, "r").reshape(-1, *shape)
