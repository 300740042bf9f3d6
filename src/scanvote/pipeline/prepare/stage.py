"""The stage `prepare`: the split, and the scans of each split as pickled arrays."""

import os
from functools import partial
from pathlib import Path

import pandas as pd

from scanvote.core.files import atomic_replace_folder
from scanvote.core.parallel import parallel_map, results
from scanvote.core.progress import progress_bar
from scanvote.core.terminal import print_status
from scanvote.images.intensity import Counts
from scanvote.manifest import PIXEL, classes, write_manifest
from scanvote.params import Params, PrepareTask, Task
from scanvote.pipeline.prepare.crop_montage import write_crop_montage
from scanvote.pipeline.prepare.rows import PreprocessInfo, Preprocessor, plan_shards, series_of
from scanvote.splits.groups import SPLITS
from scanvote.splits.known_patients import KnownPatients
from scanvote.splits.protocols import check_leaks, split_scans

WORTH_A_POOL = 4000
"""Rows below which starting processes costs more than the work they share."""


def prepare(
    task: Task,
    raw: Path,
    deduplicated: Path,
    params: Params,
    out: Path,
    processes: int | None = None,
) -> dict[str, float]:
    """Write `out`/manifest.csv with each scan's split, and the shards beside it.

    `out` also gets ``crop.png``, scans with the box that was cropped to, where they are
    cropped. The folder is replaced when all is done. A process holds one shard at a time.

    Args:
        task: whose section of `prepare` holds.
        raw: folder of the scans, `data/raw/<task>`.
        deduplicated: folder of the manifest with `kept`, `data/deduplicated/<task>`.
        params: the whole of params.yaml.
        out: `data/prepared/<task>`.
        processes: how many write shards; by default the processors of the machine. It
            changes the time, never a byte.

    Returns:
        Flat metrics: scans and groups a split, leaked pairs, fallbacks of crop and strip,
        and where there are masks the share of their pixels that crop and strip cut away.

    Raises:
        InputError: the split is impossible or leaks, or a scan cannot be decoded.
    """
    scans = split_scans(task, deduplicated / "manifest.csv", params.split, params.seed)
    leaks = check_leaks(scans, params.split)
    known = KnownPatients.of(scans)
    print_status(audit_line(task, leaks, known))
    images = Preprocessor(task, raw, params, classes(scans))
    if images.config.intensity_of != "scan":
        images.counts = _counts_by_series(images, scans, processes)
    with atomic_replace_folder(out) as folder:
        found = _write(images, scans, folder, processes)
        became = [found[scan] for scan in scans["scan_id"]]
        scans["cropped"] = [one.cropped for one in became]
        scans["stripped"] = [one.stripped for one in became]
        scans[list(PIXEL)] = _pixels(scans, [one.pixel for one in became])
        if images.config.crop:
            write_crop_montage(images, scans, folder / "crop.png")
        write_manifest(scans, folder / "manifest.csv")
    metrics = _counts(scans) | known.metrics() | leaks | _fallbacks(scans, images.config)
    return metrics | _lost(scans, found) if task == "segmentation" else metrics


def audit_line(task: Task, leaks: dict[str, int], known: KnownPatients) -> str:
    """What the audit of the split found, and for which share of the scans it is blind."""
    pairs = f"{task}: {leaks['leaked_pairs_group']:,} pairs across the splits have a known link."
    return f"{pairs} {known.sentence()} {known.audit_words()}"


def _counts_by_series(
    images: Preprocessor, scans: pd.DataFrame, processes: int | None
) -> dict[str, Counts]:
    series = [series_of(scan) for scan in scans.to_dict("records")]
    parts = {str(name): part for name, part in scans.groupby(series, sort=False)}
    counted = parallel_map(images.count, list(parts.values()), "Grey values by series", processes)
    return dict(zip(parts, counted, strict=True))


def _write(
    images: Preprocessor, scans: pd.DataFrame, folder: Path, processes: int | None
) -> dict[str, PreprocessInfo]:
    """Write all shards; by scan what became of it."""
    parts = plan_shards(scans, images.config)
    total = sum(len(part.rows) for part in parts)
    if processes is None:
        processes = (os.cpu_count() or 1) if total >= WORTH_A_POOL else 1
    found: dict[str, PreprocessInfo] = {}
    done = 0
    with progress_bar("Prepare") as progress:
        progress(0, total, parts[0].split)
        written = results(partial(images.write, folder), parts, min(processes, len(parts)))
        for part, one in zip(parts, written, strict=True):
            found |= one
            done += len(part.rows)
            progress(done, total, part.split)
    return found


def _pixels(scans: pd.DataFrame, sizes: list[tuple[float, float]]) -> pd.DataFrame:
    """`PIXEL` of each scan: in mm where every scan tells its spacing, else in pixels of the scan.

    One unit for all, as their distances are averaged.
    """
    told = scans.get("spacing", pd.Series("", scans.index))
    known = bool((told != "").all())
    spacing = told.astype(float) if known else pd.Series(1.0, scans.index)
    pixels = pd.DataFrame(sizes, scans.index).mul(spacing, axis=0).round(6)
    return pixels.assign(unit="mm" if known else "px").set_axis(list(PIXEL), axis=1)


def _counts(scans: pd.DataFrame) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for split in SPLITS:
        part = scans[scans["split"] == split]
        metrics |= {f"{split}_scans": len(part), f"{split}_groups": part["group"].nunique()}
    return metrics


def _fallbacks(scans: pd.DataFrame, how: PrepareTask) -> dict[str, float]:
    """Shares of the scans that could not be cropped, or stripped, as was wanted."""
    crop = 1 - float(scans["cropped"].mean()) if how.crop else 0.0
    strip = 1 - float(scans["stripped"].mean()) if how.strip != "none" else 0.0
    return {"crop_fallback_share": round(crop, 4), "strip_fallback_share": round(strip, 4)}


def _lost(scans: pd.DataFrame, found: dict[str, PreprocessInfo]) -> dict[str, float]:
    marked = int(scans["mask_pixels"].sum())
    left = sum(one.mask_pixels for one in found.values())
    return {"lost_mask_share": round(1 - left / marked, 4) if marked else 0.0}
