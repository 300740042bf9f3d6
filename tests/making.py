"""Files such as a person's own data consist of, made for the tests."""

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def picture(seed: int, side: int = 48) -> NDArray[np.uint8]:
    """(side, side): a bright blob of random shape on black, as a head is one."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.random((6, 6)), (side, side), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    return np.uint8(np.clip(coarse, 0.2, 1) * 255 * (x**2 + y**2 < 0.8))


def write_image(path: Path, seed: int = 0, side: int = 48, deep: bool = False) -> Path:
    """A picture of noise under a disc; of 16 bits if `deep`."""
    image = picture(seed, side)
    return _written(path, image.astype(np.uint16) * 200 if deep else image)


def write_mask(path: Path, side: int = 48, empty: bool = False) -> Path:
    mask = np.zeros((side, side), np.uint8)
    if not empty:
        mask[side // 3 : side // 2, side // 3 : side // 2] = 255
    return _written(path, mask)


def volume(seed: int, shape: tuple[int, int, int] = (24, 24, 12)) -> NDArray[np.int16]:
    """A head of noise in an empty room."""
    rng = np.random.default_rng(seed)
    grid = np.meshgrid(*(np.linspace(-1, 1, length) for length in shape), indexing="ij")
    inside = sum(axis**2 for axis in grid) < 0.9
    return (rng.integers(200, 900, shape) * inside).astype(np.int16)


def write_nifti(path: Path, seed: int = 0, shape: tuple[int, int, int] = (24, 24, 12)) -> Path:
    return _nifti(path, volume(seed, shape))


def write_nifti_mask(path: Path, shape: tuple[int, int, int] = (24, 24, 12)) -> Path:
    mask = np.zeros(shape, np.uint8)
    mask[tuple(slice(length // 4, length * 3 // 4) for length in shape)] = 1
    return _nifti(path, mask)


def write_series(
    folder: Path, seed: int = 0, patient: str = "P-1", number: int = 1, ending: str = ".dcm"
) -> Path:
    """A DICOM series of twelve axial slices."""
    for at, pixels in enumerate(volume(seed).transpose(2, 1, 0)):
        write_dicom(
            folder / f"IM{number}{at:03d}{ending}",
            pixels.astype(np.uint16),
            PatientID=patient,
            SeriesInstanceUID=f"1.2.826.0.1.3680043.8.498.{seed + 1}.{number}",
            InstanceNumber=at + 1,
            ImagePositionPatient=[0.0, 0.0, float(at * 5)],
        )
    return folder


def write_dicom(path: Path, pixels: NDArray[np.uint16] | None, **values: Any) -> Path:
    """One file; `pixels` (rows, columns), or None for a file that holds none."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    path.parent.mkdir(parents=True, exist_ok=True)
    uid = generate_uid(entropy_srcs=[str(path)])
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = pydicom.Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = MRImageStorage, uid, "MR"
    data.PatientName, data.PatientBirthDate = "Doe^Jane", "19700101"
    data.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.9"
    data.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    data.PixelSpacing, data.SliceThickness = [1.0, 1.0], 5.0
    if pixels is not None:
        data.Rows, data.Columns = pixels.shape
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.PixelRepresentation = 0
        data.PixelData = pixels.tobytes()
    for name, value in values.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def _nifti(path: Path, voxels: NDArray[Any]) -> Path:
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)
    return path


def _written(path: Path, image: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path


def grey_png(path: Path, width: int, height: int, bits: int, rows: np.ndarray | bytes) -> Path:
    """Write a PNG of grey values with few bits; each of `rows` starts with its filter, 0."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">2I5B", width, height, bits, 0, 0, 0, 0)
    data = zlib.compress(bytes(rows))
    chunks = [chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path
