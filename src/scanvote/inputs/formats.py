"""Detect file formats by content alone, never by name or declared type."""

import zlib
from typing import Literal

from scanvote.datasets.dicom_start import has_prefix, is_dicom

ImageKind = Literal["PNG", "JPEG", "TIFF", "BMP", "WEBP"]
Kind = ImageKind | Literal["DICOM", "NIfTI", "NRRD", "MetaImage"]

TAKEN = "PNG, JPEG, TIFF, BMP, WebP, DICOM or NIfTI"
GZIP = b"\x1f\x8b"
NIFTI_HEADER = 352
"""Bytes needed to detect NIfTI-1; NIfTI-2 needs fewer."""
ITK_HEADER = 2**12
"""Bytes in which MetaImage is detected."""

_IMAGES: tuple[tuple[bytes, ImageKind], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
)
_OTHERS = (
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "a zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (GZIP, "a gzip archive"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"8BPS", "a Photoshop file"),
)
_MARKUP = ((b"<svg", "an SVG drawing"), (b"<!doctype html", "a web page"), (b"<html", "a web page"))


def detect_format(content: bytes) -> Kind | None:
    """Return the accepted format of `content`, or None.

    DICOM is checked first: its first 128 bytes are free for anything (PS3.10, section 7.1).
    DICOM without its prefix is checked last, because only its first elements tell it.
    """
    if has_prefix(content):
        return "DICOM"
    for start, kind in _IMAGES:
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if _is_nifti(_decompressed(content)):
        return "NIfTI"
    from scanvote.datasets.volumes.itk_header import itk_kind

    return itk_kind(content[:ITK_HEADER]) or ("DICOM" if is_dicom(content) else None)


def describe_unknown(content: bytes) -> str:
    """Describe content of no accepted format, judging by its beginning."""
    for start, words in _OTHERS:
        if content.startswith(start):
            return words
    if content[4:8] == b"ftyp":
        return "a film, or a HEIC or AVIF image"
    head = content[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, words in _MARKUP:
        if head.startswith(start) or (head.startswith(b"<?xml") and start in head):
            return words
    return "text" if _is_text(content[:1024]) else "no image that is known here"


def _decompressed(content: bytes) -> bytes:
    """Return the first bytes of `content`, decompressed if it is gzip."""
    if not content.startswith(GZIP):
        return content[:NIFTI_HEADER]
    try:
        return zlib.decompressobj(wbits=31).decompress(content[:65536], NIFTI_HEADER)
    except zlib.error:
        return b""


def _is_nifti(head: bytes) -> bool:
    nifti_1 = head[:4] in (b"\x5c\x01\0\0", b"\0\0\x01\x5c") and head[344:347] in (b"n+1", b"ni1")
    nifti_2 = head[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") and head[4:7] in (b"n+2", b"ni2")
    return nifti_1 or nifti_2


def _is_text(head: bytes) -> bool:
    # the end may cut a character in two
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode()
    return all(one.isprintable() or one.isspace() for one in text)
