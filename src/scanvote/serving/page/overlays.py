"""Overlays on a scan: mask outline, attribution heat map, caption."""

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
"""uint8 (H, W, 3) in OpenCV's order of channels."""
ORANGE = (30, 118, 255)
"""BGR: visible on grey scans, and the colour of predicted masks in the report."""
MIN_WIDTH = 640
"""Minimum width of a captioned picture in pixels, so that the caption is readable."""
MAX_PIXELS = 2**24
"""Maximum pixels of an enlarged picture: a narrow and high one would fill the memory."""


def pixels(png: bytes) -> Bgr:
    """Decode a PNG that this server encoded itself, in colour."""
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def values(png: bytes) -> NDArray[np.uint8]:
    """Decode a mask or map encoded by this server, uint8 (H, W)."""
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def encoded(image: NDArray[np.uint8]) -> bytes:
    """Encode an image as PNG."""
    return bytes(cv2.imencode(".png", image)[1].tobytes())


def outline(mask: bytes) -> str:
    """Return the mask's outline as SVG path in pixels; empty without mask.

    Pixels are squares, and the outline joins their centres. Holes are outlined, too.
    """
    if not mask:
        return ""
    contours, _ = cv2.findContours(values(mask), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return "".join(_ring(ring.reshape(-1, 2)) for ring in contours)


def _ring(points: NDArray[Any]) -> str:
    return "M" + "L".join(f"{x + 0.5:g} {y + 0.5:g}" for x, y in points) + "Z"


def draw_heatmap(scan: bytes, heat: bytes) -> bytes:
    """Draw an attribution map over the scan, as PNG.

    Opacity follows the attribution.
    """
    return encoded(overlay_heatmap(pixels(scan)[..., ::-1], values(heat))[..., ::-1])


def draw_outline(scan: bytes, mask: bytes, width: int = MIN_WIDTH) -> Bgr:
    """Draw the outline, if any, on the scan, enlarged to at least `width` pixels.

    The scan is enlarged by an integer factor, and to `MAX_PIXELS` pixels at most.
    """
    image = pixels(scan)
    marks = values(mask) if mask else np.zeros(image.shape[:2], np.uint8)
    max_factor = isqrt(MAX_PIXELS // marks.size)
    factor = max(1, min(-(-width // image.shape[1]), max_factor))
    size = (image.shape[1] * factor, image.shape[0] * factor)
    drawn = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    enlarged = cv2.resize(marks, size, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(enlarged, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    thickness = max(1, size[0] // 320)
    return np.asarray(
        cv2.drawContours(drawn, contours, -1, ORANGE, thickness, cv2.LINE_AA), np.uint8
    )


def add_caption(scan: bytes, mask: bytes, lines: Sequence[str]) -> bytes:
    """Draw the outlined scan with a caption below it, as PNG.

    The disclaimer is the last line of the caption.
    """
    from PIL import Image, ImageDraw

    picture = Image.fromarray(draw_outline(scan, mask)[..., ::-1])
    width = max(picture.width, MIN_WIDTH)
    typeface = font(max(15, width // 42))
    max_width = width - 2 * typeface.size
    wrapped = [
        part for line in (*lines, DISCLAIMER) for part in wrap_text(line, typeface, max_width)
    ]
    height = typeface.size * 3 // 2
    canvas = Image.new("RGB", (width, picture.height + int(height * (len(wrapped) + 1))))
    canvas.paste(picture)
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(wrapped):
        at = (typeface.size, picture.height + height // 2 + number * height)
        draw.text(at, line, font=typeface, fill="white")
    buffer = BytesIO()
    canvas.save(buffer, "PNG")
    return buffer.getvalue()


@cache
def font(size: int) -> "FreeTypeFont":
    """Load the font that lies here, the same on every machine."""
    from PIL import ImageFont

    return ImageFont.truetype(Path(__file__).with_name("fonts") / "DejaVuSans.ttf", size)


def wrap_text(line: str, font: "FreeTypeFont", max_width: float) -> list[str]:
    """Split a line into pieces of at most `max_width` pixels.

    It is split between words where possible.
    """
    pieces = [""]
    for word in " ".join(line.split()).split(" "):
        longer = f"{pieces[-1]} {word}".strip()
        if font.getlength(longer) <= max_width:
            pieces[-1] = longer
            continue
        pieces += [word] if pieces[-1] else []
        pieces[-1] = word
        while font.getlength(pieces[-1]) > max_width:
            fits = next(
                n for n in range(len(pieces[-1]), 0, -1) if _fits(pieces[-1][:n], font, max_width)
            )
            pieces[-1:] = [pieces[-1][:fits], pieces[-1][fits:]]
    return pieces


def _fits(piece: str, font: "FreeTypeFont", max_width: float) -> bool:
    return len(piece) == 1 or font.getlength(piece) <= max_width
