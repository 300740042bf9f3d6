"""Decode compressed DICOM pixels, each syntax by one fixed plugin.

A compressed frame declares a size of its own, by which decoders allocate memory; it is compared
with the header first, because files come from anybody.
"""

import re
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.header import frame_count
from scanvote.datasets.volumes.jpeg_lossless import (
    BadStream,
    LosslessFrame,
    decode_eight_bits,
    parse,
)
from scanvote.datasets.volumes.source import Source, Undecodable

if TYPE_CHECKING:
    from pydicom import Dataset

JPEG = "1.2.840.10008.1.2.4."
"""Prefix of the UIDs of all syntaxes of JPEG (PS3.5, annex A.4)."""
RLE = "1.2.840.10008.1.2.5"
"""UID of run-length encoding."""
# lossy pixels differ by some grey values between decoders, so the one must not depend on what
# else is installed
PLUGINS = {
    f"{JPEG}50": "pillow",
    f"{JPEG}51": "pillow",
    f"{JPEG}57": "gdcm",
    f"{JPEG}70": "gdcm",
    f"{JPEG}80": "pyjpegls",
    f"{JPEG}81": "pyjpegls",
    f"{JPEG}90": "pillow",
    f"{JPEG}91": "pillow",
    RLE: "pydicom",
}
"""The plugin of pydicom for each syntax; uncompressed ones need none."""
LOSSLESS = frozenset({f"{JPEG}57", f"{JPEG}70"})
TWELVE_BITS = frozenset({f"{JPEG}50", f"{JPEG}51"})
"""Syntaxes that are decoded to 8 bits only."""
OTHER_SIZE = (
    "holds a compressed image that is damaged or of another size than its header tells;"
    " export it again"
)
MOST_PASSES = 8
"""Maximum scans of a JPEG frame; each takes as long as an image. DICOM has no progressive ones."""
MOST_SEGMENTS = 2**12
"""Maximum segments before the first scan of a JPEG frame; even empty ones cost time."""
START_OF_SCAN = b"\xff\xda"
FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""Markers of the frame header of JPEG and JPEG-LS."""
PRESET, OVERSIZE = 0xF8, 4
"""Marker of JPEG-LS's parameters, and the kind that overrules the size in the frame header."""
SIZE_OF_2000 = re.compile(rb"\xff\x4f\xff\x51", re.DOTALL)
"""Start of a JPEG 2000 codestream, with its size."""


def check_decodable(source: Source, header: "Dataset") -> None:
    """Refuse a compression that is not decoded here.

    Raises:
        Undecodable: nothing decodes it; the message advises what does.
    """
    from pydicom.pixels.decoders.base import get_decoder

    syntax = header.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
        native = not syntax.is_encapsulated
        decodable = native or PLUGINS.get(syntax, "") in decoder.available_plugins
    except (NotImplementedError, ValueError):
        decodable = False
    if not decodable:
        raise Undecodable(
            f"{source} is compressed ({syntax.name}), and nothing here decodes it;"
            " decompress it first, as with gdcmconv --raw"
        )
    if syntax in TWELVE_BITS and int(header.get("BitsStored", 8)) > 8:
        raise Undecodable(
            f"{source} is JPEG of {header.BitsStored} bits ({syntax.name}), of which only 8 are"
            " decoded here; decompress it first, as with dcmdjpeg of DCMTK"
        )


def decode(source: Source, header: "Dataset") -> tuple[NDArray[Any], str]:
    """Decode all frames, and return them with their photometric interpretation.

    Raises:
        InputError: a frame is damaged, or of another size than the header declares.
        Exception: any other error of the decoder.
    """
    from pydicom.pixels.decoders.base import get_decoder

    syntax = header.file_meta.TransferSyntaxUID
    if syntax in LOSSLESS:
        return _decode_lossless(source, header)
    if syntax.startswith(JPEG):
        for frame in _compressed_frames(header):
            _check_frame(source, header, frame)
    pixels, properties = get_decoder(syntax).as_array(
        header,
        decoding_plugin=PLUGINS.get(syntax, ""),
        allow_excess_frames=False,  # type: ignore[arg-type]
    )
    return pixels, str(properties["photometric_interpretation"])


def _decode_lossless(source: Source, header: "Dataset") -> tuple[NDArray[Any], str]:
    frames = [_lossless_frame(source, header, one) for one in _compressed_frames(header)]
    frames = frames[: frame_count(header)]
    colours = str(header.PhotometricInterpretation)
    if max(frame.bits for frame in frames) <= 8:
        pixels = np.stack([decode_eight_bits(frame) for frame in frames])
        kind = "i" if int(header.PixelRepresentation) else "u"
        stored = pixels.view(np.int8) if kind == "i" else pixels
        return stored.astype(f"{kind}{int(header.BitsAllocated) // 8}"), colours
    if frames[0].channels > 1:
        raise Undecodable(f"{source} is lossless JPEG of more than 8 bits in colour; convert it")
    return _decode_by_gdcm(header, frames), colours


