"""What a section of a report is made of; the templates turn each block into HTML or Markdown."""

import re
from dataclasses import dataclass

_FIGURE = re.compile(r"–|[−<]?\d[\d,.]*(e[-+]\d+)?(\s.*)?")
_NO_FIGURE = ("", "not reported", "undefined", "not searched", "unknown")
WIDE = 1.7
"""Times its height, from which a figure needs the whole width."""


@dataclass(frozen=True)
class Text:
    """A paragraph; what stands between backticks is code."""

    words: str


@dataclass(frozen=True)
class Notice:
    """A sentence that must not be overlooked."""

    words: str


@dataclass(frozen=True)
class Heading:
    """Of a part of a section."""

    words: str


@dataclass(frozen=True)
class Bullets:
    items: tuple[str, ...]


@dataclass(frozen=True)
class QuestionList:
    """Terms, each with what is known of it."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class StatCards:
    """The few figures that a reader must see first: name, figure, what it says."""

    figures: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row names the row.

    Attributes:
        caption: what it shows, as a whole sentence.
        head: a word a column.
        rows: cells as they are shown.
        note: below it.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Whether a column holds figures, which stand below each other."""
        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.head)
        told = [[cell for cell in column if cell not in _NO_FIGURE] for column in columns]
        return tuple(bool(one) and all(map(_FIGURE.fullmatch, one)) for one in told)


@dataclass(frozen=True)
class Picture:
    """A PNG figure in the page itself.

    Attributes:
        source: a data URI.
        alt: what it shows, for who does not see it.
        width, height: in pixels.
    """

    source: str
    alt: str
    caption: str
    width: int
    height: int

    @property
    def is_wide(self) -> bool:
        return self.width > WIDE * self.height


@dataclass(frozen=True)
class Pictures:
    """Figures beside each other, where there is room; a gallery has the whole width."""

    pictures: tuple[Picture, ...]
    gallery: bool = False


@dataclass(frozen=True)
class Commands:
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Collapsible:
    """What is shown on demand."""

    summary: str
    blocks: "tuple[Block, ...]"


Block = (
    Text
    | Notice
    | Heading
    | Bullets
    | QuestionList
    | StatCards
    | Table
    | Picture
    | Pictures
    | Commands
    | Collapsible
)


@dataclass(frozen=True)
class Section:
    """A part of the page with its place in the contents.

    Attributes:
        name: its anchor.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]
