"""What holds of every picture."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from scanvote.core import disclaimer


def check_picture(
    draw: Callable[..., None], change: float, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be read, the same data give the same bytes, other data others; it is disclaimed.

    Args:
        draw: draws to a path, of other data if it is also given `change`.
    """

    def drawn(name: str, *values: float) -> bytes:
        draw(folder / name / "a.png", *values)
        return (folder / name / "a.png").read_bytes()

    first = drawn("first")
    image = cv2.imdecode(np.frombuffer(first, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert min(image.shape[:2]) > 100
    assert drawn("again") == first
    assert drawn("changed", change) != first, "what it shows does not show"
    monkeypatch.setattr(disclaimer, "DISCLAIMER", "Use it for anything.")
    assert drawn("without the disclaimer") != first
