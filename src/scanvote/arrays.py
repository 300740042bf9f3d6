"""The pickled shards: write as they are made, read back safely, stream.

A shard is a pickled dict of numpy arrays, one row an image:

- ``images`` uint8 (n, H, W, C)
- ``scan_ids`` str (n,)
- ``labels`` int64 (n,), the index of the class, or ``masks`` uint8 (n, H, W), 0 or 1
"""

import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from scanvote.errors import InputError
from scanvote.files import written

Shard = dict[str, np.ndarray]
Row = dict[str, Any]

SHARD_ROWS = 512

# What numpy's own arrays are pickled with, and nothing else: a pickle from a
# remote could otherwise call any function.
_ALLOWED = {
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)


def load_shard(file: IO[bytes]) -> Shard:
    """Unpickle one shard.

    Raises:
        pickle.UnpicklingError: the pickle holds anything but numpy arrays in a dict.
    """
    shard = _ArraysOnly(file).load()
    if not isinstance(shard, dict) or not all(isinstance(a, np.ndarray) for a in shard.values()):
        raise pickle.UnpicklingError("it holds no dict of arrays")
    return shard


def write_shards(folder: Path, split: str, rows: Iterable[Row], size: int = SHARD_ROWS) -> int:
    """Write the rows to ``<split>-000.pkl``, ``<split>-001.pkl``…, `size` at a time.

    Memory holds one shard, however many rows there are.

    Returns:
        The number of rows written.
    """
    batch: list[Row] = []
    total = shards = 0
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            _write_shard(folder / f"{split}-{shards:03}.pkl", batch)
            total, shards, batch = total + len(batch), shards + 1, []
    if batch:
        _write_shard(folder / f"{split}-{shards:03}.pkl", batch)
    return total + len(batch)


def _write_shard(path: Path, rows: list[Row]) -> None:
    shard = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    with written(path) as beside, beside.open("wb") as file:
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
        except (pickle.UnpicklingError, EOFError) as error:
            raise InputError(f"{path} is refused: {error}; run `dvc repro prepare`") from None


def read_split(folder: Path, split: str) -> Shard:
    """The whole split in memory, as one shard."""
    shards = list(stream_shards(folder, split))
    return {key: np.concatenate([shard[key] for shard in shards]) for key in shards[0]}
