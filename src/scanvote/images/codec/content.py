"""Read image files as bytes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanvote.images.codec.errors import DecodeError


def read_bytes(path: Path) -> NDArray[np.uint8]:
    """Read a whole file.

    Raises:
        DecodeError: it is missing, or cannot be read.
    """
    # OpenCV's own file access fails on names that are not ASCII on some systems
    try:
        with open(path, "rb") as file:
            return np.frombuffer(file.read(), np.uint8)
    except FileNotFoundError:
        raise DecodeError(f"{path} does not exist") from None
    except OSError as error:
        raise DecodeError(f"{path} cannot be read: {error.strerror}") from None
