"""Tags of the pages of TIFF (revision 6.0, 1992) and BigTIFF, and edits of them."""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
HEAD = 16
"""Bytes before the first page's tags."""

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
DESCRIPTION, OFFSETS, ORIENTATION, SAMPLES, BYTES, PLANAR = 270, 273, 274, 277, 279, 284
PREDICTOR, COLOURS, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 317, 320, 322, 323, 324, 325
EXTRA, FORMAT = 338, 339

MAX_FIELDS, MAX_PAGES, MAX_NUMBERS = 2**12, 2**16, 2**20
"""Tags of a page, pages of a file and numbers of a tag, above those of files without malice."""
NO_PICTURE = 0b101
"""Flags of SUBFILE: a page that is a smaller copy or a mask of another."""
SHORT, LONG = 3, 4
"""Types of a tag: of 2 and of 4 bytes a number."""
_CODES = {1: "B", SHORT: "H", LONG: "I", 16: "Q"}
"""Struct codes of unsigned integers, by the type of a tag."""


class BadTiff(Exception):
    """A TIFF whose tags cannot be read."""


@dataclass(frozen=True)
class Field:
    """A tag of a page.

    Attributes:
        entry: offset of its entry.
        type, count: of its numbers.
        first: its first number; 0 if it holds no integer.
    """

    entry: int
    type: int
    count: int
    first: int


@dataclass(frozen=True)
class Page:
    """The tags of one image.

    Attributes:
        order: of the bytes, ``<`` or ``>``.
        big: whether the file is a BigTIFF.
        at: offset of the tags.
        fields: by tag; of a repeated tag the first.
        following: offset of the next page's tags, 0 after the last.
        repeats: whether a tag is repeated, which readers resolve differently.
    """

    order: str
    big: bool
    at: int
    fields: Mapping[int, Field]
    following: int
    repeats: bool

    @property
    def word(self) -> str:
        """Struct code of an offset."""
        return self.order + ("Q" if self.big else "I")

    def number(self, tag: int, default: int = 0) -> int:
        """Return the first number of a tag, or `default` if it is missing."""
        field = self.fields.get(tag)
        return default if field is None else field.first

    def numbers(self, content: Any, tag: int) -> tuple[int, ...]:
        """Return all numbers of a tag; empty if it is missing or holds no integers.

        Raises:
            BadTiff: they are cut off.
        """
        field = self.fields.get(tag)
        if field is None or field.type not in _CODES:
            return ()
        if field.count > MAX_NUMBERS:
            raise BadTiff
        try:
            form = f"{self.order}{field.count}{_CODES[field.type]}"
            return struct.unpack_from(form, content, self._place(content, field))
        except (struct.error, OverflowError, MemoryError):
            raise BadTiff from None

    def text(self, content: Any, tag: int, longest: int = 4096) -> bytes:
        """Return the beginning of a text; empty if it is missing."""
        field = self.fields.get(tag)
        if field is None or field.type != 2:
            return b""
        try:
            place = self._place(content, field)
        except struct.error:
            raise BadTiff from None
        return bytes(content[place : place + min(field.count, longest)])

    def inline(self, field: Field) -> int:
        """Return the offset of the numbers that an entry has room for."""
        return field.entry + 4 + struct.calcsize(self.word)

    def _place(self, content: Any, field: Field) -> int:
        """Return the offset of the numbers, or of the text, of a tag."""
        size = field.count * struct.calcsize(self.order + _CODES.get(field.type, "B"))
        place = self.inline(field)
        if size > struct.calcsize(self.word):
            (place,) = struct.unpack_from(self.word, content, place)
        return place


def is_tiff(content: Any) -> bool:
    return bytes(content[:4]) in MAGICS


def read_page(content: Any, at: int = 0) -> Page:
    """Read the tags at the offset `at`, by default those of the first page.

    Raises:
        BadTiff: they are cut off.
    """
    try:
        return _page(content, at)
    except (struct.error, OverflowError):
        raise BadTiff from None


def page_offsets(content: Any) -> list[int]:
    """Return the offsets of the tags of all pages, the first's before the others.

    Smaller copies and masks of a page are left out. The list ends at a page that is cut off or
    was there before, and after `MAX_PAGES`.
    """
    order, big = _byte_order(content)
    word = order + ("Q" if big else "I")
    offsets, seen = list[int](), set[int]()
    try:
        (at,) = struct.unpack_from(word, content, 8 if big else 4)
        while at and at not in seen and len(seen) < MAX_PAGES:
            picture, following = _link(content, order, word, at)
            if picture or not offsets:
                offsets.append(at)
            seen.add(at)
            at = following
    except (struct.error, OverflowError):
        pass
    return offsets


def count_images(content: Any) -> int:
    """Return the number of images: of pages, or of images of an ImageJ stack of one page.

    ImageJ writes such stacks above 4 GB: uncompressed, one image after the other.
    """
    pages = len(page_offsets(content))
    return stacked_images(content, read_page(content)) if pages == 1 else max(1, pages)


