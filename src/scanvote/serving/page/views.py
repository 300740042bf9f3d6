"""What the templates are given."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from scanvote.datasets.own.walk import stem
from scanvote.package import Contents
from scanvote.params.whole import Method
from scanvote.report import names
from scanvote.serving.page.facts import digests, patients
from scanvote.serving.page.overlays import outline
from scanvote.serving.page.recent import Asked, Shown
from scanvote.serving.page.wording import Told, explained_class, told

WAYS: dict[Method, tuple[str, str]] = {
    "gradcam": (
        "Grad-CAM",
        "where the network's last features speak for its answer; at once. "
        "It says little of networks that flatten their last map",
    ),
    "occlusion": ("Occlusion", "where hiding a patch makes the answer less likely; seconds"),
    "lime": ("LIME", "which parts a simple model of hidden variants holds; the slowest"),
}
"""What a method is called, and what it shows."""


@dataclass(frozen=True)
class Way:
    """A method that the package serves."""

    method: Method
    title: str
    words: str
    made: bool


@dataclass(frozen=True)
class Heat:
    """An explanation of one model's answer, and the class that it speaks for."""

    model: str
    title: str
    label: str
    chosen: bool


class Map(NamedTuple):
    """An explanation of one model's answer as it is printed: where it is, and what it shows."""

    query: str
    caption: str


class Sample(NamedTuple):
    """A scan to try; `number` is of its address, `caption` what it is by its data."""

    number: int
    name: str
    caption: str


class Card(NamedTuple):
    """A scan in the gallery: what is said of it, and what is drawn."""

    told: Told
    outline: str
    width: int
    height: int


def result(
    shown: Shown, contents: Contents, method: Method | None, member: str
) -> dict[str, object]:
    """All of one scan, and the explanation that was made by `method`, if it was."""
    finding = shown.examined.finding
    explained = shown.explained.get(method) if method else None
    maps = list(explained.maps) if explained else []
    chosen = member if member in maps else "".join(maps[:1])
    return {
        "told": told(finding, contents),
        "finding": finding,
        "outline": outline(shown.examined.mask),
        "ways": ways(shown, contents),
        "method": method if explained else None,
        "heats": [
            Heat(name, names.model(name), explained_class(finding, name), name == chosen)
            for name in maps
        ],
        "printed": list(printed(shown)),
        "origin": {
            **patients(contents),
            **digests(contents),
            "Versions": ", ".join(f"{name} {one}" for name, one in contents.versions.items()),
        },
    }


def printed(shown: Shown) -> Iterator[Map]:
    """Every explanation that was made, of the vote and of each member."""
    finding = shown.examined.finding
    numbers = {one.model: f"member {at}" for at, one in enumerate(finding.members, start=1)}
    for method, explained in shown.explained.items():
        for name in explained.maps:
            whose, label = numbers.get(name, name), explained_class(finding, name)
            yield Map(
                urlencode({"method": method, "member": name}),
                f"{WAYS[method][0]}, {whose}: what speaks for {label}",
            )


def ways(shown: Shown, contents: Contents) -> list[Way]:
    """The methods that the package serves, and whether each was used on this scan."""
    served = contents.classifiers.explain.methods
    return [Way(method, *WAYS[method], method in shown.explained) for method in served]


def cards(asked: Asked, contents: Contents) -> list[Card]:
    """Of all scans, in their order."""
    findings = [one.examined.finding for one in asked.scans]
    return [
        Card(told(one, contents), outline(shown.examined.mask), one.width, one.height)
        for one, shown in zip(findings, asked.scans, strict=True)
    ]


def samples(files: Iterable[str], labels: Sequence[str]) -> list[Sample]:
    """Those of the classification first, in the order of its classes.

    Args:
        files: as `scanvote.package.samples` calls them, a class or ``tumour-1``.
        labels: of the classification.
    """
    found = [Sample(at, name, _labelled(stem(name), labels)) for at, name in enumerate(files)]
    places = {label: place for place, label in enumerate(labels)}
    return sorted(found, key=lambda one: places.get(stem(one.name), len(places)))


def _labelled(name: str, labels: Sequence[str]) -> str:
    if name in labels:
        return f"labelled {names.words(name)}"
    kind, _, number = name.partition("-")
    return f"labelled with an outline, {number}" if kind == "tumour" else names.words(name)


def card(markdown: str) -> Markup:
    """The card as HTML, its headings a level lower: the page has one of its own.

    HTML in the card is shown as text.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    for token in tokens:
        if token.tag in ("h1", "h2", "h3", "h4", "h5"):
            token.tag = f"h{int(token.tag[1]) + 1}"
    return Markup(parser.renderer.render(tokens, parser.options, {}))


def model_tables(contents: Contents) -> dict[str, Mapping[str, str]]:
    """Names and values of what the model is made of, by what they tell."""
    classifiers, segmenters = contents.classifiers, contents.segmenters
    return {
        "Networks": {
            **{names.model(one.model): "votes on the class" for one in classifiers.members},
            **{names.model(one.model): "marks the tumour" for one in segmenters.networks},
        },
        "What counts as like the training": {
            "Distance 1": "as far from its nearest training scan as nearly all scans of the "
            "validation lie at most; measured apart for the class and for the outline",
            "Above 1": "outside what the model has seen: the answer means little",
        },
        "What it was tested on": patients(contents),
        "Digests of the data": digests(contents),
        "Versions": contents.versions,
    }
