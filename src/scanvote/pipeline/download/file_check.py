"""Check the files of a scan once, before anything relies on them."""

from dataclasses import dataclass
from pathlib import Path

from scanvote.core.files import sha256
from scanvote.core.machine import raise_fault
from scanvote.datasets.base import Scan
from scanvote.images.decode import DecodeError, Rgb, decode_image, decode_mask


@dataclass(frozen=True)
class FileCheck:
    """Result of checking the files of a scan.

    Attributes:
        width, height: in pixels.
        mode: Pillow's name for the pixel format (``L``, ``RGB``, ``I;16``…); empty if Pillow
            does not know the file format.
        sha256: of the image file.
        mask_pixels: number of pixels in the mask; 0 without a mask.
        constant: whether all pixels of the image are equal.
        problem: kind of issue that makes the scan unusable; empty if it is usable.
        detail: of the problem, in a few words.
    """

    width: int = 0
    height: int = 0
    mode: str = ""
    sha256: str = ""
    mask_pixels: int = 0
    constant: bool = False
    problem: str = ""
    detail: str = ""


def check_file(folder: Path, scan: Scan) -> FileCheck:
    """Decode a scan and its mask, their paths relative to `folder`."""
    path = folder / scan.path
    try:
        image = decode_image(path)
        mask = decode_mask(folder / scan.mask_path) if scan.mask_path else None
    except DecodeError as error:
        raise_fault(error)
        detail = str(error).replace(f"{folder}/", "").removeprefix(f"{scan.path} ")
        return FileCheck(problem="unreadable", detail=detail)
    height, width = image.shape[:2]
    if mask is not None and mask.shape != (height, width):
        size = f"{mask.shape[1]}x{mask.shape[0]}"
        return FileCheck(problem="mask_size", detail=f"mask is {size}, scan {width}x{height}")
    marked = 0 if mask is None else int(mask.sum())
    return FileCheck(width, height, mode(path), sha256(path), marked, is_constant(image))


def is_constant(image: Rgb) -> bool:
    """Return whether all pixels of `image` (H, W, 3) are equal."""
    # the middle row settles it for nearly every scan
    middle = image[image.shape[0] // 2]
    return bool((middle == image[0, 0]).all()) and bool((image == image[0, 0]).all())


def mode(path: Path) -> str:
    """Return Pillow's name for the pixel format, from the header alone."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return str(image.mode)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError):
        return ""  # no fault: the decoder of this package could read it
