"""Which test scans are explained, by which methods, and where their lesions are."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.arrays import load_images
from scanvote.core.seeds import rng
from scanvote.manifest import read_manifest
from scanvote.metrics.error_analysis import confidence, select_scans
from scanvote.params import Params
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.explain.localisation import Lesion
from scanvote.pipeline.explain.panel import VOTE
from scanvote.pipeline.prepare.rows import Preprocessor
from scanvote.plots.canvas import wrap_label
from scanvote.predictions import read_predictions

GALLERIES = {"best": "right", "worst": "wrong", "disagreeing": "disagreeing"}
"""Our pictures, and what `select_scans` calls their scans."""


@dataclass(frozen=True)
class ExplainedScans:
    """The scans to explain.

    Attributes:
        images: uint8 (H, W, C) by scan, in the order of their names.
        groups: of the split, by scan.
        captions: by scan, its label and what the vote says.
        lesions: of the scans that are measured or shown, where one is known.
        measured: the scans in whose lesion the share of the maps is measured.
        galleries: the scans of each picture.
    """

    images: dict[str, np.ndarray]
    groups: dict[str, str]
    captions: dict[str, str]
    lesions: dict[str, Lesion]
    measured: frozenset[str]
    galleries: dict[str, list[str]]

    @property
    def shown(self) -> frozenset[str]:
        """The scans of the pictures."""
        return frozenset(scan for scans in self.galleries.values() for scan in scans)


def choose_scans(
    ensemble: Path, raw: Path, prepared: Path, vote: Vote, params: Params
) -> ExplainedScans:
    """The scans of all galleries, those of `evaluate` too, and scans with a known lesion.

    Args:
        ensemble: `models/ensemble`.
        raw: `data/raw/classification`, which the masks lie in.
        prepared: `data/prepared/classification`.
        vote: its members' predictions tell on which scans they disagree.
        params: the whole of params.yaml; `explain.scans` with a lesion are drawn by the seed.

    Raises:
        InputError: a table or a shard is missing, or a mask cannot be read.
    """
    table = read_predictions(ensemble / "predictions.csv")
    test = table[table["split"] == "test"]
    voted, *members = (test[test["model"] == name] for name in (VOTE, *vote.members))
    chosen = select_scans(voted, members, params.evaluate.gallery)
    galleries = {name: chosen[kind] for name, kind in GALLERIES.items() if chosen.get(kind)}
    manifest = read_manifest(prepared / "manifest.csv")
    marked = manifest[(manifest["split"] == "test") & (manifest["mask_pixels"] > 0)]
    preparation = Preprocessor("classification", raw, params, list(vote.labels))
    measured = _drawn_lesions(marked, preparation, params)
    shown = marked[marked["scan_id"].isin(_united(galleries.values()))]
    lesions = {scan["scan_id"]: preparation.lesion_mask(scan) for scan in shown.to_dict("records")}
    scans = sorted(_united(chosen.values()) | measured.keys())
    return ExplainedScans(
        images=dict(zip(scans, load_images(prepared, "test", scans), strict=True)),
        groups=dict(zip(manifest["scan_id"], manifest["group"], strict=True)),
        captions=_captions(voted),
        lesions=lesions | measured,
        measured=frozenset(measured),
        galleries=galleries,
    )


def _united(lists: Iterable[list[str]]) -> set[str]:
    return {scan for scans in lists for scan in scans}


def _drawn_lesions(
    marked: pd.DataFrame, preparation: Preprocessor, params: Params
) -> dict[str, Lesion]:
    """Of scans drawn at random, of whose lesion strip and crop leave something in."""
    order = rng(params.seed, "explain", "lesions").permutation(len(marked))
    found: dict[str, Lesion] = {}
    for scan in marked.iloc[order].to_dict("records"):
        if len(found) == params.explain.scans:
            break
        lesion = preparation.lesion_mask(scan)
        if lesion.any():
            found[scan["scan_id"]] = lesion
    return found


def _captions(voted: pd.DataFrame) -> dict[str, str]:
    rows = zip(voted["scan_id"], voted["label"], voted["predicted"], confidence(voted), strict=True)
    return {
        scan: f"{wrap_label(label)}\n→ {wrap_label(guess)} {sure:.2f}"
        for scan, label, guess, sure in rows
    }
