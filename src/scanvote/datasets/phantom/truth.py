"""The two tables of a phantom: the truth, and the planted errors."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from scanvote.core.files import write_text

TRUTH = "truth.csv"
PLANTED = "planted.csv"


@dataclass(frozen=True)
class Row:
    """A scan's truth; paths are relative to the phantom, POSIX style."""

    path: str
    label: str
    mask_path: str
    patient: str
    series: str
    plane: str
    contrast: str
    institution: str
    source_split: str


@dataclass(frozen=True)
class PlantedError:
    """A planted error: the scan, the kind, and the original scan."""

    path: str
    kind: str
    original: str


def write_table(
    path: Path, kind: type[Row] | type[PlantedError], rows: Sequence[Row | PlantedError]
) -> None:
    text = io.StringIO()
    table = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(row) for row in rows)
    write_text(path, text.getvalue())


def read_truth(folder: Path) -> list[Row]:
    with (folder / TRUTH).open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file)]


def read_planted(folder: Path) -> list[PlantedError]:
    """Read the planted errors of a phantom, to test a stage."""
    with (folder / PLANTED).open(encoding="utf-8", newline="") as file:
        return [PlantedError(**row) for row in csv.DictReader(file)]
