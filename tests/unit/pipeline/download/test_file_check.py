"""What is seen in the files of a scan."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scanvote.core.files import sha256
from scanvote.datasets.base import Scan
from scanvote.pipeline.download.file_check import check_file


def picture(path: Path, mode: str = "L", size: tuple[int, int] = (32, 40)) -> Path:
    """Noise of (width, height) in a Pillow mode."""
    noise = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).convert(mode).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.png", "L"), ("a.png", "RGB"), ("a.png", "P"), ("a.png", "RGBA"), ("a.tif", "L")],
)
def test_size_mode_and_digest_are_of_the_file(tmp_path: Path, name: str, mode: str) -> None:
    path = picture(tmp_path / name, mode)
    seen = check_file(tmp_path, Scan(name))
    assert (seen.width, seen.height, seen.mode) == (32, 40, mode)
    assert seen.sha256 == sha256(path)
    assert not seen.problem
    assert not seen.constant


def test_sixteen_bits_are_a_mode_of_their_own(tmp_path: Path) -> None:
    Image.fromarray(np.arange(1024, dtype=np.uint16).reshape(32, 32)).save(tmp_path / "a.png")
    assert check_file(tmp_path, Scan("a.png")).mode == "I;16"


@pytest.mark.parametrize("odd", [None, (0, 0), (20, 15), (39, 31)])
def test_one_other_pixel_makes_a_scan_uneven(tmp_path: Path, odd: tuple[int, int] | None) -> None:
    pixels = np.full((40, 32), 7, np.uint8)
    if odd is not None:
        pixels[odd] = 8
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert check_file(tmp_path, Scan("a.png")).constant == (odd is None)


def test_a_colour_is_as_constant_as_a_grey(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / "a.png")
    assert check_file(tmp_path, Scan("a.png")).constant


def test_the_pixels_of_a_mask_are_counted(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    marked = np.zeros((40, 32), np.uint8)
    marked[:3, :5] = 255
    Image.fromarray(marked).save(tmp_path / "m.png")
    assert check_file(tmp_path, Scan("a.png", mask_path="m.png")).mask_pixels == 15


@pytest.mark.parametrize(
    ("mask", "kind", "said"),
    [
        ((40, 32), "mask_size", "mask is 40x32, scan 32x40"),
        (None, "unreadable", "m.png does not exist"),
    ],
)
def test_a_mask_that_does_not_fit_is_a_problem(
    tmp_path: Path, mask: tuple[int, int] | None, kind: str, said: str
) -> None:
    picture(tmp_path / "a.png")
    if mask:
        picture(tmp_path / "m.png", size=mask)
    seen = check_file(tmp_path, Scan("a.png", mask_path="m.png"))
    assert (seen.problem, seen.detail) == (kind, said)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_a_file_without_an_image_is_a_problem(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    seen = check_file(tmp_path, Scan("a.png"))
    assert seen.problem == "unreadable"
    assert not seen.detail.startswith(str(tmp_path))
