"""TIFF of every depth, polarity, layout and transparency, against tifffile, which wrote it."""

import io
import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from scanvote.images.codec import tiff
from scanvote.images.codec.orientation import oriented
from scanvote.images.codec.tiff_pixels import decode_rgb, decode_stored
from scanvote.images.decode import (
    DecodeError,
    UnsupportedImage,
    decode_bytes,
    decode_image,
    decode_pages,
    page_sizes,
    window,
)
from scanvote.images.stored import decode_stored as decode_stored_file

HEIGHT, WIDTH = 40, 56
RAMP = np.add.outer(np.arange(HEIGHT) * 2, np.arange(WIDTH) * 3).astype(np.uint8)
INTEGERS = [f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("u", "")]
DEPTHS = [*INTEGERS, "float16", "float32", "float64"]
LAYOUTS: tuple[tuple[int, dict[str, Any]], ...] = (
    (1, {"photometric": "minisblack"}),
    (1, {"photometric": "miniswhite"}),
    (2, {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": ["unassalpha"]}),
    (2, {"photometric": "miniswhite", "planarconfig": "contig", "extrasamples": ["unassalpha"]}),
    (2, {"photometric": "minisblack", "planarconfig": "separate", "extrasamples": ["unassalpha"]}),
    (3, {"photometric": "rgb", "planarconfig": "contig"}),
    (3, {"photometric": "rgb", "planarconfig": "separate"}),
    (4, {"photometric": "rgb", "planarconfig": "contig", "extrasamples": ["unassalpha"]}),
    (4, {"photometric": "rgb", "planarconfig": "contig", "extrasamples": ["assocalpha"]}),
    (4, {"photometric": "rgb", "planarconfig": "contig", "extrasamples": ["unspecified"]}),
    (4, {"photometric": "rgb", "planarconfig": "separate", "extrasamples": ["unassalpha"]}),
)
FORMS: tuple[dict[str, Any], ...] = (
    {},
    {"byteorder": ">"},
    {"bigtiff": True, "compression": "zlib"},
    {"compression": "zlib", "predictor": True},
    {"compression": "zlib", "predictor": True, "tile": (32, 32), "byteorder": ">"},
)


def stored(depth: str, channels: int) -> np.ndarray:
    """(H, W, C) that uses all of its depth; the last channel falls where the first rises."""
    parts = np.dstack([RAMP, RAMP // 2, 90 - RAMP // 3, 255 - RAMP])[:, :, [0, 1, 2, 3]]
    values = parts[:, :, :channels] if channels != 2 else parts[:, :, [0, 3]]
    kind = np.dtype(depth)
    if kind.kind == "f":
        return (values / 256 - 0.25).astype(kind)
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    step = int(high) // 255 - int(low) // 255
    return (values.astype(object) * step + int(low)).astype(kind)


def written(values: np.ndarray, **how: Any) -> np.ndarray:
    stream = io.BytesIO()
    if how.get("planarconfig") == "separate":
        values = np.moveaxis(values, -1, 0)
    elif values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    tifffile.imwrite(stream, values, **how)
    return np.frombuffer(stream.getvalue(), np.uint8)


def turned(values: np.ndarray) -> np.ndarray:
    """Black for white, without the transparency."""
    grey = values[:, :, :1]
    grey = grey.max() - grey if grey.dtype.kind == "f" else ~grey
    return np.concatenate([grey, values[:, :, 1:]], axis=2)


@pytest.mark.parametrize("depth", DEPTHS)
def test_every_depth_and_layout_is_what_tifffile_wrote(depth: str) -> None:
    for (channels, layout), form in itertools.product(LAYOUTS, FORMS):
        if form.get("predictor") and (depth.startswith("float") or depth.endswith("64")):
            continue  # tifffile alone does not write it
        values = stored(depth, channels)
        content = written(values, **layout, **form)
        page = tiff.read_page(content)
        values = values.astype(np.float32) if depth == "float16" else values
        values = turned(values) if layout["photometric"] == "miniswhite" else values
        which = f"{layout} {form}"
        np.testing.assert_array_equal(decode_stored(content, "x", page), values, which)
        colours = values[:, :, :3] if channels > 2 else np.repeat(values[:, :, :1], 3, axis=2)
        np.testing.assert_array_equal(decode_rgb(content, "x", page), colours, which)


def packed(bits: int, samples: int, how: str, orientation: int) -> tuple[np.ndarray, np.ndarray]:
    """A TIFF of numbers of `bits`, and the numbers (H, W, samples)."""
    numbers = np.random.default_rng(bits).integers(0, 2**bits, (HEIGHT, WIDTH - 1, samples))
    each = numbers.reshape(HEIGHT, -1, 1) >> np.arange(bits - 1, -1, -1) & 1
    rows = np.packbits(each.astype(np.uint8).reshape(HEIGHT, -1), axis=1)
    tags = [(274, 3, 1, orientation, True)]
    if how == "palette":
        tags.append((320, 3, 3 * 2**bits, tuple(range(0, 3 * 2**bits * 80, 80)), True))  # type: ignore[arg-type]
    content = written(rows, photometric="minisblack", extratags=tags)
    photometric = {"minisblack": 1, "miniswhite": 0, "rgb": 2, "palette": 3}[how]
    edits = {tiff.BITS: (bits,), tiff.WIDTH: (WIDTH - 1,), tiff.SAMPLES: (samples,)}
    edits[tiff.PHOTOMETRIC] = (photometric,)
    return tiff.edited(content, tiff.read_page(content), edits), numbers


@pytest.mark.parametrize("bits", [1, 2, 4, 10, 12, 14])
def test_numbers_of_odd_depths_are_unpacked(bits: int) -> None:
    layouts = [(1, "minisblack"), (1, "miniswhite"), (3, "rgb"), (2, "minisblack")]
    for (samples, how), orientation in itertools.product(layouts, (1, 6)):
        content, numbers = packed(bits, samples, how, orientation)
        page = tiff.read_page(content)
        numbers = oriented(2**bits - 1 - numbers if how == "miniswhite" else numbers, orientation)
        np.testing.assert_array_equal(decode_stored(content, "x", page), numbers)
        colours = numbers if samples == 3 else np.repeat(numbers[:, :, :1], 3, axis=2)
        shown = decode_bytes(content.tobytes(), "x")
        scaled = window(colours.astype(np.uint16)) if bits > 8 else colours * 255 // (2**bits - 1)
        np.testing.assert_array_equal(shown, scaled)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_is_shown_in_its_colours_and_stored_as_indices(bits: int) -> None:
    content, numbers = packed(bits, 1, "palette", 1)
    page = tiff.read_page(content)
    np.testing.assert_array_equal(decode_stored(content, "x", page), numbers)
    colours = np.arange(0, 3 * 2**bits * 80, 80).reshape(3, -1).T
    shown = colours // (1 if colours.max() < 256 else 256)
    np.testing.assert_array_equal(decode_rgb(content, "x", page), shown[numbers[:, :, 0]])


@pytest.mark.parametrize("polarity", ["minisblack", "miniswhite"])
def test_16_bits_of_both_polarities_are_shown_alike(tmp_path: Path, polarity: str) -> None:
    ramp = np.tile(np.arange(64, dtype=np.uint16) * 60, (64, 1))
    tifffile.imwrite(tmp_path / "a.tif", ramp, photometric=polarity)
    ends = [0, 255] if polarity == "minisblack" else [255, 0]
    assert list(decode_image(tmp_path / "a.tif")[0, [0, -1], 0]) == ends


REFUSED: dict[str, tuple[np.ndarray, dict[str, Any], str]] = {
    "five channels": (
        np.dstack([RAMP] * 5),
        {"photometric": "minisblack", "planarconfig": "contig"},
        "5 channels that are no colours; save the one to use as a grey image",
    ),
    "three grey channels": (
        np.dstack([RAMP] * 3).astype(np.uint16),
        {"photometric": "minisblack", "planarconfig": "contig"},
        "3 channels that are no colours",
    ),
    "CMYK of 16 bits": (
        np.dstack([RAMP] * 4).astype(np.uint16),
        {"photometric": "separated"},
        "CMYK colours of 16 bits, which are not decoded; save it as grey or RGB",
    ),
    "CIELab of 16 bits": (
        np.dstack([RAMP] * 3).astype(np.uint16),
        {"photometric": "cielab"},
        "CIELab colours of 16 bits",
    ),
    "complex numbers": (
        RAMP.astype(np.complex64),
        {"photometric": "minisblack"},
        "of complex numbers, which are not decoded",
    ),
}
"""Valid TIFFs that are not decoded, and what is said."""


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_decoded_says_why_and_what_to_do(kind: str) -> None:
    values, how, said = REFUSED[kind]
    with pytest.raises(UnsupportedImage, match=said):
        decode_bytes(written(values, **how).tobytes(), "x")


@pytest.mark.parametrize("bits", [6, 24])
def test_a_depth_that_is_not_decoded_is_named(bits: int) -> None:
    content, _ = packed(bits, 1, "minisblack", 1)
    with pytest.raises(UnsupportedImage, match=f"of integers of {bits} bits.* as grey or RGB"):
        decode_bytes(content.tobytes(), "x")


# -- pages -------------------------------------------------------------------------

STACK = np.stack([RAMP, RAMP[::-1], 255 - RAMP])


@pytest.mark.parametrize("depth", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(
    "how",
    [
        {"photometric": "minisblack"},
        {"photometric": "miniswhite", "byteorder": ">"},
        {"bigtiff": True, "compression": "zlib"},
        {"imagej": True},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
    ],
)
def test_every_page_of_a_stack_is_decoded(tmp_path: Path, depth: str, how: dict[str, Any]) -> None:
    stack = STACK.astype(depth)
    how = {"photometric": "minisblack"} | how
    tifffile.imwrite(tmp_path / "stack.tif", stack, **how)
    assert page_sizes(tmp_path / "stack.tif") == [(WIDTH, HEIGHT)] * 3
    pages = list(decode_pages(tmp_path / "stack.tif"))
    numbers = [one.values for one in decode_stored_file(tmp_path / "stack.tif")]
    white = how["photometric"] == "miniswhite"
    for page, one, number in zip(stack, pages, numbers, strict=True):
        truth = page if not white else page.max() - page if depth == "float32" else ~page
        np.testing.assert_array_equal(number, truth)
        np.testing.assert_array_equal(one, np.repeat(truth[:, :, np.newaxis], 3, axis=2))
    np.testing.assert_array_equal(window(pages[0]), decode_image(tmp_path / "stack.tif"))


def test_an_imagej_stack_with_tags_for_its_first_image_alone(tmp_path: Path) -> None:
    """As ImageJ writes above 4 GB."""
    tifffile.imwrite(tmp_path / "a.tif", STACK.astype(np.uint16), imagej=True)
    content = np.frombuffer((tmp_path / "a.tif").read_bytes(), np.uint8).copy()
    first = tiff.read_page(content)
    end = first.at + 2 + 12 * len(first.fields)
    content[end : end + 4] = 0  # no page follows
    (tmp_path / "a.tif").write_bytes(content.tobytes())
    assert page_sizes(tmp_path / "a.tif") == [(WIDTH, HEIGHT)] * 3
    numbers = [one.values for one in decode_stored_file(tmp_path / "a.tif")]
    np.testing.assert_array_equal(numbers, STACK)
    shown = [one[:, :, 0] for one in decode_pages(tmp_path / "a.tif")]
    np.testing.assert_array_equal(shown, STACK)


def test_smaller_copies_and_masks_of_a_page_are_no_pages(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(RAMP, photometric="minisblack")
        writer.write(RAMP[::2, ::2], photometric="minisblack", subfiletype=1)
        writer.write(RAMP > 9, photometric="minisblack", subfiletype=4)
        writer.write(RAMP[::-1], photometric="minisblack")
    assert len(page_sizes(tmp_path / "a.tif")) == 2
    _, second = decode_pages(tmp_path / "a.tif")
    np.testing.assert_array_equal(second[:, :, 0], RAMP[::-1])


def test_other_files_have_no_pages_but_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", RAMP)[1].tobytes())
    assert page_sizes(tmp_path / "a.png") == []
    (image,) = decode_pages(tmp_path / "a.png")
    np.testing.assert_array_equal(image[:, :, 0], RAMP)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"II*\0\xff\0\0\0"])
def test_damaged_files_have_no_pages(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(content)
    assert page_sizes(tmp_path / "a.tif") == []


def test_pages_in_a_circle_end() -> None:
    content = written(RAMP, photometric="minisblack").copy()
    page = tiff.read_page(content)
    end = page.at + 2 + 12 * len(page.fields)
    content[end : end + 4] = np.frombuffer(page.at.to_bytes(4, "little"), np.uint8)
    assert tiff.count_images(content) == 1
    assert tiff.image_sizes(content) == [(WIDTH, HEIGHT)]


SOUND = [
    written(stored(depth, channels), **layout, **form)
    for depth in ("uint8", "uint16", "float16")
    for channels, layout in LAYOUTS
    for form in FORMS[:2]
]


@settings(max_examples=300, deadline=None)
@given(
    which=st.integers(0, len(SOUND) - 1),
    at=st.one_of(st.floats(0, 1, exclude_max=True), st.floats(0, 0.1)),
    value=st.integers(0, 255),
    cut=st.booleans(),
)
def test_a_damaged_tiff_is_an_image_or_one_error(
    which: int, at: float, value: int, cut: bool
) -> None:
    content = SOUND[which].copy()
    place = int(at * len(content))
    content[place] = value
    try:
        image = decode_bytes(content[: place if cut else None].tobytes(), "x")
    except DecodeError:
        return
    assert image.shape[2] == 3