def image_sizes(content: Any) -> list[tuple[int, int]]:
    """Return the width and height of each image that `count_images` counts.

    Raises:
        BadTiff: the tags of a page are cut off.
    """
    pages = [read_page(content, at) for at in page_offsets(content)] or [read_page(content)]
    sizes = [(page.number(WIDTH), page.number(HEIGHT)) for page in pages]
    return sizes if len(sizes) > 1 else sizes * stacked_images(content, pages[0])


def stacked_images(content: Any, page: Page) -> int:
    """Return the number of images of an ImageJ stack that a page is the first of, or 1."""
    text = page.text(content, DESCRIPTION)
    found = re.search(rb"^images=(\d{1,6})\r?$", text, re.MULTILINE)
    alone = not page.following and page.number(COMPRESSION, 1) == 1
    strip = page.fields.get(OFFSETS)
    if not (found and alone and strip and strip.count == 1 and text.startswith(b"ImageJ=")):
        return 1
    end = strip.first + int(found[1]) * page.number(BYTES)
    return int(found[1]) if page.number(BYTES) and end <= len(content) else 1


def edited(
    content: NDArray[np.uint8],
    page: Page,
    edits: Mapping[int, tuple[int, ...]] = {},
    in_place: bool = False,
) -> NDArray[np.uint8]:
    """Return a copy of the file whose first page is `page`, with other numbers in some tags.

    Args:
        content: of the file.
        page: of the file.
        edits: numbers by tag: one, or no more than there were. Tags that the page lacks are
            left out.
        in_place: whether to edit `content` itself.
    """
    copy = content if in_place else content.copy()
    try:
        struct.pack_into(page.word, copy.data, 8 if page.big else 4, page.at)
        for tag in edits.keys() & page.fields.keys():
            _write(copy, page, page.fields[tag], edits[tag])
    except (struct.error, OverflowError):
        raise BadTiff from None
    return copy


def _page(content: Any, at: int) -> Page:
    order, big = _byte_order(content)
    word, count = order + ("Q" if big else "I"), order + ("Q" if big else "H")
    if not at:
        (at,) = struct.unpack_from(word, content, 8 if big else 4)
    (length,) = struct.unpack_from(count, content, at)
    if length > MAX_FIELDS:
        raise BadTiff
    entry, repeats, fields = at + struct.calcsize(count), False, dict[int, Field]()
    for _ in range(length):
        tag, field = _field(content, order, word, entry)
        repeats |= tag in fields
        fields.setdefault(tag, field)
        entry += 4 + 2 * struct.calcsize(word)
    (following,) = struct.unpack_from(word, content, entry)
    return Page(order, big, at, fields, following, repeats)


def _byte_order(content: Any) -> tuple[str, bool]:
    return "<" if bytes(content[:2]) == b"II" else ">", 43 in bytes(content[2:4])


def _link(content: Any, order: str, word: str, at: int) -> tuple[bool, int]:
    """Return whether the page at `at` is a picture of its own, and the offset of the next."""
    count = order + ("Q" if word[1] == "Q" else "H")
    (length,) = struct.unpack_from(count, content, at)
    entry = at + struct.calcsize(count)
    tag, field = _field(content, order, word, entry)  # tags are sorted, and SUBFILE is the least
    (following,) = struct.unpack_from(
        word, content, entry + length * (4 + 2 * struct.calcsize(word))
    )
    return not (tag == SUBFILE and field.first & NO_PICTURE), following


def _field(content: Any, order: str, word: str, entry: int) -> tuple[int, Field]:
    tag, type_, count = struct.unpack_from(f"{order}2H{word[1]}", content, entry)
    if type_ not in _CODES:
        return tag, Field(entry, type_, count, 0)
    form, place = order + _CODES[type_], entry + 4 + struct.calcsize(word)
    if count * struct.calcsize(form) > struct.calcsize(word):
        (place,) = struct.unpack_from(word, content, place)
    (number,) = struct.unpack_from(form, content, place)
    return tag, Field(entry, type_, count, int(number))


def _write(copy: NDArray[np.uint8], page: Page, field: Field, numbers: tuple[int, ...]) -> None:
    """Write `numbers` into an entry, or where its numbers are if it has no room for them."""
    type_ = LONG if field.type < LONG and len(numbers) == 1 else field.type
    form = f"{page.order}{len(numbers)}{_CODES[type_]}"
    place = page.inline(field)
    if struct.calcsize(form) > struct.calcsize(page.word):
        (place,) = struct.unpack_from(page.word, copy.data, place)
    struct.pack_into(
        f"{page.order}H{page.word[1]}", copy.data, field.entry + 2, type_, len(numbers)
    )
    struct.pack_into(form, copy.data, place, *numbers)
