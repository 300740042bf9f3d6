"""Plant errors of real sets: copies, wrong labels, borders, a broken file.

Every planted error is recorded, so that later stages can be tested against the record.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from scanvote.datasets.phantom.acquisition import Bytes
from scanvote.datasets.phantom.patients import LABELS, SPLITS
from scanvote.datasets.phantom.truth import PlantedError, Row
from scanvote.params import Task

ONE_IN = 50  # scans per error, for each kind of error
JPEG_QUALITY = 85
GAIN, OFFSET = 1.2, 12  # of a brighter copy; its lightest pixels are clipped
DEGREES = 2.0  # of a rotated copy, in either direction
MARGIN = 0.04  # share of the side that a cropped copy lacks on each side
DETAIL = 64  # pixels per side for the comparison of duplicates; a smaller copy would differ


@dataclass(frozen=True)
class ScanFiles:
    """Bytes of a copy to write: image and mask (empty without one)."""

    image: bytes
    mask: bytes
    suffix: str = ".png"
    label: str = ""


def has_border(number: int) -> bool:
    """Return whether scan `number` of the set gets black borders.

    This does not depend on the total number of scans.
    """
    return number % ONE_IN == 2


def bordered(picture: Bytes) -> Bytes:
    """Add black margins, wide at the sides, as in screenshots."""
    high, wide = picture.shape
    margins = high // 8, high // 8, wide // 3, wide // 3
    framed = cv2.copyMakeBorder(picture, *margins, cv2.BORDER_CONSTANT, value=(0,))
    return framed.astype(np.uint8)


def inject_errors(
    folder: Path, task: Task, rows: list[Row], rng: np.random.Generator
) -> Iterator[tuple[Row, PlantedError]]:
    """Write altered copies of some `rows` below `folder`, and yield them."""
    makers: dict[str, Callable[[Path, Row, int], ScanFiles]] = {
        "byte_copy": _byte_copy,
        "reencoded": _reencoded,
        "resized": _resized,
    }
    if task == "classification":
        makers["relabelled"] = _relabelled
    makers |= {"brighter": _brighter, "rotated": _rotated, "cropped": _cropped}
    count = max(1, len(rows) // ONE_IN)
    kinds = [kind for kind in makers for _ in range(count)]
    # an original is copied at most once if there are enough of them
    order = rng.permutation(len(rows))
    for number, kind in enumerate(kinds):
        original = rows[order[number % len(rows)]]
        files = makers[kind](folder, original, number)
        row = _write(folder, original, files, number)
        yield row, PlantedError(row.path, kind, original.path)
    original = rows[order[len(kinds) % len(rows)]]
    row = _write(folder, original, _corrupt(folder, original), len(kinds))
    yield row, PlantedError(row.path, "corrupt", original.path)


def _write(folder: Path, original: Row, files: ScanFiles, number: int) -> Row:
    """Write a copy under a new name, without patient, series and site.

    The published split ignores copies: every second one is in the other part.
    """
    other_split = SPLITS[1 - SPLITS.index(original.source_split)]
    name = f"unknown-{number:03d}"
    label = files.label or original.label
    place = f"{label}/{name}" if label else name
    row = replace(
        original,
        path=f"scans/{place}{files.suffix}",
        label=label,
        mask_path=f"masks/{place}.png" if files.mask else "",
        patient="",
        series="",
        institution="",
        source_split=original.source_split if number % 2 else other_split,
    )
    (folder / row.path).write_bytes(files.image)
    if files.mask:
        (folder / row.mask_path).parent.mkdir(parents=True, exist_ok=True)
        (folder / row.mask_path).write_bytes(files.mask)
    return row


def _mask_bytes(folder: Path, row: Row) -> bytes:
    return (folder / row.mask_path).read_bytes() if row.mask_path else b""


def _byte_copy(folder: Path, row: Row, number: int) -> ScanFiles:
    return ScanFiles((folder / row.path).read_bytes(), _mask_bytes(folder, row))


def _reencoded(folder: Path, row: Row, number: int) -> ScanFiles:
    picture = _read(folder / row.path)
    image = encoded(picture, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return ScanFiles(image, _mask_bytes(folder, row), ".jpg")


def _resized(folder: Path, row: Row, number: int) -> ScanFiles:
    picture = _read(folder / row.path)
    factor = 0.75 if number % 2 == 0 and 0.75 * min(picture.shape) > DETAIL else 1.5
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image = encoded(_resize(picture, factor, interpolation))
    if not row.mask_path:
        return ScanFiles(image, b"")
    mask = _resize(_read(folder / row.mask_path), factor, cv2.INTER_NEAREST)
    return ScanFiles(image, encoded(mask))


def _relabelled(folder: Path, row: Row, number: int) -> ScanFiles:
    others = [label for label in LABELS if label != row.label]
    copy = _byte_copy(folder, row, number)
    return replace(copy, label=others[number % len(others)])


def _brighter(folder: Path, row: Row, number: int) -> ScanFiles:
    picture = _read(folder / row.path)
    image = encoded(cv2.convertScaleAbs(picture, alpha=GAIN, beta=OFFSET).astype(np.uint8))
    return ScanFiles(image, _mask_bytes(folder, row))


def _rotated(folder: Path, row: Row, number: int) -> ScanFiles:
    angle = DEGREES if number % 2 else -DEGREES
    image = encoded(_rotate(_read(folder / row.path), angle, cv2.INTER_LINEAR))
    if not row.mask_path:
        return ScanFiles(image, b"")
    mask = _rotate(_read(folder / row.mask_path), angle, cv2.INTER_NEAREST)
    return ScanFiles(image, encoded(mask))


def _cropped(folder: Path, row: Row, number: int) -> ScanFiles:
    image = encoded(_crop(_read(folder / row.path)))
    if not row.mask_path:
        return ScanFiles(image, b"")
    return ScanFiles(image, encoded(_crop(_read(folder / row.mask_path))))


def _corrupt(folder: Path, row: Row) -> ScanFiles:
    """Truncate a file within its header, so no decoder can read it."""
    return ScanFiles((folder / row.path).read_bytes()[:40], _mask_bytes(folder, row))


def _read(path: Path) -> Bytes:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return picture.astype(np.uint8)


def _resize(picture: Bytes, factor: float, interpolation: int) -> Bytes:
    scaled = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=interpolation)
    return scaled.astype(np.uint8)


def _rotate(picture: Bytes, angle: float, interpolation: int) -> Bytes:
    high, wide = picture.shape
    turn = cv2.getRotationMatrix2D(((wide - 1) / 2, (high - 1) / 2), angle, 1)
    return cv2.warpAffine(picture, turn, (wide, high), flags=interpolation).astype(np.uint8)


def _crop(picture: Bytes) -> Bytes:
    down, across = (round(MARGIN * side) for side in picture.shape)
    return np.ascontiguousarray(picture[down:-down, across:-across])


def encoded(picture: Bytes, suffix: str = ".png", settings: list[int] | None = None) -> bytes:
    """Encode `picture` as the bytes of an image file."""
    done, data = cv2.imencode(suffix, picture, settings or [])
    assert done
    return data.tobytes()
