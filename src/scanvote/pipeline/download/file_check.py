"""Looking into the files of a scan, once, before anything relies on them."""

from dataclasses import dataclass
from pathlib import Path

from scanvote.core.files import sha256
from scanvote.datasets.base import Scan
from scanvote.images.decode import DecodeError, Rgb, decode_image, decode_mask


@dataclass(frozen=True)
class FileCheck:
    """What looking into the files of a scan tells.

    Attributes:
        width, height: in pixels.
        mode: how the file stores a pixel, as Pillow names it (``L``, ``RGB``, ``I;16``…);
            empty where it does not know the format.
        sha256: of the file of the image.
        mask_pixels: in the mask; 0 where there is none.
        constant: whether all pixels of the image are equal.
        problem: kind of fault for which the scan cannot be used; empty if it can.
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
        detail = str(error).replace(f"{folder}/", "").removeprefix(f"{scan.path} ")
        return FileCheck(problem="unreadable", detail=detail)
    height, width = image.shape[:2]
    if mask is not None and mask.shape != (height, width):
        size = f"{mask.shape[1]}x{mask.shape[0]}"
        return FileCheck(problem="mask_size", detail=f"mask is {size}, scan {width}x{height}")
    marked = 0 if mask is None else int(mask.sum())
    return FileCheck(width, height, mode(path), sha256(path), marked, is_constant(image))


def is_constant(image: Rgb) -> bool:
    """Whether all pixels of `image` (H, W, 3) are equal."""
    # the middle row settles it for nearly every scan
    middle = image[image.shape[0] // 2]
    return bool((middle == image[0, 0]).all()) and bool((image == image[0, 0]).all())


def mode(path: Path) -> str:
    """How the file stores a pixel, from its header alone."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return str(image.mode)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError):
        return ""  # the one decoder read it: that Pillow does not is no fault
