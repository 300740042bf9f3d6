"""Readings of one folder, and the error that shows them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.layout import first_few


@dataclass(frozen=True)
class Reading:
    """A way to read a folder, with the params that choose it."""

    text: str
    params: Mapping[str, int]

    def __str__(self) -> str:
        return f"{self.options} ({self.text})"

    @property
    def options(self) -> str:
        """Options of `dvc exp run` that choose it."""
        return " ".join(f"-S {key}={value}" for key, value in self.params.items())

    @property
    def yaml(self) -> str:
        """Line of params.yaml that chooses it; all params are of one section."""
        section = next(iter(self.params)).partition(".")[0]
        values = (f"{key.partition('.')[2]}: {value}" for key, value in self.params.items())
        return f"{section}: {{{', '.join(values)}}}"


class AmbiguousLayout(InputError):
    """A folder of several readings, of which the user has to choose.

    Attributes:
        why: what can be read in several ways.
        readings: the ways, the likeliest first.
    """

    def __init__(self, root: Path, why: str, readings: Sequence[Reading]) -> None:
        ways = "; ".join(map(str, readings))
        super().__init__(f"{root}: {why}; choose one, by dvc exp run or in params.yaml: {ways}")
        self.why = why
        self.readings = tuple(readings)


def counted(names: Iterable[str]) -> str:
    """Return the first few names with their counts: ``no 3, yes 4``."""
    return first_few(f"{name} {count:,}" for name, count in Counter(names).items())
