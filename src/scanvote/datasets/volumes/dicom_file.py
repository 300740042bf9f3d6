"""Read one DICOM file, with checks before any pixel is unpacked.

Only the geometry and a digest of the PatientID are kept from the header.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.dicom_start import has_prefix, is_dicom
from scanvote.datasets.volumes.dicom_codec import RLE, check_decodable
from scanvote.datasets.volumes.dicom_kinds import MOSAIC, is_mosaic, why_no_scan
from scanvote.datasets.volumes.dicom_patient import patient_key
from scanvote.datasets.volumes.dicom_pixels import decoded_frames
from scanvote.datasets.volumes.header import (
    NEEDED,
    Place,
    frame_count,
    numbers,
    place_of,
    rescaling,
)
from scanvote.datasets.volumes.source import Source, TooLarge, Undecodable, check_size, opened

if TYPE_CHECKING:
    from pydicom import Dataset

DEFLATED = b"1.2.840.10008.1.2.1.99"
"""UID of the transfer syntax that compresses the whole file."""
HEAD = 2**20
"""Bytes at the start of a file that contain its transfer syntax."""
MOST_FRAMES = 10_000
"""Maximum frames of one file: even a frame of one pixel costs time and memory."""
MOST_ITEMS = 100_000
"""Maximum items in all sequences of one file: even an empty one costs time and memory."""
MOST_RUNS = 2**23
"""Maximum bytes of run lengths, which take about a second for every two MiB."""
REQUIRED = ("Rows", "Columns", "BitsAllocated", "PixelRepresentation")
"""Fields without which the stored pixels mean nothing."""
_ITEM = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""Tag of a sequence item (PS3.5, section 7.5), in both byte orders."""


@dataclass(frozen=True)
class Frame:
    """An image of a series.

    Attributes:
        source: its file.
        pixels: of shape (rows, columns), or uint8 (rows, columns, 3) in colour.
        place: its position, orientation and spacing.
        padding: which pixels stand for no measurement, such as those outside a round field of
            view; None if there are none.
    """

    source: Source
    pixels: NDArray[Any]
    place: Place
    padding: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class DicomFile:
    """The frames of one file, with their common header values.

    Attributes:
        frames: frames in file order.
        patient: digested key of the patient; empty if unknown.
        inverted: whether the smallest value is the brightest.
        placed, measured: as in `Volume`.
    """

    frames: list[Frame]
    patient: str
    inverted: bool
    placed: bool
    measured: bool


