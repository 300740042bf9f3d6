"""The two tables of a phantom: what each scan shows, and what was planted."""

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
    """A scan; paths are relative to the folder of the phantom, POSIX style."""

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
    """A fault: the scan that has it, its kind, and the scan it was made from."""

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
    """The faults of a phantom, for whoever checks a stage against them."""
    with (folder / PLANTED).open(encoding="utf-8", newline="") as file:
        return [PlantedError(**row) for row in csv.DictReader(file)]
