"""Two readings of one folder, and the error that shows them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.layout import first_few


@dataclass(frozen=True)
class Reading:
    """One way to read a folder: in words, with the params that choose it."""

    text: str
    params: Mapping[str, int]

    @property
    def options(self) -> str:
        """The params as options of `dvc exp run`."""
        return " ".join(f"-S {key}={value}" for key, value in self.params.items())

    def __str__(self) -> str:
        return f"{self.options} ({self.text})"


class AmbiguousLayout(InputError):
    """A folder that can be read in two ways; the user has to choose.

    Attributes:
        why: what is open.
        readings: the ways, the likeliest first.
    """

    def __init__(self, root: Path, why: str, readings: Sequence[Reading]) -> None:
        ways = "; ".join(map(str, readings))
        self.why = f"{root}: {why}"
        super().__init__(f"{self.why}; choose one, by dvc exp run or in params.yaml: {ways}")
        self.readings = tuple(readings)


def counted(names: Iterable[str]) -> str:
    """Return the first few names with their counts: ``no 3, yes 4``."""
    return first_few(f"{name} {count:,}" for name, count in Counter(names).items())