def _lossless_frame(source: Source, header: "Dataset", content: bytes) -> LosslessFrame:
    """Check a frame and write it anew; its size has to be that of the header."""
    try:
        frame = parse(content)
    except BadStream as error:
        raise InputError(f"{source} holds damaged lossless JPEG ({error}); export it") from None
    declared = int(header.Rows), int(header.Columns), int(header.get("SamplesPerPixel", 1))
    # gdcm copies what it decodes into a buffer of the header's depth
    deep = 16 if frame.bits > 8 else int(header.BitsAllocated)
    if (frame.rows, frame.columns, frame.channels, deep) != (*declared, int(header.BitsAllocated)):
        raise InputError(f"{source} {OTHER_SIZE}")
    return frame


def _decode_by_gdcm(header: "Dataset", frames: list[LosslessFrame]) -> NDArray[Any]:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder

    for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        header.pop(name, None)
    header.PixelData = encapsulate([frame.stream for frame in frames])
    syntax = header.file_meta.TransferSyntaxUID
    return get_decoder(syntax).as_array(header, decoding_plugin=PLUGINS[syntax])[0]


def _compressed_frames(header: "Dataset") -> Iterator[bytes]:
    from pydicom.encaps import generate_frames

    offsets = header.get("ExtendedOffsetTable"), header.get("ExtendedOffsetTableLengths")
    return generate_frames(
        header.PixelData,
        number_of_frames=frame_count(header),
        extended_offsets=offsets if all(offsets) else None,
    )


def _check_frame(source: Source, header: "Dataset", frame: bytes) -> None:
    """Check size, channels and depth of a compressed frame against the header."""
    is_2000 = header.file_meta.TransferSyntaxUID in (f"{JPEG}90", f"{JPEG}91")
    shapes = _shapes_2000(frame) if is_2000 else _shapes_jpeg(frame)
    declared = int(header.Rows), int(header.Columns), int(header.get("SamplesPerPixel", 1))
    for *shape, bits in shapes or [(0, 0, 0, 0)]:
        if tuple(shape) != declared or not 0 < bits <= int(header.BitsAllocated):
            raise InputError(f"{source} {OTHER_SIZE}")
    _check_eight_bits(source, header, shapes[0][3])
    if not is_2000 and frame.count(START_OF_SCAN) > MOST_PASSES:
        raise InputError(f"{source} is JPEG of more than {MOST_PASSES} passes; save it plainly")


def _check_eight_bits(source: Source, header: "Dataset", bits: int) -> None:
    syntax = header.file_meta.TransferSyntaxUID
    if syntax in TWELVE_BITS and bits != 8:
        raise Undecodable(
            f"{source} is JPEG of {bits} bits ({syntax.name}), of which only 8 are decoded here;"
            " decompress it first, as with dcmdjpeg of DCMTK"
        )


def _shapes_jpeg(frame: bytes) -> list[tuple[int, int, int, int]]:
    """Return rows, columns, channels and bits of a JPEG; empty if it is damaged."""
    shapes: list[tuple[int, int, int, int]] = []
    at = 2
    for _ in range(MOST_SEGMENTS if frame.startswith(b"\xff\xd8") else 0):
        start = frame[at : at + 10]
        if len(start) < 10 or start[0] != 0xFF:
            return []
        if start[1] == START_OF_SCAN[1]:
            return shapes if len(shapes) == 1 else []
        if start[1] == PRESET and start[4] == OVERSIZE:
            return []
        if start[1] in FRAMES:
            bits, rows, columns, channels = struct.unpack(">B2HB", start[4:])
            shapes.append((rows, columns, channels, bits))
        at += 1 if start[1] == 0xFF else 2 + int.from_bytes(start[2:4], "big")
    return []


def _shapes_2000(frame: bytes) -> list[tuple[int, int, int, int]]:
    """Return rows, columns, channels and bits of all that may be a JPEG 2000 codestream.

    Which one a decoder takes depends on the boxes around it.
    """
    shapes = []
    for match in SIZE_OF_2000.finditer(frame):
        start = frame[match.start() + 8 : match.start() + 43]
        if len(start) < 35:
            return []
        right, bottom, left, top, *_, channels, bits = struct.unpack(">8IHB", start)
        shapes.append((bottom - top, right - left, channels, (bits & 0x7F) + 1))
    return shapes
