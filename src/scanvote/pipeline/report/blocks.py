"""Blocks of a report section, which templates turn into HTML or Markdown."""

import re
from dataclasses import dataclass

_NUMBER = re.compile(r"–|[−<]?\d[\d,.]*(e[-+]\d+)?(\s.*)?")
_PLACEHOLDERS = ("", "not reported", "undefined", "not searched", "unknown")


@dataclass(frozen=True)
class Text:
    """A paragraph; text between backticks is code."""

    words: str


@dataclass(frozen=True)
class Notice:
    """A highlighted warning."""

    words: str


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    words: str


@dataclass(frozen=True)
class Bullets:
    items: tuple[str, ...]


@dataclass(frozen=True)
class QuestionList:
    """A list of terms, each with its answer."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class StatCards:
    """The few headline metrics: name, value, explanation."""

    metrics: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row names the row.

    Attributes:
        caption: the content, as a whole sentence.
        head: the name of each column.
        rows: cells as they are shown.
        note: a remark below the table.
        source: path of the file that holds the table, from the root of the repository.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    source: str = ""

    @property
    def remark(self) -> str:
        """Return the note with the file that the table is from."""
        return f"{self.note} {f'File: `{self.source}`.' if self.source else ''}".strip()

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Flag the columns that hold only numbers, to be right-aligned."""
        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.head)
        filled = [[cell for cell in column if cell not in _PLACEHOLDERS] for column in columns]
        return tuple(bool(cells) and all(map(_NUMBER.fullmatch, cells)) for cells in filled)


@dataclass(frozen=True)
class Picture:
    """A PNG figure, embedded in the page.

    Attributes:
        source: the image as a data URI.
        alt: a description for readers who cannot see the image.
        caption: the text below the image.
        width, height: the size in pixels.
    """

    source: str
    alt: str
    caption: str
    width: int
    height: int


@dataclass(frozen=True)
class Pictures:
    """Figures side by side, or as a gallery at full width."""

    pictures: tuple[Picture, ...]
    gallery: bool = False


@dataclass(frozen=True)
class Commands:
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Collapsible:
    """Blocks that stay hidden until the reader opens them."""

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
    """A section of the page, listed in the table of contents.

    Attributes:
        name: the anchor that links lead to.
        title: the heading.
        blocks: the content, in order.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]
