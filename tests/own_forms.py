"""Small pictures in every format that people bring, made for random trees."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.making import write_dicom

SIDE = 24
DEPTH = 4
SEG = "1.2.840.10008.5.1.4.1.1.66.4"
UIDS = "1.2.826.0.1.3680043.8.498"


def head(seed: int, side: int = SIDE) -> NDArray[np.float64]:
    """(side, side) of 0 to 1: coarse noise under a disc, another one for every seed."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.random((7, 7)), (side, side), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    return np.clip(coarse, 0.15, 1) * (x**2 + y**2 < 0.85)


def slices(person: int, picture: int, alike: bool, count: int) -> NDArray[np.float64]:
    """(count, side, side): slices, which share most of a person's noise if `alike`.

    Args:
        person: seed of what all pictures of a person share.
        picture: seed of what a picture or volume has for itself.
        alike: whether the person's part is most of it, or nothing.
        count: slices.
    """
    own = np.stack([head(picture * 100 + at) for at in range(count)])
    return 0.75 * head(person) + 0.25 * own if alike else own


def spot(seed: int) -> NDArray[np.uint8]:
    """(side, side) of 0 and 1: a lesion."""
    at = np.random.default_rng(seed).integers(SIDE // 3, 2 * SIDE // 3, 2)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask, (int(at[0]), int(at[1])), 4, 1, -1)
    return mask


def write_raster(path: Path, image: NDArray[Any]) -> None:
    """A picture (H, W) or pages (pages, H, W), by the ending of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if image.ndim == 3:
        assert cv2.imwritemulti(str(path), [np.ascontiguousarray(one) for one in image])
        return
    ok, data = cv2.imencode(path.suffix, image)
    assert ok
    path.write_bytes(data.tobytes())


def write_volume(path: Path, voxels: NDArray[Any]) -> None:
    """Slices first, (slices, H, W); in a NIfTI, NRRD or MetaImage file by its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith((".nii", ".nii.gz")):
        import nibabel

        nibabel.save(nibabel.Nifti1Image(voxels.T, np.eye(4)), path)
        return
    import SimpleITK

    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(path))


def write_pages(path: Path, planes: NDArray[np.float64]) -> None:
    write_raster(path, np.uint8(planes * 255))


def write_planes(path: Path, planes: NDArray[np.float64]) -> None:
    write_volume(path, (planes * 900).astype(np.int16))


def write_plane(path: Path, planes: NDArray[np.float64]) -> None:
    write_planes(path, planes[0])


def write_contrasts(path: Path, planes: NDArray[np.float64]) -> None:
    """A NIfTI of four axes: two contrasts of one person."""
    write_planes(path, np.stack([planes, 1 - planes]))


def write_picture(path: Path, planes: NDArray[np.float64]) -> None:
    write_pages(path, planes[0])


ENDINGS: Mapping[str, tuple[str, Callable[[Path, NDArray[np.float64]], None]]] = {
    "png": (".png", write_picture),
    "jpeg": (".jpg", write_picture),
    "tiff": (".tif", write_picture),
    "pages": (".tif", write_pages),
    "nifti": (".nii.gz", write_planes),
    "nifti2d": (".nii", write_plane),
    "nifti4d": (".nii.gz", write_contrasts),
    "nrrd": (".nrrd", write_planes),
    "mha": (".mha", write_planes),
}
"""Ending and writer of a format; DICOM, a folder of files, has `write_dicom_series`."""
VOLUMES = frozenset({"pages", "nifti", "nifti2d", "nifti4d", "nrrd", "mha", "dicom"})


def write_blank(path: Path, format_: str) -> None:
    """A picture without content."""
    ENDINGS[format_][1](path, np.zeros((1, SIDE, SIDE)))


def write_mask(path: Path, format_: str, seed: int) -> None:
    """The mask of a picture or a volume in the format `format_`."""
    mask = spot(seed)
    if format_ in ("png", "jpeg", "tiff"):
        write_raster(path, mask * 255)
    elif format_ == "pages":
        write_raster(path, np.repeat(mask[None] * 255, DEPTH, 0))
    elif format_ == "nifti2d":
        write_volume(path, mask)
    else:
        write_volume(path, np.repeat(mask[None], DEPTH, 0))


def write_dicom_series(
    folder: Path, planes: NDArray[np.float64], number: int, patient: str, header: str
) -> list[Path]:
    """Write a series, whose identifiers are as `header` says; return its files.

    Args:
        folder: of the series, with other series or alone.
        planes: (slices, H, W).
        number: of the series, from 0, in its names and identifiers.
        patient: its PatientID, where the header is right.
        header: right, same (one PatientID for all), same_series (and one SeriesInstanceUID),
            new (both of every file), missing (no PatientID).
    """
    paths = []
    for at, plane in enumerate(planes):
        path = folder / f"IM{number:04d}{at:02d}.dcm"
        paths.append(path)
        write_dicom(
            path,
            (plane * 900).astype(np.uint16),
            InstanceNumber=at + 1,
            ImagePositionPatient=[0.0, 0.0, 5.0 * at],
            **identifiers(header, patient, number, at),
        )
    return paths


def identifiers(header: str, patient: str, number: int, at: int) -> dict[str, str]:
    """PatientID, SeriesInstanceUID and StudyInstanceUID, as a tool of that kind writes them."""
    uid = f"{UIDS}.5.{number + 1}"
    if header == "same_series":
        uid = f"{UIDS}.6.1"
    elif header == "new":
        uid = f"{UIDS}.7.{number + 1}.{at + 1}"
    patients = {"same": "ANONYMOUS", "same_series": "ANONYMOUS", "missing": ""}
    known = patients.get(header, patient) if header != "new" else f"R{number:04d}{at:02d}"
    return {"PatientID": known, "SeriesInstanceUID": uid, "StudyInstanceUID": f"{uid}.9"}


def write_segmentation_object(path: Path, number: int, patient: str) -> None:
    """A DICOM SEG, which is no scan."""
    values = identifiers("right", patient, 9000 + number, 0)
    write_dicom(path, spot(number).astype(np.uint16), SOPClassUID=SEG, Modality="SEG", **values)
