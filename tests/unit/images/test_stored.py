"""The numbers that files of images store, with palettes and transparency."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from scanvote.images.decode import UnsupportedImage, decode_image
from scanvote.images.stored import decode_stored
from tests.making import grey_png

HEIGHT, WIDTH = 40, 56


def saved(path: Path, image: Image.Image, kind: str = "PNG", **how: object) -> Path:
    image.save(path, kind, **how)
    return path


LABELS = np.add.outer(np.arange(HEIGHT) // 10, np.arange(WIDTH) // 20).astype(np.uint8)
"""0 to 5."""
COLOURS = [255, 255, 255, 200, 0, 0, 0, 0, 0, 9, 9, 9, 90, 90, 90, 3, 2, 1]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("transparent", [False, True])
def test_of_a_palette_the_indices_are_stored(tmp_path: Path, kind: str, transparent: bool) -> None:
    picture = Image.fromarray(LABELS)
    picture.putpalette(COLOURS)
    how = {"transparency": 0} if transparent and kind == "PNG" else {}
    path = saved(tmp_path / "a", picture, kind, **how)
    (image,) = decode_stored(path)
    np.testing.assert_array_equal(image.values, LABELS)
    colours = np.array(COLOURS).reshape(-1, 3)
    assert image.palette is not None
    np.testing.assert_array_equal(image.palette[image.values], colours[LABELS])
    if not how:
        assert image.alpha is None
    else:
        np.testing.assert_array_equal(image.alpha, 255 * (LABELS > 0))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("mode", ["L", "P"])
def test_few_bits_of_a_png_are_not_stretched(tmp_path: Path, mode: str, bits: int) -> None:
    values = LABELS & np.uint8(2**bits - 1)
    picture = Image.fromarray(values)
    if mode == "P":
        picture.putpalette(bytes(range(255, 255 - 3 * 2 ** min(bits, 6), -1)))
        path = saved(tmp_path / "a.png", picture, bits=bits)
    else:
        each = values[:, :, np.newaxis] >> np.arange(bits - 1, -1, -1) & 1
        rows = np.packbits(each.reshape(HEIGHT, -1).astype(np.uint8), axis=1)
        path = grey_png(tmp_path / "a.png", WIDTH, HEIGHT, bits, np.pad(rows, [(0, 0), (1, 0)]))
    (image,) = decode_stored(path)
    np.testing.assert_array_equal(image.values, values)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_transparency_is_a_channel_and_turned_with_the_others(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    picture = Image.fromarray(np.dstack([x * 4, y * 6, (x + y) * 2]).astype(np.uint8))
    picture.putalpha(Image.fromarray(LABELS * 50 + 1))
    exif = Image.Exif()
    exif[0x0112] = orientation
    how = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    path = saved(tmp_path / "a", picture, kind, exif=exif, **how)
    picture.getexif()[0x0112] = orientation
    turned = np.asarray(ImageOps.exif_transpose(picture))
    (image,) = decode_stored(path)
    np.testing.assert_array_equal(image.values, turned[:, :, :3])
    np.testing.assert_array_equal(image.alpha, turned[:, :, 3])
    np.testing.assert_array_equal(decode_image(path), turned[:, :, :3])


def test_grey_with_transparency_has_both(tmp_path: Path) -> None:
    picture = Image.fromarray(LABELS)
    picture.putalpha(Image.fromarray(255 - LABELS))
    for kind in ("PNG", "TIFF"):
        (image,) = decode_stored(saved(tmp_path / "a", picture, kind))
        colours = LABELS if kind == "TIFF" else np.dstack([LABELS] * 3)
        np.testing.assert_array_equal(image.values, colours)
        np.testing.assert_array_equal(image.alpha, 255 - LABELS)


def test_16_bits_are_stored_as_they_are(tmp_path: Path) -> None:
    values = LABELS.astype(np.uint16) * 1000
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", values)[1].tobytes())
    (image,) = decode_stored(tmp_path / "a.png")
    np.testing.assert_array_equal(image.values, values)


def test_extra_numbers_of_no_stated_meaning_are_no_transparency(tmp_path: Path) -> None:
    values = np.dstack([LABELS] * 3 + [LABELS * 0])
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["unspecified"])
    (image,) = decode_stored(tmp_path / "a.tif")
    assert image.alpha is None
    np.testing.assert_array_equal(image.values, values[:, :, :3])


def test_channels_that_are_no_colours_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.dstack([LABELS] * 5),
        photometric="minisblack",
        planarconfig="contig",
    )
    with pytest.raises(UnsupportedImage, match="5 channels that are no colours"):
        list(decode_stored(tmp_path / "a.tif"))


@pytest.mark.parametrize(
    ("kind", "how", "lossy"),
    [
        ("JPEG", {}, True),
        ("WEBP", {"quality": 90}, True),
        ("WEBP", {"lossless": True}, False),
        ("PNG", {}, False),
        ("TIFF", {}, False),
    ],
)
def test_formats_that_change_values_say_so(
    tmp_path: Path, kind: str, how: dict[str, int], lossy: bool
) -> None:
    (image,) = decode_stored(saved(tmp_path / "a", Image.fromarray(LABELS * 50), kind, **how))
    assert image.lossy == lossy
