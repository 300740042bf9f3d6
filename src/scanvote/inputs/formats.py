"""What a file is, told by its content alone; a name or a declared type is never believed."""

import zlib
from typing import Literal

Kind = Literal["PNG", "JPEG", "TIFF", "BMP", "WEBP", "DICOM", "NIfTI"]

TAKEN = "PNG, JPEG, TIFF, BMP, WebP, DICOM or NIfTI"
GZIP = b"\x1f\x8b"
NIFTI_HEADER = 352
"""Bytes from which the first form of NIfTI can be told; the second tells itself earlier."""

_IMAGES: tuple[tuple[bytes, Kind], ...] = (
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
    (b"NRRD", "an NRRD volume"),
)
_MARKUP = ((b"<svg", "an SVG drawing"), (b"<!doctype html", "a web page"), (b"<html", "a web page"))


def detect_format(content: bytes) -> Kind | None:
    """What `content` is of the kinds that are taken; None if it is none of them.

    DICOM goes first: its first 128 bytes are free for anything (PS3.10, section 7.1).
    """
    if content[128:132] == b"DICM":
        return "DICOM"
    for start, kind in _IMAGES:
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    return "NIfTI" if _is_nifti(_unpacked(content)) else None


def describe_unknown(content: bytes) -> str:
    """In words what `content` may be that is not taken, as far as its beginning tells."""
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


def _unpacked(content: bytes) -> bytes:
    """The first bytes of `content`, decompressed if it is gzip."""
    if not content.startswith(GZIP):
        return content[:NIFTI_HEADER]
    try:
        return zlib.decompressobj(wbits=31).decompress(content[:65536], NIFTI_HEADER)
    except zlib.error:
        return b""


def _is_nifti(head: bytes) -> bool:
    first = head[:4] in (b"\x5c\x01\0\0", b"\0\0\x01\x5c") and head[344:347] in (b"n+1", b"ni1")
    second = head[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") and head[4:7] in (b"n+2", b"ni2")
    return first or second


def _is_text(head: bytes) -> bool:
    # a character may be cut in two at the end
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode()
    return all(one.isprintable() or one.isspace() for one in text)
