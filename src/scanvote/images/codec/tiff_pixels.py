"""Pixels of TIFF pages, also where OpenCV decodes other values.

Such a page is decoded as one of a simpler form with the same bytes: a copy of the file gets
other tags (no colours, no orientation, more pixels a row), and the rest is arithmetic.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanvote.images.codec import opencv, tiff
from scanvote.images.codec.declared import failure
from scanvote.images.codec.errors import DecodeError, UnsupportedImage
from scanvote.images.codec.orientation import oriented

Edits = dict[int, tuple[int, ...]]

MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE = 0, 1, 2, 3
"""Values of `tiff.PHOTOMETRIC`."""
UNASSOCIATED = 2
"""Value of `tiff.EXTRA`: transparency by which the colours are not multiplied yet."""
UNSIGNED, SIGNED, FLOAT, UNDEFINED = 1, 2, 3, 4
"""Values of `tiff.FORMAT`."""
JPEG = 7
"""Value of `tiff.COMPRESSION`."""
SEPARATE = 2
"""Value of `tiff.PLANAR`: one channel after the other."""
DIFFERENCES = 2
"""Value of `tiff.PREDICTOR`: pixels are stored as differences to the one to the left."""
DEPTHS = {UNSIGNED: (1, 2, 4, 8, 10, 12, 14, 16, 32, 64), SIGNED: (8, 16, 32, 64)} | {
    FLOAT: (16, 32, 64)
}
"""Bits of a number that are decoded, by its format."""
COMPLEX = (5, 6)
"""Values of `tiff.FORMAT` of complex numbers."""
FORMS = {5: "CMYK", 6: "YCbCr", 8: "CIELab", 32844: "LogL", 32845: "LogLuv"}
"""Colour encodings, by their value of `tiff.PHOTOMETRIC`."""


@dataclass(frozen=True)
class Form:
    """How a page stores its pixels; the tags by their names in `tiff`."""

    width: int
    bits: int
    samples: int
    photometric: int
    separate: bool
    extra: tuple[int, ...]
    format: int
    compression: int
    predictor: int
    orientation: int

    @property
    def grey(self) -> bool:
        return self.photometric in (MIN_IS_WHITE, MIN_IS_BLACK)

    @property
    def as_shown(self) -> bool:
        """Whether OpenCV decodes the page to the values that it shows."""
        plain = (self.bits == 8 or self.bits == self.samples == 1) and self.format != FLOAT
        if not self.grey:
            return plain and UNASSOCIATED not in self.extra
        if self.samples > 1:  # of tiles with transparency OpenCV decodes the first column alone
            return plain and self.compression == JPEG
        if self.photometric == MIN_IS_WHITE:
            return plain
        return (
            plain or self.bits in (10, 12, 14, 32, 64) or (self.bits, self.format) == (16, UNSIGNED)
        )


def pictures(content: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.uint8], tiff.Page]]:
    """Yield content and page of each image, for the decoders below.

    Of an ImageJ stack of one page the content is another for each image.

    Raises:
        BadTiff: the tags of a page are cut off.
    """
    first, *others = tiff.page_offsets(content) or [0]
    page = tiff.read_page(content, first)
    yield content, page
    for at in others:
        yield content, tiff.read_page(content, at)
    count = 1 if others else tiff.stacked_images(content, page)
    for number in range(1, count):
        place = page.number(tiff.OFFSETS) + number * page.number(tiff.BYTES)
        moved = tiff.edited(
            content, page, {tiff.OFFSETS: (place,)}, in_place=content.flags.writeable
        )
        yield moved, tiff.read_page(moved)


def decode_rgb(content: NDArray[np.uint8], name: object, page: tiff.Page) -> NDArray[Any]:
    """Decode a page to RGB without transparency.

    Returns:
        (H, W, 3) of the depth of the page.

    Raises:
        UnsupportedImage: it has more than a grey channel, three colours and transparency.
        DecodeError: it is damaged.
    """
    form = form_of(content, page)
    check_colours(form, name)
    if form.photometric not in FORMS:
        _check_numbers(form, name)
    if form.as_shown:
        return _shown(content, name, page)
    values = decode_stored(content, name, page)
    if form.photometric == PALETTE:
        return np.asarray(palette(content, page)[values[:, :, 0]])
    values = values[:, :, :3] if form.photometric == RGB else np.repeat(values[:, :, :1], 3, axis=2)
    if form.bits < 8:
        values = values * np.uint8(255 // (2**form.bits - 1))
    return np.ascontiguousarray(values)


def decode_stored(content: NDArray[np.uint8], name: object, page: tiff.Page) -> NDArray[Any]:
    """Decode a page to the numbers that it stores, with black as the least.

    Returns:
        (H, W, C); the indices of a palette, colours in the order RGB, transparency last.

    Raises:
        UnsupportedImage: the numbers are of a kind that is not decoded.
        DecodeError: it is damaged.
    """
    form = form_of(content, page)
    if form.photometric not in (MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE):
        return _shown(content, name, page)
    _check_numbers(form, name)
    values = _planes(content, name, page, form) if form.separate else None
    if values is None:
        values = _interleaved(content, name, page, form)
    values = oriented(values, form.orientation)
    return _inverted(values, form) if form.photometric == MIN_IS_WHITE else values


def form_of(content: NDArray[np.uint8], page: tiff.Page) -> Form:
    samples, number = page.number(tiff.SAMPLES, 1), page.number(tiff.FORMAT, UNSIGNED)
    return Form(
        width=page.number(tiff.WIDTH),
        bits=page.number(tiff.BITS, 1),
        samples=samples,
        photometric=page.number(tiff.PHOTOMETRIC, MIN_IS_BLACK),
        separate=samples > 1 and page.number(tiff.PLANAR, 1) == SEPARATE,
        extra=page.numbers(content, tiff.EXTRA)[:4],
        format=UNSIGNED if number in (0, UNDEFINED) else number,
        compression=page.number(tiff.COMPRESSION, 1),
        predictor=page.number(tiff.PREDICTOR, 1),
        orientation=page.number(tiff.ORIENTATION, 1),
    )


def check_colours(form: Form, name: object) -> None:
    """Refuse channels that are no colours, and colours of a depth that OpenCV misreads."""
    if form.photometric in FORMS and form.bits > 8:
        raise _unsupported(name, f"of {FORMS[form.photometric]} colours of {form.bits} bits")
    if (form.grey and form.samples > 2) or (form.photometric == RGB and form.samples > 4):
        what = "channels that are no colours"
        raise UnsupportedImage(
            f"{name} is a TIFF of {form.samples} {what}; save the one to use as a grey image"
        )


def _check_numbers(form: Form, name: object) -> None:
    """Refuse numbers of a kind that OpenCV does not decode."""
    if form.format in COMPLEX:
        raise _unsupported(name, "of complex numbers")
    if form.bits not in DEPTHS.get(form.format, ()):
        real = "floating-point numbers" if form.format == FLOAT else "integers"
        raise _unsupported(name, f"of {real} of {form.bits} bits")


def _unsupported(name: object, of: str) -> UnsupportedImage:
    return UnsupportedImage(
        f"{name} is a TIFF {of}, which are not decoded; save it as grey or RGB of 8 or 16 bits"
    )


def _shown(content: NDArray[np.uint8], name: object, page: tiff.Page) -> NDArray[Any]:
    """Decode a page as OpenCV shows it, to (H, W, 3)."""
    head = content[: tiff.HEAD].copy()
    if tiff.read_page(content).at != page.at:
        content = tiff.edited(content, page, in_place=content.flags.writeable)
    try:
        image = opencv.imdecode(content, opencv.RGB)
        if image is None:  # OpenCV expands no grey image of over 16 bits
            image = _opencv(content, opencv.STORED, name)
    finally:
        if content.flags.writeable:
            content[: tiff.HEAD] = head
    return image if image.ndim == 3 else np.repeat(image[:, :, np.newaxis], 3, axis=2)


def _opencv(content: NDArray[np.uint8], flags: int, name: object) -> NDArray[Any]:
    image = opencv.imdecode(content, flags)
    if image is None:
        raise failure(content, name)
    return image


def _planes(content: NDArray[np.uint8], name: object, page: tiff.Page, form: Form) -> NDArray[Any]:
    """Decode separate channels one by one to (H, W, C)."""
    planes = []
    for plane in range(form.samples):
        edits: Edits = {tiff.SAMPLES: (1,), tiff.PLANAR: (1,)}
        for tag in (tiff.OFFSETS, tiff.BYTES, tiff.TILE_OFFSETS, tiff.TILE_BYTES):
            numbers = page.numbers(content, tag)
            each = len(numbers) // form.samples
            if each:
                edits[tag] = numbers[plane * each : (plane + 1) * each]
        planes.append(_one_channel(content, name, page, form, 1, edits))
    return np.concatenate(planes, axis=2)


def _interleaved(
    content: NDArray[np.uint8], name: object, page: tiff.Page, form: Form
) -> NDArray[Any]:
    """Decode interleaved channels to (H, W, C)."""
    if form.photometric == RGB and form.samples in (3, 4) and form.bits in (8, 16, 32, 64):
        edits = _edits(form)
        edits[tiff.PHOTOMETRIC] = (RGB,)
        image = _opencv(tiff.edited(content, page, edits), opencv.STORED, name)
        if image.shape[2:] != (form.samples,):
            raise DecodeError(f"{name} is no whole image")
        values = image[:, :, [2, 1, 0, 3][: image.shape[2]]]
        return _as_stored(values, form)
    return _one_channel(content, name, page, form, form.samples, {})


def _one_channel(
    content: NDArray[np.uint8],
    name: object,
    page: tiff.Page,
    form: Form,
    samples: int,
    edits: Edits,
) -> NDArray[Any]:
    """Decode a page as one grey channel that is `samples` times as wide, to (H, W, samples)."""
    numbers, tile = samples * form.width, samples * page.number(tiff.TILE_WIDTH)
    packed = form.bits in (2, 4) or form.bits == 1 < samples
    edits = _edits(form) | edits | {tiff.SAMPLES: (1,)}
    if packed:
        edits |= {tiff.BITS: (8,), tiff.WIDTH: (-(-numbers * form.bits // 8),)}
        edits |= {tiff.TILE_WIDTH: (tile * form.bits // 8,)}
    elif samples > 1:
        edits |= {tiff.WIDTH: (numbers,), tiff.TILE_WIDTH: (tile,), tiff.PREDICTOR: (1,)}
    image = _opencv(tiff.edited(content, page, edits), opencv.STORED, name)
    image = _unpacked(image, form.bits)[:, :numbers] if packed else _as_stored(image, form)
    if image.ndim != 2 or image.shape[1] != numbers:
        raise DecodeError(f"{name} is no whole image")
    values = image.reshape(image.shape[0], form.width, samples)
    summed = samples > 1 and form.predictor != 1
    return _summed(values, name, form, tile // samples) if summed else values


def _edits(form: Form) -> Edits:
    """Return the tags of a page whose numbers OpenCV leaves as they are."""
    edits: Edits = {
        tiff.BITS: (form.bits,),
        tiff.PHOTOMETRIC: (MIN_IS_BLACK,),
        tiff.ORIENTATION: (1,),
        tiff.EXTRA: (0,),
        tiff.FORMAT: (UNSIGNED if form.format == FLOAT and form.bits == 16 else form.format,),
    }
    return edits


def _as_stored(values: NDArray[Any], form: Form) -> NDArray[Any]:
    """Undo what OpenCV makes of 1, 10, 12 and 14 bits, and of 16 bits taken for integers."""
    if form.bits == 1:
        return values // np.uint8(255)
    if form.bits in (10, 12, 14):
        return values >> np.uint16(16 - form.bits)
    if form.format == FLOAT and form.bits == 16:
        return np.ascontiguousarray(values).view(np.float16).astype(np.float32)
    return values


def _unpacked(image: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Return the numbers of 1, 2 or 4 bits in bytes (H, W)."""
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    parts = image[:, :, np.newaxis] >> shifts & np.uint8(2**bits - 1)
    return np.asarray(parts.reshape(image.shape[0], -1), np.uint8)


