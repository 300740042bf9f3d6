"""The stage `explain`: what the vote and its members look at, on scans of the test split."""

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
LEGEND = "and what speaks for them, the brightest most; cyan: the known lesion"

Bytes = dict[str, dict[str, np.ndarray]]
"""uint8 (H, W), 255 the maximum: the vote's maps by scan and method."""


def explain(
    searches: Path, ensemble: Path, raw: Path, prepared: Path, params: Params, out: Path
) -> dict[str, float]:
    """Explain the vote and its members on test scans, and measure how much lies in known lesions.

    Writes to `out`:

    - ``maps.pkl``: a shard of `scan_ids`, `images` and `maps` uint8 (n, H, W), the vote's by the
      first method that serves it
    - ``mass.csv``: the share of each map in the lesion, and the lesion's of the head
    - ``mass.png``: their means, where a lesion is known
    - ``best.png``, ``worst.png``, ``disagreeing.png``, those that have scans

    Args:
        searches: `models/search`.
        ensemble: `models/ensemble`.
        raw: `data/raw/classification`.
        prepared: `data/prepared/classification`.
        params: the whole of params.yaml.
        out: `metrics/explain/classification`.

    Returns:
        Flat metrics: scans that were explained, lesions that were measured in, and, where there
        are any, those of `mass_metrics`.

    Raises:
        InputError: an input is missing, or no method serves the vote.
    """
    vote = Vote.read(ensemble / "vote.json")
    cases = choose_scans(ensemble, raw, prepared, vote, params)
    panel = load_ensemble(searches, vote)
    methods = _methods(panel, params)
    maps, table = _explained(panel, cases, methods, params)
    with atomic_replace_folder(out) as folder:
        _write_maps(cases, maps, methods[0], folder / "maps.pkl")
        write_csv(table, folder / "mass.csv")
        for name, scans in cases.galleries.items():
            explanations(
                _shown(cases, maps, scans), f"{TITLES[name]}\n{LEGEND}", folder / f"{name}.png"
            )
        counts: dict[str, float] = {"scans": len(cases.images), "lesions": len(cases.measured)}
        if table.empty:
            return counts
        means = mass_means(table, params.seed)
        mass_figure(means, folder / "mass.png")
    return counts | mass_metrics(means)


def _methods(panel: ExplainableEnsemble, params: Params) -> list[Method]:
    found = [method for method in params.explain.methods if panel.supports(method)]
    if not found:
        raise InputError(
            "explain.methods: no member of the vote has a feature map for gradcam;"
            " add occlusion or lime"
        )
    return found


def _explained(
    panel: ExplainableEnsemble, cases: ExplainedScans, methods: Sequence[Method], params: Params
) -> tuple[Bytes, pd.DataFrame]:
    """The vote's maps, and the table of what lies in the lesions."""
    maps: Bytes = {scan: {} for scan in cases.images}
    rows: list[tuple[object, ...]] = []
    thorough = cases.measured | cases.shown
    with progress_bar("Explain") as progress:
        for done, (scan, image) in enumerate(cases.images.items()):
            progress(done, len(cases.images), scan)
            # of the others the evaluation shows one map
            for method in methods if scan in thorough else methods[:1]:
                found = explain_scan(panel, scan, image, method, params.explain, params.seed)
                maps[scan][method] = np.rint(255 * normalise_map(found[VOTE])).astype(np.uint8)
                if scan in cases.measured:
                    rows += _mass_rows(cases, scan, method, found)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return maps, table.sort_values("scan_id", kind="stable", ignore_index=True)


def _mass_rows(
    cases: ExplainedScans, scan: str, method: Method, found: Maps
) -> Iterator[tuple[object, ...]]:
    """Rows of `COLUMNS`, the vote's first."""
    lesion = cases.lesions[scan]
    area = round(area_inside(cases.images[scan], lesion), 6)
    for model in sorted(found, key=lambda name: name != VOTE):
        mass = round(attribution_in_lesion(found[model], lesion), 6)
        yield scan, cases.groups[scan], model, method, mass, area


def _shown(cases: ExplainedScans, maps: Bytes, scans: Sequence[str]) -> list[ExplanationRow]:
    return [
        ExplanationRow(
            cases.images[scan], cases.captions[scan], maps[scan], cases.lesions.get(scan)
        )
        for scan in scans
    ]


def _write_maps(cases: ExplainedScans, maps: Bytes, method: Method, path: Path) -> None:
    shard = {
        "scan_ids": np.array(list(cases.images)),
        "images": np.stack(list(cases.images.values())),
        "maps": np.stack([found[method] for found in maps.values()]),
    }
    with atomic_write(path) as beside, beside.open("wb") as file:
        pickle.dump(shard, file, protocol=5)
