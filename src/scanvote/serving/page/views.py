"""Data for the templates."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from scanvote.datasets.user_data.scan_tree import stem
from scanvote.params.whole import Method
from scanvote.pipeline.package import ModelMetadata
from scanvote.pipeline.report import terms
from scanvote.serving.engine_api import Engine
from scanvote.serving.page.overlays import outline
from scanvote.serving.page.result_cache import CachedResult, CachedScan
from scanvote.serving.page.texts import ResultText


class Sample(NamedTuple):
    """A sample scan: number in its address, file name and label."""

    number: int
    name: str
    caption: str


def result(
    scan: CachedScan, engine: Engine, method: Method | None, member: str
) -> dict[str, object]:
    """Collect the data of a scan's page.

    It includes the explanation by `method` if there is one.
    """
    contents = engine.contents
    explained = scan.explained.get(method) if method else None
    maps = list(explained.maps) if explained else []
    return {
        "text": ResultText(scan.examined.finding, contents),
        "finding": scan.examined.finding,
        "outline": outline(scan.examined.mask),
        "explained": scan.explained,
        "method": method if explained else None,
        "maps": maps,
        "member": member if member in maps else "".join(maps[:1]),
        "origin": {
            **_patients(contents),
            **_digests(contents),
            "Versions": f"answered by {engine.runtime}; made with {_listed(contents.versions)}",
        },
    }


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {one}" for name, one in versions.items())


def cards(result: CachedResult, contents: ModelMetadata) -> list[tuple[ResultText, str]]:
    """Return text and outline of each scan, for its card in the gallery."""
    return [
        (ResultText(scan.examined.finding, contents), outline(scan.examined.mask))
        for scan in result.scans
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


def model_tables(engine: Engine) -> dict[str, Mapping[str, str]]:
    """Return tables of names and values about the model, by title."""
    contents = engine.contents
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
        "What it was tested on": _patients(contents),
        "Digests of the model and its data": _digests(contents),
        "Computed here by": {"Runtime": engine.runtime},
        "Versions of its making": contents.versions,
    }


def _patients(contents: ModelMetadata) -> dict[str, str]:
    """Return what the tests of the model may claim about patients."""
    names = {"classification": "class", "segmentation": "outline"}
    return {
        f"Patients, test of the {names[task]}": part.patients
        for task, part in contents.parts.items()
    }


def _digests(contents: ModelMetadata) -> dict[str, str]:
    """Return digests of the model, of its data and of its test scans."""
    model = {"Model": contents.digest}
    data = {f"Data, {terms.words(task)}": digest for task, digest in contents.data.items()}
    return model | data | {"Test scans": contents.test}
