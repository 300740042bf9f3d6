"""One DICOM file: what is kept of it, and what is refused before any pixel is unpacked.

Of the header nothing is kept but the geometry and a digest of the PatientID. A digest hides a
patient's ID from who reads a manifest. It hides it from nobody who can guess the ID: numbers
of a hospital are few enough to try them all.
"""

import hashlib
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.header import NEEDED, Place, frame_count, numbers, place_of
from scanvote.datasets.volumes.source import Source, TooLarge, Undecodable, check_size, opened

if TYPE_CHECKING:
    from pydicom import Dataset

DEFLATED = b"1.2.840.10008.1.2.1.99"
"""UID of compression of a whole file."""
HEAD = 2**20
"""Bytes in which the header of a file tells its syntax."""
RLE = "1.2.840.10008.1.2.5"
"""UID of compression by run lengths."""
MOST_FRAMES = 10_000
"""Of one file: each costs time and memory, be it of one pixel."""


MOST_ITEMS = 100_000
"""Of all sequences of one file: each takes time and memory, be it empty."""
MOST_RUNS = 2**23
"""Bytes of run lengths, of which each takes time: a second for every two MiB or so."""
_ITEM = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""The tag of an item of a sequence (PS3.5, section 7.5), of both orders of bytes."""


@dataclass(frozen=True)
class Frame:
    """An image of a series: its file, its pixels of shape (rows, columns), its place."""

    source: Source
    pixels: NDArray[Any]
    place: Place


@dataclass(frozen=True)
class DicomFile:
    """All that is kept of one file: its frames, and what its header tells of all of them.

    Attributes:
        frames: in their order.
        patient: key of the patient.
        inverted: whether the least value is the brightest.
        placed, measured: as of a `Volume`.
    """

    frames: list[Frame]
    patient: str
    inverted: bool
    placed: bool
    measured: bool


@contextmanager
def suppress_warnings() -> Iterator[None]:
    """Without pydicom's remarks on headers, of which next to nothing is used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_file(source: Source, most: int | None) -> DicomFile:
    """One file, with the rescaling of its header applied.

    Args:
        source: its path or content.
        most: voxels that it may declare; None is no limit.

    Raises:
        InputError, Undecodable, TooLarge: as `read_dicom`.
    """
    try:
        header = read_header(source)
        _check_readable(source, header)
        _check_extent(source, header, most)
        placed = numbers(header, "ImageOrientationPatient", 6) is not None
        return DicomFile(
            frames=list(_frames(source, header)),
            patient=_patient(header),
            inverted=header.get("PhotometricInterpretation") == "MONOCHROME1",
            placed=placed,
            measured=placed and numbers(header, "PixelSpacing", 2) is not None,
        )
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{source} does not exist") from None
    except Exception as error:  # pydicom has none of its own for a damaged file, and reads late
        # without addresses of objects, which differ from run to run
        reason = " ".join(re.sub(r" at 0x\w+", "", str(error)).split())[:160]
        reason = reason or type(error).__name__
        raise InputError(f"{source} is no whole DICOM image ({reason})") from None


def read_header(source: Source, pixels: bool = True) -> "Dataset":
    """What is needed of the header, and the stored pixels if they are asked for.

    Raises:
        Exception: any of pydicom's, of a file that is damaged or none.
    """
    import pydicom

    with opened(source) as stream:
        # pydicom would unpack any amount at once; wherever the syntax stands, it is not packed
        content = stream.read(-1 if pixels else HEAD)
        if DEFLATED in content:
            raise Undecodable(f"{source} is deflated DICOM; save it without compression")
        if sum(content.count(tag) for tag in _ITEM) > MOST_ITEMS:
            raise TooLarge(f"{source} has more than {MOST_ITEMS} items in its header; part it")
        stream.seek(0)
        return pydicom.dcmread(stream, stop_before_pixels=not pixels, specific_tags=[*NEEDED])


def _check_readable(source: Source, header: "Dataset") -> None:
    from pydicom.pixels.decoders.base import get_decoder

    if "PixelData" not in header:
        fault = InputError if "Rows" in header else Undecodable
        raise fault(f"{source} is a DICOM file without pixels; take it out")
    colour = header.get("PhotometricInterpretation") == "PALETTE COLOR"
    if colour or int(header.get("SamplesPerPixel", 1)) != 1:
        raise Undecodable(f"{source} is a DICOM image in colour; convert it to PNG first")
    syntax = header.file_meta.TransferSyntaxUID
    try:
        able = get_decoder(syntax).is_available
    except NotImplementedError:
        able = False
    if not able:
        raise Undecodable(
            f"{source} is compressed ({syntax.name}), and nothing here decodes it;"
            " decompress it first, as with gdcmconv --raw"
        )


def _check_extent(source: Source, header: "Dataset", most: int | None) -> None:
    frames = frame_count(header)
    size = frames * int(header.Rows) * int(header.Columns)
    check_size(source, size, most)
    if most is not None and frames > MOST_FRAMES:
        raise TooLarge(f"{source} declares {frames} frames, allowed are {MOST_FRAMES}; part it")
    runs = header.file_meta.TransferSyntaxUID == RLE
    if runs and most is not None and len(header.PixelData) > MOST_RUNS:
        raise TooLarge(
            f"{source} holds more than {MOST_RUNS / 2**20:g} MiB of run lengths; decompress it"
            " first, as with gdcmconv --raw"
        )
    stored = size * int(header.BitsAllocated) // 8
    # two bytes may stand for 128, so that what is too long can be longer than memory
    if runs and len(header.PixelData) > 1.1 * stored + 256 * (frames + 1):
        raise InputError(f"{source} holds more run lengths than pixels; mend it")


def _frames(source: Source, header: "Dataset") -> Iterator[Frame]:
    from pydicom.pixels.processing import apply_rescale

    pixels = np.asarray(apply_rescale(header.pixel_array, header))
    if pixels.dtype == np.float64:  # of 16 bits and a slope: half the memory tells as much
        pixels = pixels.astype(np.float32)
    for at, image in enumerate(pixels.reshape(-1, *pixels.shape[-2:])):
        # elsewhere than in an enhanced file pydicom has applied it
        slope = None if "RescaleSlope" in header else numbers(header, "RescaleSlope", 1, at)
        if slope:
            intercept = numbers(header, "RescaleIntercept", 1, at) or (0.0,)
            image = image * np.float32(slope[0]) + np.float32(intercept[0])
        yield Frame(source, image, place_of(header, at))


def _patient(header: "Dataset") -> str:
    value = str(header.get("PatientID", "") or "").strip()
    return f"p-{hashlib.sha256(value.encode()).hexdigest()[:12]}" if value else ""