@contextmanager
def suppress_warnings() -> Iterator[None]:
    """Suppress pydicom's warnings about headers, of which few fields are used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_file(source: Source, max_voxels: int | None) -> DicomFile:
    """Read one file, rescaled as its header states.

    Args:
        source: path or content of the file.
        max_voxels: maximum number of voxels that it may declare; None for no limit.

    Raises:
        InputError, Undecodable, TooLarge: as for `read_dicom`.
    """
    try:
        header = read_header(source)
        _check_scan(source, header)
        _check_readable(source, header)
        _check_extent(source, header, max_voxels)
        placed = numbers(header, "ImageOrientationPatient", 6) is not None
        return DicomFile(
            frames=list(_frames(source, header)),
            patient=patient_key(header),
            inverted=header.get("PhotometricInterpretation") == "MONOCHROME1",
            placed=placed,
            measured=placed and numbers(header, "PixelSpacing", 2) is not None,
        )
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{source} does not exist") from None
    except Exception as error:  # pydicom has no error class for damaged files, and parses lazily
        raise InputError(f"{source} is no whole DICOM image ({reason_of(error)})") from None


def reason_of(error: Exception) -> str:
    """Return the first line of an error of pydicom in words for users."""
    text = str(error)
    if field := re.search(r"Dataset' object has no attribute '(\w+)'", text):
        return f"it lacks {field[1]}"
    if isinstance(error, AttributeError) or "object has no attribute" in text:
        return "its pixels are damaged"  # gdcm returns None
    text = re.sub(r"^Unable to decode as exceptions were raised by all [^:]*:\s*\w+: ", "", text)
    # addresses of objects differ from run to run
    reason = " ".join(re.sub(r" at 0x\w+", "", text).split())[:160]
    return reason or type(error).__name__


def read_header(source: Source, pixels: bool = True) -> "Dataset":
    """Read the needed header fields, with `pixels` also the stored pixels.

    A missing transfer syntax is filled in as the data set is encoded.

    Raises:
        InputError: the file is no DICOM, or of a kind that is not read.
        Exception: any error of pydicom, if the file is damaged.
    """
    import pydicom

    with opened(source) as stream:
        # pydicom would inflate any amount at once; the transfer syntax itself is never deflated
        content = stream.read(-1 if pixels else HEAD)
        if not is_dicom(content):
            raise InputError(f"{source} does not begin as a DICOM file does; take it out")
        if DEFLATED in content:
            raise Undecodable(f"{source} is deflated DICOM; save it without compression")
        if sum(content.count(tag) for tag in _ITEM) > MOST_ITEMS:
            raise TooLarge(f"{source} has more than {MOST_ITEMS} items in its header; part it")
        stream.seek(0)
        header = pydicom.dcmread(
            stream,
            stop_before_pixels=not pixels,
            specific_tags=[*NEEDED],
            force=not has_prefix(content),
        )
    _fill_in_syntax(source, header)
    return header


def _fill_in_syntax(source: Source, header: "Dataset") -> None:
    """Set the transfer syntax of a file that does not tell it, as some scanners' do not."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if "TransferSyntaxUID" in header.file_meta:
        return
    if "PixelData" in header and header["PixelData"].is_undefined_length:
        raise Undecodable(
            f"{source} is compressed, and does not tell how (no TransferSyntaxUID);"
            " export it again, as with gdcmconv"
        )
    implicit, little = header.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _check_scan(source: Source, header: "Dataset") -> None:
    if words := why_no_scan(header) or (MOSAIC if is_mosaic(header) else ""):
        raise Undecodable(f"{source} is {words}")


def _check_readable(source: Source, header: "Dataset") -> None:
    if "PixelData" not in header:
        error_class = InputError if "Rows" in header else Undecodable
        raise error_class(f"{source} is a DICOM file without pixels; take it out")
    if missing := [name for name in REQUIRED if header.get(name) is None]:
        raise InputError(f"{source} lacks {', '.join(missing)} in its header; export it again")
    channels = int(header.get("SamplesPerPixel", 1))
    if channels not in (1, 3):
        raise Undecodable(f"{source} is DICOM of {channels} channels; convert it to PNG first")
    check_decodable(source, header)


def _check_extent(source: Source, header: "Dataset", max_voxels: int | None) -> None:
    frames, channels = frame_count(header), int(header.get("SamplesPerPixel", 1))
    size = frames * int(header.Rows) * int(header.Columns) * channels
    check_size(source, size, max_voxels)
    if max_voxels is not None and frames > MOST_FRAMES:
        raise TooLarge(f"{source} declares {frames} frames, allowed are {MOST_FRAMES}; part it")
    run_length = header.file_meta.TransferSyntaxUID == RLE
    if run_length and max_voxels is not None and len(header.PixelData) > MOST_RUNS:
        raise TooLarge(
            f"{source} holds more than {MOST_RUNS / 2**20:g} MiB of run lengths; decompress it"
            " first, as with gdcmconv --raw"
        )
    stored = size * int(header.BitsAllocated) // 8
    # two bytes can encode 128, so surplus run lengths could decode to more than memory holds
    if run_length and len(header.PixelData) > 1.1 * stored + 256 * channels * (frames + 1):
        raise InputError(f"{source} holds more run lengths than pixels; mend it")


def _frames(source: Source, header: "Dataset") -> Iterator[Frame]:
    pixels, padding = decoded_frames(source, header)
    for at, image in enumerate(pixels):
        # a slope at the top level is applied; that of an enhanced file may be one of each frame
        told = rescaling(header) or "ModalityLUTSequence" in header
        slope = None if told else numbers(header, "RescaleSlope", 1, at)
        if slope and slope[0]:
            intercept = numbers(header, "RescaleIntercept", 1, at) or (0.0,)
            image = image * np.float32(slope[0]) + np.float32(intercept[0])
        yield Frame(source, image, place_of(header, at), None if padding is None else padding[at])