def _summed(values: NDArray[Any], name: object, form: Form, tile: int) -> NDArray[Any]:
    """Undo the differences along each row of a strip, or of each tile, which wrap around."""
    if form.predictor != DIFFERENCES or form.format == FLOAT or form.bits % 8:
        raise _unsupported(name, f"of {form.bits} bits and the predictor {form.predictor}")
    step = tile or form.width
    parts = [
        np.cumsum(values[:, at : at + step], axis=1, dtype=values.dtype)
        for at in range(0, form.width, step)
    ]
    return np.concatenate(parts, axis=1)


def _inverted(values: NDArray[Any], form: Form) -> NDArray[Any]:
    """Turn numbers whose least is white; transparency is kept."""
    grey = values[:, :, :1]
    if form.format == FLOAT:
        grey = np.nanmax(grey, initial=0) - grey
    elif form.format == SIGNED:
        grey = ~grey
    else:
        grey = values.dtype.type(2**form.bits - 1) - grey
    return np.concatenate([grey, values[:, :, 1:]], axis=2)


def palette(content: NDArray[np.uint8], page: tiff.Page) -> NDArray[np.uint8]:
    """Return the colours of a palette, uint8 (N, 3)."""
    colours = np.array(page.numbers(content, tiff.COLOURS), np.uint16)
    if len(colours) != 3 * 2 ** page.number(tiff.BITS, 1):
        raise tiff.BadTiff
    colours = colours.reshape(3, -1).T
    # some writers fill the lower bytes, as for images of 8 bits
    return np.asarray(colours >> (8 if colours.max(initial=0) > 255 else 0), np.uint8)
