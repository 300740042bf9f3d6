"""Choice of test scans to explain, with methods and known lesions."""

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
from scanvote.pipeline.prepare.shards import Preprocessor
from scanvote.plots.canvas import wrap_label
from scanvote.predictions import read_predictions

GALLERIES = {"best": "right", "worst": "wrong", "disagreeing": "disagreeing"}
"""Names of the figures, and the names that `select_scans` gives to their scans."""


@dataclass(frozen=True)
class ExplainedScans:
    """The scans to explain.

    Attributes:
        images: uint8 (H, W, C) by scan, in the order of their names.
        groups: group of the split, by scan.
        captions: by scan, the label and the prediction of the vote.
        lesions: for the scans that are measured or shown, if the lesion is known.
        measured: the scans for which the share of the maps in the lesion is measured.
        galleries: the scans of each figure.
    """

    images: dict[str, np.ndarray]
    groups: dict[str, str]
    captions: dict[str, str]
    lesions: dict[str, Lesion]
    measured: frozenset[str]
    galleries: dict[str, list[str]]

    @property
    def shown(self) -> frozenset[str]:
        """The scans of the figures."""
        return frozenset(scan for scans in self.galleries.values() for scan in scans)


def choose_scans(
    ensemble: Path, raw: Path, prepared: Path, vote: Vote, params: Params
) -> ExplainedScans:
    """Choose the scans of all galleries, and scans with a known lesion.

    The galleries of `evaluate` are included.

    Args:
        ensemble: `models/ensemble`.
        raw: `data/raw/classification`, with the masks.
        prepared: `data/prepared/classification`.
        vote: names the members whose disagreement selects scans.
        params: the whole of params.yaml; `explain.scans` scans with a lesion are drawn with the
            seed.

    Raises:
        InputError: a table or a shard is missing, or a mask cannot be read.
    """
    table = read_predictions(ensemble / "predictions.csv")
    test = table[table["split"] == "test"]
    voted, *members = (test[test["model"] == name] for name in (VOTE, *vote.members))
    chosen = select_scans(voted, members, params.evaluate.gallery)
    galleries = {name: chosen[kind] for name, kind in GALLERIES.items() if chosen.get(kind)}
    manifest = read_manifest(prepared / "manifest.csv")
    with_lesion = manifest[(manifest["split"] == "test") & (manifest["mask_pixels"] > 0)]
    preprocessor = Preprocessor("classification", raw, params, list(vote.labels))
    measured = _drawn_lesions(with_lesion, preprocessor, params)
    shown = with_lesion[with_lesion["scan_id"].isin(_union(galleries.values()))]
    lesions = {scan["scan_id"]: preprocessor.lesion_mask(scan) for scan in shown.to_dict("records")}
    scans = sorted(_union(chosen.values()) | measured.keys())
    return ExplainedScans(
        images=dict(zip(scans, load_images(prepared, "test", scans), strict=True)),
        groups=dict(zip(manifest["scan_id"], manifest["group"], strict=True)),
        captions=_captions(voted),
        lesions=lesions | measured,
        measured=frozenset(measured),
        galleries=galleries,
    )


def _union(lists: Iterable[list[str]]) -> set[str]:
    return {scan for scans in lists for scan in scans}


def _drawn_lesions(
    with_lesion: pd.DataFrame, preprocessor: Preprocessor, params: Params
) -> dict[str, Lesion]:
    """Return the lesions of randomly drawn scans.

    Scans whose lesion is removed completely by skull stripping and cropping are skipped.
    """
    order = rng(params.seed, "explain", "lesions").permutation(len(with_lesion))
    lesions: dict[str, Lesion] = {}
    for scan in with_lesion.iloc[order].to_dict("records"):
        if len(lesions) == params.explain.scans:
            break
        lesion = preprocessor.lesion_mask(scan)
        if lesion.any():
            lesions[scan["scan_id"]] = lesion
    return lesions


def _captions(voted: pd.DataFrame) -> dict[str, str]:
    rows = zip(voted["scan_id"], voted["label"], voted["predicted"], confidence(voted), strict=True)
    return {
        scan: f"{wrap_label(label)}\n→ {wrap_label(predicted)} {probability:.2f}"
        for scan, label, predicted, probability in rows
    }
