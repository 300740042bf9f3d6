"""The pages of a TIFF file, found by its directories."""

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from scanvote.datasets.user_data.tiff_pages import decode_pages, tiff_pages

PAGES = [np.full((6, 5), value, np.uint8) for value in (10, 20, 30)]


def saved(big: bool = False, reduced: int | None = None) -> bytearray:
    """Three pages, of which one may be a smaller copy of another."""
    content = BytesIO()
    first, *others = (Image.fromarray(page) for page in PAGES)
    for at, image in enumerate([first, *others]):
        image.encoderinfo = {"tiffinfo": {254: 1}} if at == reduced else {}
    first.save(content, "TIFF", save_all=True, append_images=others, big_tiff=big)
    return bytearray(content.getvalue())


def swapped() -> bytearray:
    """Two pages of one pixel, in big-endian order."""
    content = bytearray(b"MM\0*" + struct.pack(">I", 10) + b"\x07\x09")
    for at, following in ((8, 10 + 126), (9, 0)):
        tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, at), (277, 1), (278, 1)]
        content += struct.pack(">H", len(tags) + 2)
        for tag, value in tags:
            content += struct.pack(">HHIHH", tag, 3, 1, value, 0)
        content += struct.pack(">HHII", 279, 4, 1, 1) + struct.pack(">HHIHH", 284, 3, 1, 1, 0)
        content += struct.pack(">I", following)
    return content


@pytest.mark.parametrize("big", [False, True])
def test_each_page_is_decoded(big: bool) -> None:
    content = saved(big)
    pages = tiff_pages(content)
    assert [(page.width, page.height) for page in pages] == [(5, 6)] * 3
    assert decode_pages(content, pages[1:], "a.tif")[:, 0, 0, 0].tolist() == [20, 30]
    assert tiff_pages(content)[0] == pages[1] or len(tiff_pages(content)) < 3


def test_the_order_of_bytes_is_that_of_the_file() -> None:
    content = swapped()
    pages = tiff_pages(content)
    assert len(pages) == 2
    assert decode_pages(content, pages, "a.tif").ravel().tolist() == [7, 7, 7, 9, 9, 9]


def test_smaller_copies_are_no_pages() -> None:
    content = saved()
    second = tiff_pages(content)[1]
    (count,) = struct.unpack_from("<H", content, second.start)
    tags = [struct.unpack_from("<H", content, second.start + 2 + 12 * n)[0] for n in range(count)]
    at = second.start + 2 + 12 * tags.index(262)
    # another tag becomes the one that says "a smaller copy"
    struct.pack_into("<HHII", content, at, 254, 4, 1, 1)
    assert len(tiff_pages(content)) == 2


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"II*\0", b"II*\0\xff\0\0\0"])
def test_other_and_damaged_files_have_no_pages(content: bytes) -> None:
    assert tiff_pages(content) == []


def test_a_loop_of_directories_ends() -> None:
    content = saved()
    first, *_, last = tiff_pages(content)
    (count,) = struct.unpack_from("<H", content, last.start)
    struct.pack_into("<I", content, last.start + 2 + 12 * count, first.start)
    assert len(tiff_pages(content)) == 3
