"""Inputs of the cases of valid files that are read wrongly: pixels, geometry, DICOM objects.

Every picture is one of `head`, by the number in its name, so that a predicate can tell what its
pixels should be.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.case_inputs import SOP, UIDS, Array, dicom, head, nifti, series, volume, yes_no

COUNT = 24


def deep(number: int) -> Array:
    """uint16 (64, 64): twelve bits."""
    return head(number).astype(np.uint16) * 16


def colours(number: int) -> Array:
    """uint16 (64, 64, 3): three channels that have nothing in common."""
    return np.stack([deep(number), deep(number + 100), deep(number + 200)], -1)


def tiffs(root: Path, pixels: Callable[[int], Array], **options: Any) -> Path:
    import tifffile

    for i in range(COUNT):
        path = root / f"{yes_no(i)}/{i}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, pixels(i), **options)
    return root


def separate_colours(root: Path) -> Path:
    return tiffs(
        root,
        lambda i: np.ascontiguousarray(np.moveaxis(colours(i), -1, 0)),
        photometric="rgb",
        planarconfig="separate",
    )


def with_alpha(number: int) -> Array:
    """uint8 (64, 64, 4): grey of three equal channels, the left half transparent."""
    alpha = np.full((64, 64), 255, np.uint8)
    alpha[:, :32] = 0
    return np.dstack([head(number)] * 3 + [alpha])


def grey_with_alpha(number: int) -> Array:
    """uint16 (64, 64, 2)."""
    return np.dstack([deep(number), np.full((64, 64), 65535, np.uint16)])


def jittered(root: Path) -> Path:
    """24 series without a PatientID; every second slice has -0 where the others have 0."""
    for p in range(COUNT):
        for i, pixels in enumerate(volume(p, (48, 48, 8)).transpose(2, 1, 0)):
            dicom(
                root / f"{yes_no(p)}/s{p:02d}_{i}.dcm",
                pixels.astype(np.uint16),
                PatientID="",
                SeriesInstanceUID=f"{UIDS}.31.{p + 1}",
                InstanceNumber=i + 1,
                ImageOrientationPatient=["1", "-0" if i % 2 else "0", "0", "0", "1", "0"],
                ImagePositionPatient=[0, 0, 5.0 * i],
            )
    return root


def stills(root: Path, sizes: tuple[int, ...] = (64,)) -> Path:
    """Ultrasound: four pictures a series without positions, of one or several sizes."""
    for p in range(12):
        for i in range(4):
            dicom(
                root / f"{yes_no(p)}/P{p:02d}/us{p:02d}_{i}.dcm",
                head(10 * p + i, sizes[i % len(sizes)]),
                f"{SOP}.6.1",
                Modality="US",
                PatientID=f"U{p}",
                SeriesInstanceUID=f"{UIDS}.32.{p + 1}",
                InstanceNumber=i + 1,
                ImageOrientationPatient=None,
            )
    return root


def micrometres(root: Path) -> Path:
    for p in range(12):
        nifti(
            root / f"{yes_no(p)}/{p:02d}.nii.gz",
            volume(p, (32, 32, 12)),
            np.diag([5.0, 5.0, 5.0, 1.0]),
            "micron",
        )
    return root


def objects_of_pydicom(root: Path) -> Path:
    """A segmentation and a dose of pydicom's own test files among series."""
    for p in range(8):
        series(root / f"{yes_no(p)}/P{p}", p, f"Q{p}", f"33.{p + 1}")
    for name in ("liver_1frame.dcm", "rtdose.dcm"):
        shutil.copy(_of_pydicom(name), root / "yes" / name)
    return root


def twelve_bit_jpegs(root: Path) -> Path:
    for p in range(8):
        series(root / f"{yes_no(p)}/P{p}", p, f"Q{p}", f"34.{p + 1}")
    for name in ("JPEG-lossy.dcm", "JPGExtended.dcm"):
        folder = root / "yes" / Path(name).stem
        folder.mkdir()
        shutil.copy(_of_pydicom(name), folder / name)
    return root


def _of_pydicom(name: str) -> Path:
    import pydicom

    return Path(pydicom.__file__).parent / "data/test_files" / name


def modality_luts(root: Path) -> Path:
    """Radiographs whose table turns their values over."""
    from pydicom.dataset import Dataset

    lut = Dataset()
    lut.LUTDescriptor, lut.ModalityLUTType = [4096, 0, 16], "OD"
    lut.LUTData = (4095 - np.arange(4096)).astype(np.uint16).tobytes()
    return radiographs(root, deep, Modality="CR", ModalityLUTSequence=[lut])


def padded_films(root: Path) -> Path:
    def pixels(number: int) -> Array:
        film = deep(number) + np.uint16(100)
        film[:8] = 0
        return film

    return radiographs(
        root,
        pixels,
        Modality="DX",
        PhotometricInterpretation="MONOCHROME1",
        PixelPaddingValue=0,
    )


def radiographs(root: Path, pixels: Callable[[int], Array], **values: Any) -> Path:
    for i in range(COUNT):
        dicom(
            root / f"{yes_no(i)}/{i:02d}.dcm",
            pixels(i),
            f"{SOP}.1.1",
            PatientID=f"R{i}",
            SeriesInstanceUID=f"{UIDS}.35.{i + 1}",
            InstanceNumber=1,
            ImageOrientationPatient=None,
            **values,
        )
    return root


def alike(one: Array, other: Array) -> float:
    """The correlation of two pictures, the second scaled to the first's size."""
    side = one.shape[1::-1]
    scaled = cv2.resize(np.asarray(other, np.float64), side, interpolation=cv2.INTER_AREA)
    return float(np.corrcoef(np.ravel(one).astype(float), np.ravel(scaled))[0, 1])
