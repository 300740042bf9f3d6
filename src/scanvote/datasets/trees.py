"""Walk the folder trees of unpacked archives."""

import re
from collections.abc import Iterator
from pathlib import Path

IMAGES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


def folders(root: Path) -> Iterator[Path]:
    """Yield `root` and every folder below it, shallowest first, in stable order."""
    level = [root]
    while level:
        yield from level
        below = (child for folder in level for child in folder.iterdir() if child.is_dir())
        level = sorted((child for child in below if not is_junk_file(child)), key=str)


def images(folder: Path) -> list[Path]:
    """Return the image files directly in `folder`, in natural order."""
    files = (path for path in folder.iterdir() if path.suffix.lower() in IMAGES)
    return sorted(
        (path for path in files if path.is_file() and not is_junk_file(path)), key=natural_sort_key
    )


def natural_sort_key(path: Path) -> tuple[list[str | int], str]:
    """Return a sort key that puts ``slice_2`` before ``slice_10``."""
    parts = re.split(r"([0-9]+)", path.name)
    # text and numbers alternate, so text is compared only with text
    return [int(part) if at % 2 else part for at, part in enumerate(parts)], path.name


def is_junk_file(path: Path) -> bool:
    """Return whether `path` is hidden or macOS metadata: ``._image.jpg``, ``__MACOSX/``."""
    return path.name == "__MACOSX" or path.name.startswith(".")
