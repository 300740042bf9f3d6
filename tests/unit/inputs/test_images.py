"""Images of strange kinds: what is seen of them, what is said about it, what their header tells."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from scanvote.images.decode import decode_image
from scanvote.inputs import InputScan, Limits, RejectedFile, read_content
from scanvote.inputs.header import BadHeader
from scanvote.inputs.images import PASSES
from scanvote.inputs.tiff_header import read_tiff
from scanvote.params import VolumesParams
from tests.hostile import KINDS, ZIP, Hostile, head, hostile_files, png, saved

VOLUMES = VolumesParams(planes=["axial"], slices=3, span=[0.25, 0.75], window=None)
FILES = {one.kind: one for one in hostile_files(3, len(KINDS))}
IMAGES = [
    one
    for one in FILES.values()
    if one.status == 200 and "DICOM" not in one.kind and "NIfTI" not in one.kind
]
DEEP = "16 bits windowed to 8 between its percentiles 0.5 and 99.5"
FIRST = "several images or frames, the first is looked at"


def read(content: bytes, limits: Limits = Limits()) -> InputScan:
    (scan,) = read_content(content, "x", limits, VOLUMES)
    return scan


def refused(content: bytes, limits: Limits = Limits()) -> RejectedFile:
    with pytest.raises(RejectedFile) as caught:
        read(content, limits)
    return caught.value


@pytest.fixture
def picture() -> Image.Image:
    return head(np.random.default_rng(0))


@pytest.mark.parametrize("one", IMAGES, ids=lambda one: one.kind)
def test_what_is_taken_in_is_what_training_decodes(tmp_path: Path, one: Hostile) -> None:
    (tmp_path / "x").write_bytes(one.content)
    scan = read(one.content)
    np.testing.assert_array_equal(scan.image, decode_image(tmp_path / "x"))
    assert (scan.plane, scan.slice, scan.spacing) == ("", None, 0)


@pytest.mark.parametrize(
    ("kind", "notes"),
    [
        ("PNG", ()),
        ("JPEG", ()),
        ("progressive JPEG", ()),
        ("grey PNG of 16 bits", (DEEP,)),
        ("colour PNG of 16 bits", (DEEP,)),
        ("TIFF of 16 bits", (DEEP,)),
        ("CMYK JPEG", ("CMYK made RGB",)),
        ("PNG with alpha", ("transparency dropped",)),
        ("WebP with alpha", ("transparency dropped",)),
        ("PNG with a palette", ("palette made RGB",)),
        ("JPEG turned by EXIF", ("orientation of its EXIF applied",)),
        ("animated PNG", (FIRST,)),
        ("animated WebP", (FIRST,)),
        ("TIFF of several pages", ("page 1 of 3 is looked at",)),
        ("PNG with a zip behind", ()),
    ],
)
def test_what_was_done_to_see_it_is_told(kind: str, notes: tuple[str, ...]) -> None:
    assert read(FILES[kind].content).notes == notes


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turn_is_told_where_it_is_applied(
    picture: Image.Image, kind: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    scan = read(saved(picture, kind, exif=exif))
    straight = read(saved(picture, kind))
    same = scan.image.shape == straight.image.shape and np.array_equal(scan.image, straight.image)
    assert same == (orientation == 1)
    assert scan.notes == (() if same else ("orientation of its EXIF applied",))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_stands_behind_an_image_changes_nothing(picture: Image.Image, kind: str) -> None:
    content = saved(picture, kind)
    other = png(np.random.default_rng(9))
    for trailer in (ZIP, b"<script>", other, b"\0" * 200 + b"DICM"):
        np.testing.assert_array_equal(read(content + trailer).image, read(content).image)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_the_limit_of_pixels_is_that_of_the_image(picture: Image.Image, kind: str) -> None:
    content = saved(picture, kind)
    pixels = picture.width * picture.height
    assert read(content, Limits(pixels=pixels)).image.size == 3 * pixels
    error = refused(content, Limits(pixels=pixels - 1))
    assert error.status == 413
    assert f"({picture.width}x{picture.height}) is larger than 0.001727 million" in str(error)


@pytest.mark.parametrize(
    "kind",
    [one.kind for one in FILES.values() if one.status == 413 and "DI" not in one.kind]
    + ["TIFF of two widths", "JPEG of a thousand passes", "PNG with a chunk beyond its end"],
)
def test_what_declares_too_much_is_never_decoded(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, "imdecode", None)
    refused(FILES[kind].content)


def test_a_jpeg_of_few_passes_is_none_of_too_many(picture: Image.Image) -> None:
    content = saved(picture, "JPEG", progressive=True)
    assert 2 < content.count(b"\xff\xda") < PASSES


def test_floating_point_takes_more_memory_and_may_have_fewer_pixels(picture: Image.Image) -> None:
    content = saved(picture.convert("F"), "TIFF")
    pixels = picture.width * picture.height
    assert read(content, Limits(pixels=8 * pixels)).notes[0].startswith("32 bits windowed")
    assert refused(content, Limits(pixels=8 * pixels - 1)).status == 413


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "LAB", "YCbCr", "I;16"])
@pytest.mark.parametrize("big", [False, True])
def test_of_a_tiff_we_read_what_pillow_reads(picture: Image.Image, mode: str, big: bool) -> None:
    content = saved(picture.convert(mode), "TIFF", big_tiff=big)
    header = read_tiff(content)
    with Image.open(io.BytesIO(content)) as image:
        assert (header.width, header.height) == image.size
        assert header.bits == image.tag_v2.get(258, (1,))[0]
        assert header.mode == (mode if mode in ("P", "CMYK", "LAB", "YCbCr") else "")
        assert header.alpha == (mode == "RGBA")
        assert not header.several


def test_a_header_without_an_image_is_malformed(picture: Image.Image) -> None:
    whole = saved(picture, "WEBP")
    for content in (whole[:20], whole[:25], whole[:12] + b"ALPH" + whole[16:], whole[:26]):
        assert "header is cut off or damaged" in str(refused(content))
    for content in (b"II*\0", b"II*\0\x08\0\0\0", b"II*\0\x08\0\0\0\0\0\0\0\0\0"):
        with pytest.raises(BadHeader):
            read_tiff(content)


def test_a_tiff_of_a_form_that_is_not_decoded_says_why() -> None:
    import tifffile

    stream = io.BytesIO()
    five = np.zeros((8, 9, 5), np.uint8)
    tifffile.imwrite(stream, five, photometric="minisblack", planarconfig="contig")
    error = refused(stream.getvalue())
    assert error.status == 415
    assert str(error).startswith("x is a TIFF of 5 channels that are no colours; save the one")
