"""MATLAB files as the data set figshare_brain_tumor is published in, made for the tests."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

PARTS = (
    "brainTumorDataPublic_1-766.zip",
    "brainTumorDataPublic_767-1532.zip",
    "brainTumorDataPublic_1533-2298.zip",
    "brainTumorDataPublic_2299-3064.zip",
)
PIDS = ("100360", "112649", "MR7260A", "MR7260B", "MR7260C", "98")
LABELS = (1.0, 3.0, 2.0, 2.0, 2.0, 1.0)


def head(seed: int, side: int = 64) -> NDArray[np.int16]:
    """(side, side) of 0…about 3000, unlike its mirror image and its transpose."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.random((6, 6)), (side, side), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    return np.int16(np.clip(coarse, 0.1, 1) * 3000 * (x**2 / 0.6 + y**2 / 0.9 < 1))


def lesion(side: int = 64) -> NDArray[np.uint8]:
    mask = np.zeros((side, side), np.uint8)
    mask[side // 4 : side // 2, side // 2 : side // 2 + 4] = 1
    return mask


def codes(text: str) -> NDArray[np.uint16]:
    """A row of characters, as h5py sees it: a column."""
    return np.array([[ord(letter)] for letter in text], np.uint16)


def fields(
    pid: str = "100360", label: Any = 1.0, seed: int = 0, side: int = 64, **changes: Any
) -> dict[str, Any]:
    """The fields of a slice as MATLAB shows them; None leaves one out."""
    return {
        "PID": codes(pid).T,
        "label": None if label is None else np.array(label, float, ndmin=2),
        "image": head(seed, side),
        "tumorMask": lesion(side),
        "tumorBorder": np.arange(8.0)[None],
    } | changes


def mat(values: Mapping[str, Any], group: str = "cjdata") -> bytes:
    """The bytes of a MATLAB 7.3 file with a struct; every array is stored by columns."""
    content = io.BytesIO()
    with h5py.File(content, "w", userblock_size=512) as file:
        into = file.create_group(group) if group else file
        for name, value in values.items():
            if value is not None:
                into[name] = np.asarray(value).T
    content.seek(0)
    content.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")
    return content.getvalue()


def slices(count: int = 6, side: int = 64, **changes: Any) -> dict[str, bytes]:
    """``1.mat`` and so on: every class, a person under three identifiers, the last one smaller."""
    return {
        f"{at + 1}.mat": mat(
            fields(
                PIDS[at % len(PIDS)],
                LABELS[at % len(PIDS)],
                at,
                side // 2 if at + 1 == count else side,
                **changes,
            )
        )
        for at in range(count)
    }


def cvind(folds: Sequence[float]) -> bytes:
    return mat({"cvind": np.array(folds, float)[:, None]}, group="")


def zipped(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, one in files.items():
            archive.writestr(name, one)
    return content.getvalue()


def parts(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The four published zips, the files dealt to them in turn."""
    names = list(files)
    return {
        part: zipped({name: files[name] for name in names[at :: len(PARTS)]})
        for at, part in enumerate(PARTS)
    }


def laid(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
