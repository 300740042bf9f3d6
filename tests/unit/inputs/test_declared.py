"""The number of pixels that a header declares, without a look at the pixels."""

import numpy as np
import pytest
from PIL import Image

from scanvote.inputs import declared_pixels
from tests.hostile import KINDS, head, hostile_files, saved

PICTURE = head(np.random.default_rng(0))
PIXELS = PICTURE.width * PICTURE.height


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "comment": b"c" * 60_000}),
        ("TIFF", {}),
        ("TIFF", {"big_tiff": True}),
        ("BMP", {}),
    ],
)
def test_the_pixels_of_each_format_are_those_of_its_header(
    kind: str, settings: dict[str, object]
) -> None:
    content = saved(PICTURE, kind, **settings)
    assert declared_pixels(content) == PIXELS


@pytest.mark.parametrize("settings", [{}, {"lossless": True}, {"exif": b"e" * 99}])
@pytest.mark.parametrize("size", [(1, 1), (300, 7), (5, 16_383)])
def test_the_sides_of_a_webp_are_read_in_each_of_its_forms(
    size: tuple[int, int], settings: dict[str, object]
) -> None:
    content = saved(Image.new("RGB", size), "WEBP", **settings)
    assert declared_pixels(content) == size[0] * size[1]


def test_a_bitmap_with_its_top_row_first_has_as_many_pixels() -> None:
    content = bytearray(saved(PICTURE, "BMP"))
    content[22:26] = (-PICTURE.height).to_bytes(4, "little", signed=True)
    assert declared_pixels(bytes(content)) == PIXELS


def test_whatever_the_content_nothing_is_raised() -> None:
    for one in hostile_files(5, len(KINDS)):
        for length in (0, 1, 3, 8, 14, 20, 25, len(one.content) // 2, len(one.content)):
            pixels = declared_pixels(one.content[:length])
            assert pixels is None or pixels >= 0
    assert declared_pixels(b"no image") is None
