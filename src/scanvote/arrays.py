"""Shards of arrays: written in a stream, read back safely.

A shard is a pickled dict of numpy arrays, one row per image:

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
"""Bytes of the arrays of a shard; writing it takes twice that."""
MAX_MEMORY_BYTES = 64 << 20
"""Bytes above which an array lies in a file, not in memory."""


class _DType:
    """A stand-in for a numpy dtype, whose own `__setstate__` checks nothing."""

    def __init__(self, name: str, *_: object) -> None:
        if not re.fullmatch(r"b1|[iu][1248]|f[248]|U[0-9]+", name):
            raise pickle.UnpicklingError(f"it holds an array of {name}")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


def _array(buffer: bytes, dtype: _DType, shape: tuple[int, ...], order: Literal["C"]) -> np.ndarray:
    return np.frombuffer(buffer, dtype.dtype).reshape(shape, order=order)


class AllowListUnpickler(pickle.Unpickler):
    """Unpickle allowed names only; a pickle could otherwise call any function.

    Args:
        file: the pickle, perhaps from a remote.
        allowed: the object to use for each (module, name) that the pickle may refer to.
    """

    def __init__(self, file: IO[bytes], allowed: Mapping[tuple[str, str], Any]) -> None:
        super().__init__(file)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self._allowed[module, name]


# The two names in pickles of contiguous arrays. numpy's own ones crash on forged arguments.
_ARRAYS_ONLY = {("numpy._core.numeric", "_frombuffer"): _array, ("numpy", "dtype"): _DType}


def load_shard(file: IO[bytes]) -> Shard:
    """Unpickle one shard.

    Raises:
        pickle.UnpicklingError: the pickle is damaged, or is no dict of numpy arrays.
    """
    try:
        shard = AllowListUnpickler(file, _ARRAYS_ONLY).load()
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a damaged pickle raises nearly any exception
        raise pickle.UnpicklingError(f"it is damaged ({error or 'no more bytes'})") from error
    if not isinstance(shard, dict) or not all(isinstance(a, np.ndarray) for a in shard.values()):
        raise pickle.UnpicklingError("it holds no dict of arrays")
    return shard


def rows_per_shard(row_bytes: int) -> int:
    """Return the rows of a shard, limited by `SHARD_ROWS` and `SHARD_BYTES`."""
    return max(1, min(SHARD_ROWS, SHARD_BYTES // row_bytes))


def write_shards(
    folder: Path, split: str, rows: Iterable[Row], size: int = SHARD_ROWS, first: int = 0
) -> int:
    """Write the rows to ``<split>-00000.pkl``, ``<split>-00001.pkl``…, `size` per shard.

    Memory holds one shard at a time.

    Args:
        folder: created if missing.
        split: prefix of the file names.
        rows: all with the same keys, shapes and dtypes.
        size: rows per shard.
        first: number of the first shard, if other processes write the earlier ones.

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
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        pickle.dump(shard, file, protocol=5)


def stream_shards(folder: Path, split: str) -> Iterator[Shard]:
    """Yield the shards of a split in order.

    Raises:
        InputError: there are no shards, or one is no pickle of arrays.
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
    """Read a whole split into memory, as one shard."""
    shards = list(stream_shards(folder, split))
    return {key: np.concatenate([shard[key] for shard in shards]) for key in shards[0]}


def load_images(folder: Path, split: str, scan_ids: Sequence[str]) -> np.ndarray:
    """Read the images of `scan_ids` in order, uint8 (n, H, W, C)."""
    selected, images = set(scan_ids), dict[str, np.ndarray]()
    for shard in stream_shards(folder, split):
        for row, scan in enumerate(shard["scan_ids"].tolist()):
            if scan in selected:
                # a view would keep the whole shard in memory
                images[scan] = shard["images"][row].copy()
    return np.stack([images[scan] for scan in scan_ids])


def memmap_split(folder: Path, *splits: str) -> Shard:
    """Read whole splits as one shard, with memory-mapped pixels.

    Memory holds the pixels in use only. Their file has no name and lies in the repository's
    `.cache`: it disappears with the process, however that ends.
    """
    small: list[Shard] = []
    with ExitStack() as stack:
        files: dict[str, IO[bytes]] = {}
        for shard in chain.from_iterable(stream_shards(folder, split) for split in splits):
            for key in _PIXELS & shard.keys():
                if key not in files:
                    files[key] = stack.enter_context(_nameless_file())
                shard[key].tofile(files[key])
                shard[key] = shard[key][:0]
            small.append(shard)
        whole = {key: np.concatenate([shard[key] for shard in small]) for key in small[0]}
        return whole | {key: _memmap(file, whole[key].shape[1:]) for key, file in files.items()}


def zeros_or_memmap(shape: tuple[int, ...]) -> np.ndarray:
    """Return writable float32 zeros, in a nameless file above `MAX_MEMORY_BYTES`."""
    if 4 * math.prod(shape) <= MAX_MEMORY_BYTES:
        return np.zeros(shape, np.float32)
    with _nameless_file() as file:
        return np.memmap(file, np.float32, "w+", shape=shape)


def _nameless_file() -> IO[bytes]:
    cache = repository_root() / ".cache"
    cache.mkdir(parents=True, exist_ok=True)
    return TemporaryFile(dir=cache)


def _memmap(file: IO[bytes], shape: tuple[int, ...]) -> np.ndarray:
    file.flush()
    return np.memmap(file, np.uint8, "r").reshape(-1, *shape)
