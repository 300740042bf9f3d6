"""What is laid over a scan: the mask's outline, an explanation's colours, a caption to keep."""

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.predict.pictures import overlay_heatmap

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

Bgr = NDArray[np.uint8]
"""(H, W, 3) uint8, as OpenCV has it."""
ORANGE = (30, 118, 255)
"""Blue, green, red: seen on grey scans, and what the report draws predicted masks with."""
LEAST_WIDTH = 640
"""Pixels of a captioned picture, so that the caption can be read."""
LARGEST = 2**24
"""Pixels to which a picture is enlarged at most: a narrow and high one would fill the memory."""


def pixels(png: bytes) -> Bgr:
    """A picture that this server drew itself."""
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def values(png: bytes) -> NDArray[np.uint8]:
    """A mask or a map that this server drew itself, uint8 (H, W)."""
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def encoded(image: NDArray[np.uint8]) -> bytes:
    """A PNG."""
    return bytes(cv2.imencode(".png", image)[1].tobytes())


def outline(mask: bytes) -> str:
    """The mask's outline as the path of an SVG, in pixels; empty where nothing is marked.

    Pixels are squares, whose centres the outline joins; holes are outlined too.
    """
    found, _ = cv2.findContours(values(mask), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return "".join(_ring(ring.reshape(-1, 2)) for ring in found)


def _ring(points: NDArray[Any]) -> str:
    return "M" + "L".join(f"{x + 0.5:g} {y + 0.5:g}" for x, y in points) + "Z"


def draw_heatmap(scan: bytes, heat: bytes) -> bytes:
    """PNG of the scan under the colours of an explanation, stronger where it is."""
    return encoded(overlay_heatmap(pixels(scan)[..., ::-1], values(heat))[..., ::-1])


def draw_outline(scan: bytes, mask: bytes, width: int = LEAST_WIDTH) -> Bgr:
    """The scan with the outline drawn on it, at least `width` wide within `LARGEST`."""
    image, marks = pixels(scan), values(mask)
    most = isqrt(LARGEST // marks.size)
    times = max(1, min(-(-width // image.shape[1]), most))
    size = (image.shape[1] * times, image.shape[0] * times)
    drawn = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    grown = cv2.resize(marks, size, interpolation=cv2.INTER_NEAREST)
    found, _ = cv2.findContours(grown, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    thickness = max(1, size[0] // 320)
    return np.asarray(cv2.drawContours(drawn, found, -1, ORANGE, thickness, cv2.LINE_AA), np.uint8)


def add_caption(scan: bytes, mask: bytes, lines: Sequence[str]) -> bytes:
    """PNG of the scan with the mask's outline, and under it words, the disclaimer last."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(draw_outline(scan, mask)[..., ::-1])
    width = max(picture.width, LEAST_WIDTH)
    written = font(max(15, width // 42))
    room = width - 2 * written.size
    parts = [part for line in (*lines, DISCLAIMER) for part in wrap_text(line, written, room)]
    height = written.size * 3 // 2
    whole = Image.new("RGB", (width, picture.height + int(height * (len(parts) + 1))))
    whole.paste(picture)
    draw = ImageDraw.Draw(whole)
    for place, line in enumerate(parts):
        at = (written.size, picture.height + height // 2 + place * height)
        draw.text(at, line, font=written, fill="white")
    buffer = BytesIO()
    whole.save(buffer, "PNG")
    return buffer.getvalue()


@cache
def font(size: int) -> "FreeTypeFont":
    """The one that Matplotlib ships, the same everywhere."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(Path(get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size)


def wrap_text(line: str, font: "FreeTypeFont", room: float) -> list[str]:
    """The line in pieces that fit into so many pixels, between words where that goes."""
    pieces = [""]
    for word in " ".join(line.split()).split(" "):
        longer = f"{pieces[-1]} {word}".strip()
        if font.getlength(longer) <= room:
            pieces[-1] = longer
            continue
        pieces += [word] if pieces[-1] else []
        pieces[-1] = word
        while font.getlength(pieces[-1]) > room:
            fits = next(
                n for n in range(len(pieces[-1]), 0, -1) if _fits(pieces[-1][:n], font, room)
            )
            pieces[-1:] = [pieces[-1][:fits], pieces[-1][fits:]]
    return pieces


def _fits(piece: str, font: "FreeTypeFont", room: float) -> bool:
    return len(piece) == 1 or font.getlength(piece) <= room
