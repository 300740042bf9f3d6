"""Parse and decode lossless JPEG (ITU-T T.81, process 14), as in DICOM.

The decoder of more than 8 bits, gdcm, ends the process at some damaged headers. It is therefore
given a stream that is written anew from checked fields, never the one of the file.
"""

import io
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SOI, EOI, SOF3, DHT, DRI, SOS = 0xD8, 0xD9, 0xC3, 0xC4, 0xDD, 0xDA
MOST_SEGMENTS = 2**12
"""Maximum segments before the pixels; even empty ones cost time."""
NAMES = {1: b"\x01", 3: b"RGB"}
"""Names of the channels, by which a decoder knows that there is no colour to convert."""


class BadStream(ValueError):
    """A stream that is damaged or no plain lossless JPEG."""


@dataclass(frozen=True)
class LosslessFrame:
    """A checked frame.

    Attributes:
        rows, columns, channels, bits: size, and precision of a value.
        stream: the frame written anew, of one scan and without metadata.
    """

    rows: int
    columns: int
    channels: int
    bits: int
    stream: bytes


def parse(content: bytes) -> LosslessFrame:
    """Check a frame and write it anew.

    Raises:
        BadStream: it is damaged, or has other parts than one scan of 1 or 3 channels.
    """
    segments, start = _segments(content)
    kinds = [kind for kind, _ in segments]
    if kinds.count(SOF3) != 1 or kinds.count(DRI) > 1 or not 1 <= kinds.count(DHT) <= 4:
        raise BadStream("its segments are not those of a lossless JPEG")
    bodies = dict(segments)
    bits, rows, columns, channels = _checked_frame(bodies[SOF3])
    names = NAMES[channels]
    frame = bodies[SOF3][:6] + b"".join(bytes((name, 0x11, 0)) for name in names)
    scan = _checked_scan(bodies[SOS], bodies[SOF3], names, bits)
    tables = [body for kind, body in segments if kind == DHT and _check_tables(body)]
    parts = [(SOF3, frame), *((DHT, table) for table in tables)]
    parts += [(DRI, bodies[DRI])] if len(bodies.get(DRI, b"")) == 2 else []
    stream = b"\xff\xd8" + b"".join(_segment(*one) for one in [*parts, (SOS, scan)])
    return LosslessFrame(
        rows, columns, channels, bits, stream + _entropy_coded(content[start:]) + b"\xff\xd9"
    )


def decode_eight_bits(frame: LosslessFrame) -> NDArray[np.uint8]:
    """Decode a frame of up to 8 bits to (rows, columns) or (rows, columns, 3).

    Raises:
        BadStream: the pixels are damaged.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(frame.stream), formats=("JPEG",)) as image:
            return np.asarray(image)
    except OSError:
        raise BadStream("its pixels are cut off or damaged") from None


def _segments(content: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """Return kind and content of each needed segment, and where the pixels start."""
    found, at = [], 2
    for _ in range(MOST_SEGMENTS if content[:2] == b"\xff\xd8" else 0):
        while content[at : at + 2] == b"\xff\xff":
            at += 1
        start = content[at : at + 4]
        if len(start) < 4 or start[0] != 0xFF:
            break
        kind, length = start[1], int.from_bytes(start[2:], "big")
        body = content[at + 4 : at + 2 + length]
        at += 2 + length
        if length < 2 or at > len(content) or (0xC0 <= kind < SOI and kind not in (SOF3, DHT)):
            break
        if kind in (SOF3, DHT, DRI, SOS):
            found.append((kind, body))
        if kind == SOS:
            return found, at
    raise BadStream("its header is damaged, or that of another kind of JPEG")


def _checked_frame(body: bytes) -> tuple[int, int, int, int]:
    if len(body) < 6 or body[5] not in NAMES or len(body) != 6 + 3 * body[5]:
        raise BadStream("its frame header is damaged")
    bits, rows, columns, channels = struct.unpack(">B2HB", body[:6])
    sampling = {body[7 + 3 * at] for at in range(channels)}
    if not 2 <= bits <= 16 or not rows or not columns or sampling != {0x11}:
        raise BadStream("its frame header is damaged")
    return bits, rows, columns, channels


def _checked_scan(body: bytes, frame: bytes, names: bytes, bits: int) -> bytes:
    """Return the scan header with the channels renamed."""
    count = len(names)
    if len(body) != 4 + 2 * count or body[0] != count:
        raise BadStream("its channels are in several scans")
    same = all(body[1 + 2 * at] == frame[6 + 3 * at] for at in range(count))
    tables = [body[2 + 2 * at] >> 4 for at in range(count)]
    predictor, last, shift = body[-3:]
    if not same or max(tables) > 3 or not 1 <= predictor <= 7 or last or shift >= bits:
        raise BadStream("its scan header is damaged")
    each = b"".join(bytes((name, table << 4)) for name, table in zip(names, tables, strict=True))
    return bytes((count,)) + each + bytes((predictor, 0, shift))


def _check_tables(body: bytes) -> bool:
    """Check the Huffman tables of a segment, and return True."""
    at = 0
    while at < len(body):
        counts = body[at + 1 : at + 17]
        values = body[at + 17 : at + 17 + sum(counts)]
        codes = sum(count << (15 - length) for length, count in enumerate(counts))
        whole = len(counts) == 16 and len(values) == sum(counts) <= 17 and codes < 2**16
        if body[at] > 3 or not whole or not values or max(values) > 16:
            raise BadStream("its tables are damaged")
        at += 17 + len(values)
    return True


def _entropy_coded(content: bytes) -> bytes:
    """Return the pixels up to the next marker, other than those of a restart."""
    at = content.find(b"\xff")
    while 0 <= at < len(content) - 1 and (
        content[at + 1] == 0 or 0xD0 <= content[at + 1] <= 0xD7 or content[at + 1] == 0xFF
    ):
        at = content.find(b"\xff", at + (1 if content[at + 1] == 0xFF else 2))
    return content if at < 0 else content[:at]


def _segment(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body
