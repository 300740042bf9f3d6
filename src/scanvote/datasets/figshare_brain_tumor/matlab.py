"""Read the MATLAB files of the set: slices, and the published folds.

Files of version 7.3 are HDF5. MATLAB stores arrays by columns, so h5py sees every array
transposed. An HDF5 file can refer to other files of the machine; such arrays are refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError

GROUP = "cjdata"
LABELS = {1: "meningioma", 2: "glioma", 3: "pituitary"}
FOLDS = "cvind"
MOST_FOLDS = 5
LARGEST = 2**26
"""Maximum elements of an array, far above those of a slice."""
LONGEST = 64
"""Maximum characters of a patient's identifier."""


@dataclass(frozen=True)
class MatFile:
    """A MATLAB file: its path, and its name in messages."""

    path: Path
    name: str


@dataclass(frozen=True)
class MatSlice:
    """The content of the file of one slice.

    Attributes:
        pid: identifier of the patient, with the letters behind it.
        label: class of the tumour.
        image: uint16 of shape (H, W), as published, in MATLAB's orientation.
        mask: uint8, 0 or 255, of the shape in the file.
    """

    pid: str
    label: str
    image: NDArray[np.uint16]
    mask: NDArray[np.uint8]


@dataclass(frozen=True)
class MatSummary:
    """What a file tells beside the pixels; `shape` is (H, W)."""

    pid: str
    label: str
    shape: tuple[int, int]


def variables(file: MatFile) -> list[str]:
    """Return the names of what a MATLAB file of any version holds.

    Raises:
        InputError: the file cannot be read.
    """
    import h5py
    from scipy.io import whosmat

    if h5py.is_hdf5(file.path):
        with _opened(file) as data:
            return [name for name in data if not name.startswith("#")]
    try:
        return [name for name, _, _ in whosmat(file.path)]
    except Exception:  # the parser of scipy raises many types for damaged files
        raise InputError(f"{file.name} is damaged or no MATLAB file; fetch it anew") from None


def read_summary(file: MatFile) -> MatSummary:
    """Read the label, the patient and the shape of one slice.

    Raises:
        InputError: as `read_slice`.
    """
    with _opened(file) as data:
        group = _group(data, file)
        return MatSummary(
            _pid(_array(file, group, "PID"), file),
            _label(_array(file, group, "label"), file),
            _image_shape(file, group),
        )


def read_slice(file: MatFile) -> MatSlice:
    """Read the image, mask, label and patient of one slice.

    Raises:
        InputError: the file is no whole MATLAB 7.3 file, lacks a field, or has a value that does
            not occur in the published set.
    """
    with _opened(file) as data:
        group = _group(data, file)
        return MatSlice(
            _pid(_array(file, group, "PID"), file),
            _label(_array(file, group, "label"), file),
            _image(_array(file, group, "image"), file),
            _mask(_array(file, group, "tumorMask"), file),
        )


def read_folds(file: MatFile) -> list[int]:
    """Read the folds, 1 to 5, of slices 1, 2, 3….

    The file ``cvind.mat`` is of MATLAB 7.3 or 5.

    Raises:
        InputError: the file cannot be read, or holds other numbers.
    """
    import h5py

    if h5py.is_hdf5(file.path):
        with _opened(file) as data:
            values = _array(file, data, FOLDS)
    else:
        values = _read_version_5(file)
    numbers = values.reshape(-1)
    if not np.isin(numbers, np.arange(1, MOST_FOLDS + 1)).all():
        raise InputError(f"{file.name}: {FOLDS} holds other numbers than 1 to {MOST_FOLDS}")
    return [int(number) for number in numbers]


@contextmanager
def _opened(file: MatFile) -> Iterator[Any]:
    """Open the HDF5 file; errors of the library become one line."""
    import h5py

    try:
        # some network drives refuse locks, and nothing writes to the file
        with h5py.File(file.path, "r", locking=False) as data:
            yield data
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        raise InputError(f"{file.name} is damaged or no MATLAB 7.3 file; fetch it anew") from None


def _inside(group: Any, name: str) -> bool:
    """Return whether `group` itself holds `name`, not a link to elsewhere."""
    import h5py

    return name in group and isinstance(group.get(name, getlink=True), h5py.HardLink)


