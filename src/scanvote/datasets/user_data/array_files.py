"""Read single pictures of ``.npz`` and ``.mat`` files.

No whole file is held. The arrays of an ``.npz`` file may be compressed, so that no picture can
be reached but through those before it. A stream therefore stays open, and gives pictures in
rising order at no cost.
"""

import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.figshare_brain_tumor.matlab import MatFile, read_slice
from scanvote.datasets.user_data.layout import DatasetItem
from scanvote.images.decode import window

LARGEST = 2**26
"""Maximum bytes of one row of an array, above any picture."""
BLOCK = 1 << 20
DAMAGED = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What zipfile and NumPy raise for a damaged file."""


def read_picture(item: DatasetItem) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Read the picture of an item of the kind ``array``.

    Returns:
        uint8 of shape (H, W) or (H, W, 3); and its mask, uint8 (H, W), 0 or 255, or None.

    Raises:
        InputError: the file is damaged, or holds no such picture.
    """
    path = item.files[0]
    if path.suffix.lower() == ".npz":
        return read_npz_picture(path, f"{item.source_split}_images", item.index or 0), None
    content = read_slice(MatFile(path, path.name))
    return window(content.image), content.mask if item.mask else None


def read_npz_picture(path: Path, key: str, index: int) -> NDArray[np.uint8]:
    """Read a picture of an array (N, H, W[, 1 or 3]) of an ``.npz`` file."""
    row = np.asarray(_stream(path, key, index).row(index), np.uint8)
    return row[:, :, 0] if row.ndim == 3 and row.shape[2] == 1 else row


@dataclass(frozen=True)
class ArrayHeader:
    """Shape and type of an array in a file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def array_headers(path: Path) -> dict[str, ArrayHeader]:
    """Return the arrays of an ``.npz`` file by name, without reading them.

    Raises:
        InputError: the file is no whole ``.npz`` file, or holds Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
        return {name.removesuffix(".npy"): _header_of(path, name) for name in names}
    except DAMAGED as error:
        raise _damaged(path, error) from None


def read_whole(path: Path, key: str) -> NDArray[Any]:
    """Read a small array of an ``.npz`` file, such as its labels."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return np.asarray(arrays[key])
    except DAMAGED as error:
        raise _damaged(path, error) from None


@dataclass
class RowStream:
    """The rows of one array of an ``.npz`` file, read forward."""

    path: Path
    key: str
    header: ArrayHeader
    file: IO[bytes]
    next: int = 0
    _size: int = field(init=False)

    def __post_init__(self) -> None:
        self._size = int(np.prod(self.header.shape[1:])) * self.header.dtype.itemsize

    def row(self, index: int) -> NDArray[Any]:
        """Read row `index`, which is not before `next`."""
        try:
            self._skip((index - self.next) * self._size)
            content = self.file.read(self._size)
        except DAMAGED as error:
            raise _damaged(self.path, error) from None
        self.next = index + 1
        if len(content) < self._size:
            raise InputError(f"{self.path.name} ends before {self.key}[{index}]; fetch it anew")
        return np.frombuffer(content, self.header.dtype).reshape(self.header.shape[1:])

    def _skip(self, count: int) -> None:
        while count > 0:
            skipped = len(self.file.read(min(count, BLOCK)))
            if not skipped:
                raise EOFError
            count -= skipped


_OPEN: dict[tuple[object, ...], RowStream] = {}
"""The stream of the picture before; one is enough, as items are read in order."""


def _stream(path: Path, key: str, index: int) -> RowStream:
    """Return a stream of `key` that has not passed row `index`."""
    try:
        stat = path.stat()
        name = (path, key, stat.st_mtime_ns, stat.st_size)
        stream = _OPEN.get(name)
        if stream is None or stream.next > index:
            close_streams()
            stream = _OPEN[name] = _opened(path, key)
        return stream
    except DAMAGED as error:
        raise _damaged(path, error) from None


def close_streams() -> None:
    """Close the open file, if any."""
    for stream in _OPEN.values():
        stream.file.close()
    _OPEN.clear()


def _opened(path: Path, key: str) -> RowStream:
    archive = zipfile.ZipFile(path)
    file = archive.open(f"{key}.npy")
    return RowStream(path, key, _read_header(file, path, key), file)


def _header_of(path: Path, name: str) -> ArrayHeader:
    with zipfile.ZipFile(path) as archive, archive.open(name) as file:
        return _read_header(file, path, name.removesuffix(".npy"))


def _read_header(file: IO[bytes], path: Path, key: str) -> ArrayHeader:
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError
    shape, by_columns, dtype = read[version](file)
    if dtype.hasobject:
        raise InputError(f"{path.name} is refused: {key} holds Python objects, not numbers")
    if by_columns and len(shape) > 1:
        raise InputError(f"{path.name}: {key} is stored by columns; save it with order='C'")
    if int(np.prod(shape[1:], dtype=object)) * dtype.itemsize > LARGEST:
        raise InputError(f"{path.name} is refused: a row of {key} is larger than {LARGEST:,} bytes")
    return ArrayHeader(shape, dtype)


def _damaged(path: Path, error: Exception) -> InputError:
    if isinstance(error, OSError) and error.strerror:
        return InputError(f"{path.name} cannot be read: {error.strerror}")
    return InputError(f"{path.name} is damaged or no .npz file of NumPy; fetch it anew")
