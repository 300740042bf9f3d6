"""Images named by what is unusual about them; every one decodes to the same kind of array."""

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from scanvote.images.decode import (
    DecodeError,
    ImageTooLarge,
    decode_grey,
    decode_image,
    decode_mask,
    window,
)
from scanvote.images.decode import grey as grey_of
from tests.making import grey_png

HEIGHT, WIDTH = 40, 56


@pytest.fixture
def gradient() -> np.ndarray:
    """(H, W, 3) uint8 with a different ramp in each channel."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.dstack([x * 4, y * 6, (x + y) * 2]).astype(np.uint8)


def saved(path: Path, image: Image.Image, kind: str = "PNG", **how: object) -> Path:
    image.save(path, kind, **how)
    return path


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "LA", "RGBA"])
def test_every_mode_of_png_is_rgb(tmp_path: Path, gradient: np.ndarray, mode: str) -> None:
    picture = Image.fromarray(gradient).convert(mode[0] if mode == "LA" else "RGB").convert(mode)
    image = decode_image(saved(tmp_path / "a.png", picture))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF", "BMP"])
def test_the_content_decides_not_the_ending(
    tmp_path: Path, gradient: np.ndarray, kind: str
) -> None:
    image = decode_image(saved(tmp_path / "really.JPG", Image.fromarray(gradient), kind))
    assert np.abs(image.astype(int) - gradient).mean() < 8


def test_a_name_that_is_not_ascii(tmp_path: Path, gradient: np.ndarray) -> None:
    path = saved(tmp_path / "Schädel (1) 脳.png", Image.fromarray(gradient))
    assert decode_image(path).shape == (HEIGHT, WIDTH, 3)


def test_the_orientation_in_the_file_is_applied(tmp_path: Path, gradient: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    path = saved(tmp_path / "a.jpg", Image.fromarray(gradient), "JPEG", exif=exif)
    assert decode_image(path).shape == (WIDTH, HEIGHT, 3)


def test_grey_keeps_its_values(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    grey = decode_grey(saved(tmp_path / "a.png", Image.fromarray(ramp)))
    np.testing.assert_array_equal(grey, ramp)


@pytest.mark.parametrize(("mode", "most"), [("L", 0), ("RGB", 2), ("CMYK", 3)])
def test_the_luminance_of_a_jpeg_is_its_grey_image(
    tmp_path: Path, gradient: np.ndarray, mode: str, most: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    picture = Image.fromarray(gradient // 2 + 64).convert(mode)
    path = saved(tmp_path / "a.jpg", picture, "JPEG", exif=exif)
    difference = decode_grey(path).astype(int) - grey_of(decode_image(path))
    assert difference.shape == (WIDTH, HEIGHT)
    assert np.abs(difference).max() <= most


def test_a_truncated_jpeg_has_no_luminance(tmp_path: Path, gradient: np.ndarray) -> None:
    path = saved(tmp_path / "a.jpg", Image.fromarray(gradient), "JPEG")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DecodeError, match="no whole image"):
        decode_grey(path)


def test_16_bit_is_windowed_between_its_percentiles(tmp_path: Path) -> None:
    ramp = (1000 + np.arange(10_000).reshape(100, 100)).astype(np.uint16)
    ramp[0, 0] = 65_535  # one hot pixel must not darken all others
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", ramp)[1].tobytes())
    grey = decode_grey(tmp_path / "a.png")
    assert (int(grey.min()), int(grey.max())) == (0, 255)
    assert abs(float(grey.mean()) - 127.5) < 1


def test_floating_point_is_windowed_too(tmp_path: Path) -> None:
    ramp = np.linspace(-1, 1, 400, dtype=np.float32).reshape(20, 20)
    (tmp_path / "a.tif").write_bytes(cv2.imencode(".tif", ramp)[1].tobytes())
    image = decode_image(tmp_path / "a.tif")
    assert image.shape == (20, 20, 3)
    assert (int(image.min()), int(image.max())) == (0, 255)


def test_a_window_of_nearly_one_value_shows_the_others() -> None:
    values = np.zeros((100, 100), np.uint16)
    values[0, :10] = 500
    assert window(values).max() == 255
    assert not window(np.full((4, 4), 7, np.uint16)).any()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_truncated_image_is_no_image(tmp_path: Path, gradient: np.ndarray, kind: str) -> None:
    content = io.BytesIO()
    Image.fromarray(gradient).save(content, kind)
    half = content.getvalue()[: len(content.getvalue()) // 2]
    (tmp_path / "half").write_bytes(half)
    with pytest.raises(DecodeError, match="half is no whole image"):
        decode_image(tmp_path / "half")


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b"<html>", "no whole image"), (None, "not exist")]
)
def test_what_is_no_image_is_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DecodeError, match=said):
        decode_image(tmp_path / "a.png")


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="cannot be read"):
        decode_image(tmp_path)


@pytest.mark.parametrize("peak", [1, 128, 255])
def test_a_mask_is_what_reaches_half_of_its_peak(tmp_path: Path, peak: int) -> None:
    truth = np.zeros((32, 32), bool)
    truth[8:20, 10:25] = True
    path = saved(tmp_path / "a.png", Image.fromarray((truth * peak).astype(np.uint8)))
    mask = decode_mask(path)
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, truth)


def test_a_mask_that_went_through_jpeg_does_not_ring(tmp_path: Path) -> None:
    truth = np.zeros((64, 64), bool)
    truth[13:41, 21:50] = True
    picture = Image.fromarray((truth * 255).astype(np.uint8))
    mask = decode_mask(saved(tmp_path / "a.jpg", picture, "JPEG", quality=60))
    np.testing.assert_array_equal(mask, truth)


def test_an_empty_mask_is_empty(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(np.zeros((9, 9), np.uint8)))
    assert not decode_mask(path).any()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "JPEG"])
def test_an_image_too_large_says_its_size_and_the_limit(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "big"
    if kind == "PNG":
        grey_png(path, 40_000, 30_000, 8, bytes(1000))
    else:
        saved(path, Image.new("L", (8, 8)), kind)
        content = bytearray(path.read_bytes())
        if kind == "TIFF":
            for tag, size in ((256, 40_000), (257, 30_000)):
                at = content.index(struct.pack("<H", tag), 8)
                content[at : at + 12] = struct.pack("<2H2I", tag, 4, 1, size)
        elif kind == "BMP":
            content[18:26] = struct.pack("<2i", 40_000, -30_000)
        else:
            at = content.index(b"\xff\xc0") + 5
            content[at : at + 4] = struct.pack(">2H", 30_000, 40_000)
        path.write_bytes(content)
    said = r"big has 40000x30000 pixels, more than the 1,074 million.*make it smaller"
    with pytest.raises(ImageTooLarge, match=said):
        decode_image(path)
