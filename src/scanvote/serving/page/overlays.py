"""Overlays on a scan: mask outline, attribution heat map, caption."""

import re
from collections.abc import Iterator, Sequence
from math import isqrt
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.predict.pictures import overlay_heatmap

Bgr = NDArray[np.uint8]
"""uint8 (H, W, 3) in OpenCV's order of channels."""
ORANGE = (30, 118, 255)
"""BGR: visible on grey scans, and the colour of predicted masks in the report."""
WHITE = (255, 255, 255)
WEIGHT = 400
"""Of the font: regular."""
MIN_WIDTH = 640
"""Minimum width of a captioned picture in pixels, so that the caption is readable."""
MAX_PIXELS = 2**24
"""Maximum pixels of an enlarged picture: a narrow and high one would fill the memory."""
FONT = "sans"
"""Font within OpenCV, the same on every machine; its ``uni`` stands in for Chinese and others."""
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]+(?: [\u0590-\u08ff]+)*")
"""Hebrew and Arabic words, whose letters OpenCV draws from left to right."""


def pixels(png: bytes, flags: int = cv2.IMREAD_COLOR) -> NDArray[np.uint8]:
    """Decode a PNG that this server encoded itself, in colour as `Bgr`."""
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), flags), np.uint8)


def values(png: bytes) -> NDArray[np.uint8]:
    """Decode a mask or map encoded by this server, uint8 (H, W)."""
    return pixels(png, cv2.IMREAD_GRAYSCALE)


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
    picture = draw_outline(scan, mask)
    height, width = picture.shape[0], max(picture.shape[1], MIN_WIDTH)
    size, font = max(16, width // 40), cv2.FontFace(FONT)
    rows = (row for line in (*lines, DISCLAIMER) for row in _rows(line, font, size, width))
    text, start = "\n".join(rows), (size, height + 2 * size)
    wrap, margins = cv2.PUT_TEXT_WRAP, (size, width - size)
    _, top, _, depth = cv2.getTextSize((width, 0), text, start, font, size, WEIGHT, wrap, margins)
    canvas = np.zeros((top + depth + size, width, 3), np.uint8)
    canvas[:height, : picture.shape[1]] = picture
    cv2.putText(canvas, text, start, WHITE, font, size, WEIGHT, wrap, margins)
    return encoded(canvas)


def _rows(line: str, font: cv2.FontFace, size: int, width: int) -> Iterator[str]:
    """Yield the rows of a line, broken between words; OpenCV itself breaks longer words."""
    row = ""
    for word in _RIGHT_TO_LEFT.sub(lambda words: words[0][::-1], line).split():
        longer = f"{row} {word}".strip()
        if row and cv2.getTextSize((0, 0), longer, (0, 0), font, size)[2] > width - 2 * size:
            yield row
            longer = word
        row = longer
    yield row
