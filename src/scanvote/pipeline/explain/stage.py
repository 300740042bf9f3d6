"""Stage `explain`: explanations of the vote and its members on test scans."""

import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.files import atomic_replace_folder, atomic_write, write_csv
from scanvote.core.progress import progress_bar
from scanvote.params import Params
from scanvote.params.whole import Method
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.explain.cases import ExplainedScans, choose_scans
from scanvote.pipeline.explain.figures import ExplanationRow, explanations, mass_figure
from scanvote.pipeline.explain.localisation import (
    COLUMNS,
    area_inside,
    attribution_in_lesion,
    mass_means,
    mass_metrics,
)
from scanvote.pipeline.explain.panel import (
    VOTE,
    ExplainableEnsemble,
    Maps,
    explain_scan,
    load_ensemble,
    normalise_map,
)

TITLES = {
    "best": "The surest right votes",
    "worst": "The surest wrong votes",
    "disagreeing": "Votes on which the members disagree most",
}
LEGEND = "and the evidence for them, brighter where stronger; cyan: the known lesion"

Bytes = dict[str, dict[str, np.ndarray]]
"""uint8 (H, W), with 255 as the maximum: the maps of the vote by scan and method."""


def explain(
    searches: Path, ensemble: Path, raw: Path, prepared: Path, params: Params, out: Path
) -> dict[str, float]:
    """Explain test scans, and measure explanations in known lesions.

    Writes to `out`:

    - ``maps.pkl``: a shard of `scan_ids`, `images` and `maps` uint8 (n, H, W), those of the vote by
      the first method that it supports
    - ``mass.csv``: the share of each map in the lesion, and the lesion's share of the head
    - ``mass.png``: their means, if a lesion is known
    - ``best.png``, ``worst.png``, ``disagreeing.png``, as far as they have scans

    Args:
        searches: `models/search`.
        ensemble: `models/ensemble`.
        raw: `data/raw/classification`.
        prepared: `data/prepared/classification`.
        params: the whole of params.yaml.
        out: `metrics/explain/classification`.

    Returns:
        Flat metrics: numbers of explained scans and of measured lesions, and, if there are any
        lesions, those of `mass_metrics`.

    Raises:
        InputError: an input is missing, or the vote supports no method.
    """
    vote = Vote.read(ensemble / "vote.json")
    chosen = choose_scans(ensemble, raw, prepared, vote, params)
    models = load_ensemble(searches, vote)
    methods = _methods(models, params)
    maps, table = _explain_all(models, chosen, methods, params)
    with atomic_replace_folder(out) as folder:
        _write_maps(chosen, maps, methods[0], folder / "maps.pkl")
        write_csv(table, folder / "mass.csv")
        for name, scans in chosen.galleries.items():
            explanations(
                _gallery_rows(chosen, maps, scans),
                f"{TITLES[name]}\n{LEGEND}",
                folder / f"{name}.png",
            )
        counts: dict[str, float] = {"scans": len(chosen.images), "lesions": len(chosen.measured)}
        if table.empty:
            return counts
        means = mass_means(table, params.seed)
        mass_figure(means, folder / "mass.png")
    return counts | mass_metrics(means)


def _methods(models: ExplainableEnsemble, params: Params) -> list[Method]:
    supported = [method for method in params.explain.methods if models.supports(method)]
    if not supported:
        raise InputError(
            "explain.methods: no member of the vote has a feature map for gradcam;"
            " add occlusion or lime"
        )
    return supported


def _explain_all(
    models: ExplainableEnsemble, chosen: ExplainedScans, methods: Sequence[Method], params: Params
) -> tuple[Bytes, pd.DataFrame]:
    """Return the vote's maps, and the table of shares in lesions."""
    maps: Bytes = {scan: {} for scan in chosen.images}
    rows: list[tuple[object, ...]] = []
    all_methods = chosen.measured | chosen.shown
    with progress_bar("Explain") as progress:
        for done, (scan, image) in enumerate(chosen.images.items()):
            progress(done, len(chosen.images), scan)
            # for the other scans the evaluation shows one map
            for method in methods if scan in all_methods else methods[:1]:
                of_models = explain_scan(models, scan, image, method, params.explain, params.seed)
                maps[scan][method] = np.rint(255 * normalise_map(of_models[VOTE])).astype(np.uint8)
                if scan in chosen.measured:
                    rows += _mass_rows(chosen, scan, method, of_models)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return maps, table.sort_values("scan_id", kind="stable", ignore_index=True)


def _mass_rows(
    chosen: ExplainedScans, scan: str, method: Method, maps: Maps
) -> Iterator[tuple[object, ...]]:
    """Yield rows of `COLUMNS`, those of the vote first."""
    lesion = chosen.lesions[scan]
    area = round(area_inside(chosen.images[scan], lesion), 6)
    for model in sorted(maps, key=lambda name: name != VOTE):
        mass = round(attribution_in_lesion(maps[model], lesion), 6)
        yield scan, chosen.groups[scan], model, method, mass, area


def _gallery_rows(
    chosen: ExplainedScans, maps: Bytes, scans: Sequence[str]
) -> list[ExplanationRow]:
    return [
        ExplanationRow(
            chosen.images[scan], chosen.captions[scan], maps[scan], chosen.lesions.get(scan)
        )
        for scan in scans
    ]


def _write_maps(chosen: ExplainedScans, maps: Bytes, method: Method, path: Path) -> None:
    shard = {
        "scan_ids": np.array(list(chosen.images)),
        "images": np.stack(list(chosen.images.values())),
        "maps": np.stack([by_method[method] for by_method in maps.values()]),
    }
    with atomic_write(path) as beside, beside.open("wb") as file:
        pickle.dump(shard, file, protocol=5)
