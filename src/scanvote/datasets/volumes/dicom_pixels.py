"""Turn stored DICOM pixels into grey values or colours as the header states."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.dicom_codec import decode
from scanvote.datasets.volumes.header import numbers, rescaling
from scanvote.datasets.volumes.source import Source, Undecodable
from scanvote.datasets.volumes.volume import luminance

if TYPE_CHECKING:
    from pydicom import Dataset

PALETTE = "PALETTE COLOR"
LARGEST_TABLE = 2**16
"""Maximum entries of a look-up table (PS3.3, section C.11.1.1)."""


def decoded_frames(
    source: Source, header: "Dataset"
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Decode a file, with its modality look-up or rescaling applied.

    Colours of more than 8 bits become their luminance.

    Returns:
        Pixels of shape (frames, rows, columns), or uint8 (frames, rows, columns, 3) in colour;
        and where they are padding, None without any.

    Raises:
        InputError, Undecodable: as for `read_dicom`.
        Exception: any error of the decoder.
    """
    pixels, colours = decode(source, header)
    if int(header.get("SamplesPerPixel", 1)) == 3:
        if colours != "RGB":
            raise Undecodable(f"{source} has colours of the kind {colours}; convert it to PNG")
        return _as_bytes_or_grey(pixels.reshape(-1, *pixels.shape[-3:])), None
    pixels = pixels.reshape(-1, *pixels.shape[-2:])
    if colours == PALETTE:
        return _look_up(pixels, *_palette(source, header)), None
    return _modality_values(source, header, pixels), _padding(header, pixels)


def _as_bytes_or_grey(colours: NDArray[Any]) -> NDArray[Any]:
    return colours if colours.dtype == np.uint8 else luminance(colours)


def _palette(source: Source, header: "Dataset") -> tuple[int, NDArray[Any]]:
    """Return the first value of the palette, and its colours, uint8 (entries, 3)."""
    tables = [_palette_table(source, header, colour) for colour in ("Red", "Green", "Blue")]
    first = numbers(header, "RedPaletteColorLookupTableDescriptor", 3) or (0, 0, 0)
    # 8 bits of a palette may stand in 16, as 0x4000 for 0x40 (PS3.3, section C.7.6.3.1.6)
    colours = [one if one.dtype == np.uint8 else (one >> 8).astype(np.uint8) for one in tables]
    return _signed(header, int(first[1])), np.stack(colours, axis=-1)


def _palette_table(source: Source, header: "Dataset", colour: str) -> NDArray[Any]:
    told = numbers(header, f"{colour}PaletteColorLookupTableDescriptor", 3)
    data = header.get(f"{colour}PaletteColorLookupTableData")
    if told is None or not isinstance(data, bytes):
        raise Undecodable(
            f"{source} is in colour by a palette that it does not hold plainly; convert it to PNG"
        )
    entries = int(told[0]) or LARGEST_TABLE
    words = len(data) >= 2 * entries
    table = np.frombuffer(data, f"{_order(header)}u2" if words else "u1", entries)
    return table.astype(np.uint8 if told[2] == 8 else np.uint16)


def _modality_values(source: Source, header: "Dataset", pixels: NDArray[Any]) -> NDArray[Any]:
    items = header.get("ModalityLUTSequence")
    if items:
        return _look_up(pixels, *_modality_table(source, header, items[0]))
    if not (scale := rescaling(header)):
        return pixels
    # of 16 bits and a slope: float32 is precise enough
    return (pixels * np.float64(scale[0]) + scale[1]).astype(np.float32)


def _modality_table(source: Source, header: "Dataset", item: "Dataset") -> tuple[int, NDArray[Any]]:
    """Return the first value that the table maps, and the table."""
    told = numbers(item, "LUTDescriptor", 3)
    raw = item.get_item("LUTData")
    stored = getattr(raw, "value", None)
    # an item of numbers would become a list of Python's, many times as large
    size = len(stored) if isinstance(stored, (bytes, list)) else LARGEST_TABLE
    if told is None or stored is None or size > 2 * LARGEST_TABLE:
        raise InputError(f"{source} has a broken modality table (LUT); export it again")
    entries = int(told[0]) or LARGEST_TABLE
    data = item.LUTData
    if isinstance(data, bytes):
        table = np.frombuffer(data, f"{_order(header)}u2", entries)
    else:
        table = np.array(data, np.uint16).reshape(-1)[:entries]
    return _signed(header, int(told[1])), table.astype(np.uint16)


def _look_up(pixels: NDArray[Any], first: int, table: NDArray[Any]) -> NDArray[Any]:
    """Return the entries of `table`, of which the first stands for the value `first`."""
    values = np.empty((*pixels.shape, *table.shape[1:]), table.dtype)
    for at, frame in enumerate(pixels):
        values[at] = table[np.clip(frame.astype(np.int64) - first, 0, len(table) - 1)]
    return values


def _padding(header: "Dataset", pixels: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which stored pixels stand for no measurement; None if there are none."""
    first = numbers(header, "PixelPaddingValue", 1)
    if first is None:
        return None
    last = numbers(header, "PixelPaddingRangeLimit", 1) or first
    low, high = sorted(_signed(header, int(one[0])) for one in (first, last))
    padding = pixels == low if low == high else (pixels >= low) & (pixels <= high)
    return padding if padding.any() else None


def _signed(header: "Dataset", value: int) -> int:
    """Return `value` as the pixels are: some files store a negative one as unsigned."""
    if int(header.get("PixelRepresentation", 0)) != 1:
        return value
    bits = int(header.BitsAllocated)
    return value - 2**bits if value >= 2 ** (bits - 1) else value


def _order(header: "Dataset") -> str:
    return "<" if header.file_meta.TransferSyntaxUID.is_little_endian else ">"
