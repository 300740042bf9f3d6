"""Read the first image's header of TIFF or BigTIFF."""

from scanvote.images.codec import tiff
from scanvote.inputs.header import EXIF_ROTATIONS, BadHeader, Header

MODES = {3: "P", 5: "CMYK", 6: "YCbCr", 8: "LAB"}
"""Colour encodings, by Pillow's names."""


def read_tiff(content: bytes) -> Header:
    """Read the header of the first image.

    Raises:
        BadHeader: the header is cut off, or repeats a tag, which readers resolve differently.
    """
    try:
        page = tiff.read_page(content)
        images = tiff.count_images(content)
    except tiff.BadTiff:
        raise BadHeader from None
    width, height = page.number(tiff.WIDTH), page.number(tiff.HEIGHT)
    if page.repeats or not width or not height:
        raise BadHeader
    return Header(
        width,
        height,
        largest=max(width * height, page.number(tiff.TILE_WIDTH) * page.number(tiff.TILE_HEIGHT)),
        bits=page.number(tiff.BITS, 1),
        mode=MODES.get(page.number(tiff.PHOTOMETRIC, 1), ""),
        alpha=tiff.EXTRA in page.fields,
        pages=images,
        exif_rotated=page.number(tiff.ORIENTATION) in EXIF_ROTATIONS,
    )