def _group(data: Any, file: MatFile) -> Any:
    if not _inside(data, GROUP):
        raise InputError(f"{file.name} has no {GROUP}; is it a file of this set?")
    return data[GROUP]


def _image_shape(file: MatFile, group: Any) -> tuple[int, int]:
    """Return height and width of the image in MATLAB's orientation."""
    dataset = _field(file, group, "image")
    if dataset.ndim != 2:
        raise InputError(f"{file.name}: its image has {dataset.ndim} dimensions, not two")
    width, height = dataset.shape
    return int(height), int(width)


def _array(file: MatFile, group: Any, name: str) -> NDArray[Any]:
    """Return the numbers of a field in MATLAB's orientation."""
    dataset = _field(file, group, name)
    if dataset.attrs.get("MATLAB_empty", 0):  # an empty array stores its shape
        return np.zeros(0, dataset.dtype)
    return np.asarray(dataset[()]).T


def _field(file: MatFile, group: Any, name: str) -> Any:
    """Return the dataset of a field, checked but not read."""
    import h5py

    shown = f"{group.name.strip('/')}.{name}".lstrip(".")
    if not _inside(group, name):
        raise InputError(f"{file.name} has no {shown}; fetch it anew")
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "iufb":
        raise InputError(f"{file.name}: {shown} is no array of numbers; fetch it anew")
    if dataset.external or dataset.is_virtual:
        raise InputError(f"{file.name} is refused: {shown} lies in another file")
    if dataset.size > LARGEST:
        raise InputError(f"{file.name} is refused: {shown} has {dataset.size:,} elements")
    return dataset


def _read_version_5(file: MatFile) -> NDArray[Any]:
    from scipy.io import loadmat, whosmat

    try:
        sizes = {name: np.prod(shape) for name, shape, _ in whosmat(file.path)}
        if sizes.get(FOLDS, 0) > LARGEST:
            raise ValueError
        return np.asarray(loadmat(file.path, variable_names=[FOLDS])[FOLDS], np.float64)
    except KeyError:
        raise InputError(f"{file.name} has no {FOLDS}; fetch it anew") from None
    except Exception:  # the parser of scipy raises many types for damaged files
        raise InputError(f"{file.name} is damaged or no MATLAB file; fetch it anew") from None


def _pid(codes: NDArray[Any], file: MatFile) -> str:
    if codes.size > LONGEST or codes.dtype.kind != "u":
        raise InputError(f"{file.name}: its {GROUP}.PID is no text")
    pid = "".join(chr(code) for code in codes.reshape(-1)).strip()
    if not pid:
        # with a patient of its own, the slice could be in another part than its patient
        raise InputError(f"{file.name}: its {GROUP}.PID is empty, so its patient is not known")
    if not (pid.isascii() and pid.isprintable()):
        raise InputError(f"{file.name}: its {GROUP}.PID {pid!a} is no identifier")
    return pid


def _label(values: NDArray[Any], file: MatFile) -> str:
    if values.size != 1:
        raise InputError(f"{file.name}: its {GROUP}.label has {values.size} values, not one")
    value = float(values.reshape(-1)[0])
    if value not in LABELS:
        known = ", ".join(f"{number} {label}" for number, label in LABELS.items())
        raise InputError(f"{file.name}: its label is {value:g}; the set has {known}")
    return LABELS[int(value)]


def _image(values: NDArray[Any], file: MatFile) -> NDArray[np.uint16]:
    _check_flat(values, file, "image")
    if values.dtype.kind not in "iu":
        raise InputError(f"{file.name}: its image is of {values.dtype}, not of whole numbers")
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= 2**16:
        # a shift would change what the pixels mean; the published images have none below 0
        raise InputError(f"{file.name}: its image has values from {low} to {high}, not 0 to 65535")
    return np.ascontiguousarray(values, np.uint16)


def _mask(values: NDArray[Any], file: MatFile) -> NDArray[np.uint8]:
    _check_flat(values, file, "tumorMask")
    return np.ascontiguousarray((values > 0) * np.uint8(255))


def _check_flat(values: NDArray[Any], file: MatFile, what: str) -> None:
    if values.ndim != 2 or not values.size:
        shape = "x".join(str(side) for side in values.shape)
        raise InputError(f"{file.name}: its {what} is {shape}, not of two dimensions")
