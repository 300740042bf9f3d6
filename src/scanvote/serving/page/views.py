"""What the templates are given."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from scanvote.datasets.user_data.scan_tree import stem
from scanvote.params.whole import Method
from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.report import terms
from scanvote.serving.page.facts import digests, patients
from scanvote.serving.page.overlays import outline
from scanvote.serving.page.result_cache import CachedResult, CachedScan
from scanvote.serving.page.texts import ResultText, explained_class, result_text

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
class LinkedMethod:
    """A method that the package serves."""

    method: Method
    title: str
    words: str
    made: bool


@dataclass(frozen=True)
class HeatMap:
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


class ModelCardView(NamedTuple):
    """A scan in the gallery: what is said of it, and what is drawn."""

    told: ResultText
    outline: str
    width: int
    height: int


def result(
    shown: CachedScan, contents: ModelMetadata, method: Method | None, member: str
) -> dict[str, object]:
    """All of one scan, and the explanation that was made by `method`, if it was."""
    finding = shown.examined.finding
    explained = shown.explained.get(method) if method else None
    maps = list(explained.maps) if explained else []
    chosen = member if member in maps else "".join(maps[:1])
    return {
        "told": result_text(finding, contents),
        "finding": finding,
        "outline": outline(shown.examined.mask),
        "ways": ways(shown, contents),
        "method": method if explained else None,
        "heats": [
            HeatMap(name, terms.model(name), explained_class(finding, name), name == chosen)
            for name in maps
        ],
        "printed": list(printed(shown)),
        "origin": {
            **patients(contents),
            **digests(contents),
            "Versions": ", ".join(f"{name} {one}" for name, one in contents.versions.items()),
        },
    }


def printed(shown: CachedScan) -> Iterator[Map]:
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


def ways(shown: CachedScan, contents: ModelMetadata) -> list[LinkedMethod]:
    """The methods that the package serves, and whether each was used on this scan."""
    served = contents.classifiers.explain.methods
    return [LinkedMethod(method, *WAYS[method], method in shown.explained) for method in served]


def cards(asked: CachedResult, contents: ModelMetadata) -> list[ModelCardView]:
    """Of all scans, in their order."""
    findings = [one.examined.finding for one in asked.scans]
    return [
        ModelCardView(
            result_text(one, contents), outline(shown.examined.mask), one.width, one.height
        )
        for one, shown in zip(findings, asked.scans, strict=True)
    ]


def samples(files: Iterable[str], labels: Sequence[str]) -> list[Sample]:
    """Those of the classification first, in the order of its classes.

    Args:
        files: as `scanvote.pipeline.package.samples` calls them, a class or ``tumour-1``.
        labels: of the classification.
    """
    found = [Sample(at, name, _labelled(stem(name), labels)) for at, name in enumerate(files)]
    places = {label: place for place, label in enumerate(labels)}
    return sorted(found, key=lambda one: places.get(stem(one.name), len(places)))


def _labelled(name: str, labels: Sequence[str]) -> str:
    if name in labels:
        return f"labelled {terms.words(name)}"
    kind, _, number = name.partition("-")
    return f"labelled with an outline, {number}" if kind == "tumour" else terms.words(name)


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


def model_tables(contents: ModelMetadata) -> dict[str, Mapping[str, str]]:
    """Names and values of what the model is made of, by what they tell."""
    classifiers, segmenters = contents.classifiers, contents.segmenters
    return {
        "Networks": {
            **{terms.model(one.model): "votes on the class" for one in classifiers.members},
            **{terms.model(one.model): "marks the tumour" for one in segmenters.networks},
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
