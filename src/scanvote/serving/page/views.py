"""Data for the templates."""

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

METHODS: dict[Method, tuple[str, str]] = {
    "gradcam": (
        "Grad-CAM",
        "where the network's last features speak for its answer; at once. "
        "It says little of networks that flatten their last map",
    ),
    "occlusion": ("Occlusion", "where hiding a patch makes the answer less likely; seconds"),
    "lime": ("LIME", "which parts count in a simple model of partly hidden variants; the slowest"),
}
"""Title and description of each explanation method."""


@dataclass(frozen=True)
class LinkedMethod:
    """An explanation method that the package supports; `used`: on this scan."""

    method: Method
    title: str
    words: str
    used: bool


@dataclass(frozen=True)
class HeatMap:
    """Attribution map of one model, and the class that it explains."""

    model: str
    title: str
    label: str
    chosen: bool


class PrintedMap(NamedTuple):
    """Attribution map for print: query of its address, and caption."""

    query: str
    caption: str


class Sample(NamedTuple):
    """A sample scan: number in its address, file name and label."""

    number: int
    name: str
    caption: str


class GalleryCard(NamedTuple):
    """Card of a scan in the gallery, with its size in pixels."""

    text: ResultText
    outline: str
    width: int
    height: int


def result(
    scan: CachedScan, contents: ModelMetadata, method: Method | None, member: str
) -> dict[str, object]:
    """Collect the data of a scan's page.

    It includes the explanation by `method` if there is one.
    """
    finding = scan.examined.finding
    explained = scan.explained.get(method) if method else None
    maps = list(explained.maps) if explained else []
    chosen = member if member in maps else "".join(maps[:1])
    return {
        "text": result_text(finding, contents),
        "votes": finding.vote is not None,
        "finding": finding,
        "outline": outline(scan.examined.mask),
        "methods": linked_methods(scan, contents),
        "method": method if explained else None,
        "maps": [
            HeatMap(name, terms.model(name), explained_class(finding, name), name == chosen)
            for name in maps
        ],
        "printed": list(printed_maps(scan)),
        "origin": {
            **patients(contents),
            **digests(contents),
            "Versions": ", ".join(f"{name} {one}" for name, one in contents.versions.items()),
        },
    }


def printed_maps(scan: CachedScan) -> Iterator[PrintedMap]:
    """Yield the maps of all explanations so far: vote, then members."""
    finding = scan.examined.finding
    numbers = {one.model: f"member {at}" for at, one in enumerate(finding.members, start=1)}
    for method, explained in scan.explained.items():
        for name in explained.maps:
            whose, label = numbers.get(name, name), explained_class(finding, name)
            yield PrintedMap(
                urlencode({"method": method, "member": name}),
                f"{METHODS[method][0]}, {whose}: what speaks for {label}",
            )


def linked_methods(scan: CachedScan, contents: ModelMetadata) -> list[LinkedMethod]:
    """List the package's explanation methods, with those already used marked."""
    supported = contents.classifiers.explain.methods if contents.classifiers else []
    return [
        LinkedMethod(method, *METHODS[method], method in scan.explained) for method in supported
    ]


def cards(result: CachedResult, contents: ModelMetadata) -> list[GalleryCard]:
    """Return the gallery cards of all scans, in their order."""
    findings = [scan.examined.finding for scan in result.scans]
    return [
        GalleryCard(
            result_text(finding, contents),
            outline(scan.examined.mask),
            finding.width,
            finding.height,
        )
        for finding, scan in zip(findings, result.scans, strict=True)
    ]


def samples(files: Iterable[str], labels: Sequence[str]) -> list[Sample]:
    """List the samples, those of the classification first, in class order.

    Args:
        files: names from `scanvote.pipeline.package.samples`: a class, or ``tumour-1``.
        labels: classes of the classification.
    """
    unsorted = [Sample(at, name, _caption(stem(name), labels)) for at, name in enumerate(files)]
    places = {label: place for place, label in enumerate(labels)}
    return sorted(unsorted, key=lambda one: places.get(stem(one.name), len(places)))


def _caption(name: str, labels: Sequence[str]) -> str:
    if name in labels:
        return f"labelled {terms.words(name)}"
    kind, _, number = name.partition("-")
    return f"labelled with an outline, {number}" if kind == "tumour" else terms.words(name)


def card(markdown: str) -> Markup:
    """Convert the model card to HTML, with headings one level lower.

    The page has a top heading of its own. HTML in the card is shown as text.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    for token in tokens:
        if token.tag in ("h1", "h2", "h3", "h4", "h5"):
            token.tag = f"h{int(token.tag[1]) + 1}"
    return Markup(parser.renderer.render(tokens, parser.options, {}))


def model_tables(contents: ModelMetadata) -> dict[str, Mapping[str, str]]:
    """Return tables of names and values about the model, by title."""
    members = contents.classifiers.members if contents.classifiers else []
    unets = contents.segmenters.networks if contents.segmenters else []
    both = "; measured separately for class and outline" if len(contents.parts) > 1 else ""
    return {
        "Networks": {
            **{terms.model(one.model): "votes on the class" for one in members},
            **{terms.model(one.model): "marks the tumour" for one in unets},
        },
        "Similarity to the training scans": {
            "Distance 1": "the distance from the nearest training scan that nearly all validation "
            f"scans keep to{both}",
            "Above 1": "unlike the training scans: the answer means little",
        },
        "What it was tested on": patients(contents),
        "Digests of the model and its data": digests(contents),
        "Versions": contents.versions,
    }
