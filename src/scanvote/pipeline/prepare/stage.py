"""The stage `prepare`: split the scans, and pickle them as arrays."""

from functools import partial
from pathlib import Path

import pandas as pd

from scanvote.core.files import atomic_replace_folder
from scanvote.core.parallel import Files, parallel_map, processes_for, results
from scanvote.core.progress import progress_bar
from scanvote.core.terminal import print_status
from scanvote.images.intensity import Counts
from scanvote.manifest import PIXEL, classes, write_manifest
from scanvote.params import Params, PrepareTask, Task
from scanvote.pipeline.prepare.crop_montage import write_crop_montage
from scanvote.pipeline.prepare.shards import (
    PreprocessInfo,
    Preprocessor,
    ShardSpec,
    plan_shards,
    series_of,
)
from scanvote.splits.groups import SPLITS
from scanvote.splits.known_patients import KnownPatients
from scanvote.splits.leakage import check_leaks, patient_conflicts
from scanvote.splits.protocols import split_scans

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
    """Split and preprocess the scans; write the shards and a manifest.

    `out` gets ``manifest.csv`` with the split of each scan, the shards, and, if scans are
    cropped, ``crop.png``, a montage of scans with their crop boxes. The folder is replaced when
    all is done. A process holds one shard at a time.

    Args:
        task: selects the section of `prepare`.
        raw: folder of the scans, `data/raw/<task>`.
        deduplicated: folder of the manifest with `kept`, `data/deduplicated/<task>`.
        params: the whole of params.yaml.
        out: `data/prepared/<task>`.
        processes: the number of processes that write shards; by default one for few rows, else
            as many as the machine has processors. It changes the time, never a byte.

    Returns:
        Flat metrics: scans and groups per split, leaked pairs, fallbacks of crop and strip,
        and for masks the share of their pixels that crop and strip removed.

    Raises:
        InputError: the split is impossible or leaks, or a scan cannot be decoded.
    """
    scans = split_scans(task, deduplicated / "manifest.csv", params.split, params.seed)
    leaks = check_leaks(scans, params.split)
    known = KnownPatients.of(scans)
    print_status(audit_line(task, leaks, known) + conflict_words(scans))
    images = Preprocessor(task, raw, params, classes(scans))
    if images.config.intensity_of != "scan":
        images.counts = _counts_by_series(images, scans, processes)
    with atomic_replace_folder(out) as folder:
        infos = _write(images, scans, folder, processes)
        infos_in_order = [infos[scan] for scan in scans["scan_id"]]
        scans["cropped"] = [one.cropped for one in infos_in_order]
        scans["stripped"] = [one.stripped for one in infos_in_order]
        scans[list(PIXEL)] = _pixels(scans, [one.pixel for one in infos_in_order])
        if images.config.crop:
            write_crop_montage(images, scans, folder / "crop.png")
        write_manifest(scans, folder / "manifest.csv")
    metrics = _counts(scans) | known.metrics() | leaks | _fallbacks(scans, images.config)
    metrics["patient_conflicts"] = patient_conflicts(scans)
    return metrics | _lost(scans, infos) if task == "segmentation" else metrics


def audit_line(task: Task, leaks: dict[str, int], known: KnownPatients) -> str:
    """Summarise the audit: leaked pairs, and the share of unknown patients."""
    pairs = f"{task}: {leaks['leaked_pairs_group']:,} pairs across the splits have a known link."
    return f"{pairs} {known.sentence()} {known.audit_words()}"


def conflict_words(scans: pd.DataFrame) -> str:
    """Say how many pictures stand under two patients; empty if none does."""
    count = patient_conflicts(scans)
    if not count:
        return ""
    pictures = "One picture stands" if count == 1 else f"{count:,} pictures stand"
    return f" {pictures} under two patients, whose scans are kept together."


def _counts_by_series(
    images: Preprocessor, scans: pd.DataFrame, processes: int | None
) -> dict[str, Counts]:
    series = [series_of(scan) for scan in scans.to_dict("records")]
    parts = {str(name): part for name, part in scans.groupby(series, sort=False)}
    tables = list(parts.values())
    counted = parallel_map(images.count, tables, "Grey values by series", processes, images.files)
    return dict(zip(parts, counted, strict=True))


def _write(
    images: Preprocessor, scans: pd.DataFrame, folder: Path, processes: int | None
) -> dict[str, PreprocessInfo]:
    """Write all shards; return the preprocessing information by scan."""
    shards = plan_shards(scans, images.config)
    total = sum(len(shard.rows) for shard in shards)
    if processes is None:
        processes = processes_for(total, WORTH_A_POOL)
    infos: dict[str, PreprocessInfo] = {}
    done = 0
    with progress_bar("Prepare") as progress:
        progress(0, total, shards[0].split)
        written = results(
            partial(_write_shard, folder),
            ((images.of(shard.scans), shard) for shard in shards),
            min(processes, len(shards)),
            files=partial(_files, folder),
        )
        for shard, written_infos in zip(shards, written, strict=True):
            infos |= written_infos
            done += len(shard.rows)
            progress(done, total, shard.split)
    return infos


def _write_shard(folder: Path, job: tuple[Preprocessor, ShardSpec]) -> dict[str, PreprocessInfo]:
    images, shard = job
    return images.write(folder, shard)


def _files(folder: Path, job: tuple[Preprocessor, ShardSpec]) -> Files:
    images, shard = job
    return images.files(shard.scans) + Files(
        writes={(folder / shard.name).as_posix(): folder / shard.name}
    )


def _pixels(scans: pd.DataFrame, sizes: list[tuple[float, float]]) -> pd.DataFrame:
    """Return the columns `PIXEL`, in mm if every scan has a spacing.

    Else they are in pixels of the scan: all share one unit, as distances are averaged.
    """
    spacings = scans.get("spacing", pd.Series("", scans.index))
    known = bool((spacings != "").all())
    spacing = spacings.astype(float) if known else pd.Series(1.0, scans.index)
    pixels = pd.DataFrame(sizes, scans.index).mul(spacing, axis=0).round(6)
    return pixels.assign(unit="mm" if known else "px").set_axis(list(PIXEL), axis=1)


def _counts(scans: pd.DataFrame) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for split in SPLITS:
        part = scans[scans["split"] == split]
        metrics |= {f"{split}_scans": len(part), f"{split}_groups": part["group"].nunique()}
    return metrics


def _fallbacks(scans: pd.DataFrame, config: PrepareTask) -> dict[str, float]:
    """Return the shares of scans that could not be cropped or stripped."""
    crop = 1 - float(scans["cropped"].mean()) if config.crop else 0.0
    strip = 1 - float(scans["stripped"].mean()) if config.strip != "none" else 0.0
    return {"crop_fallback_share": round(crop, 4), "strip_fallback_share": round(strip, 4)}


def _lost(scans: pd.DataFrame, infos: dict[str, PreprocessInfo]) -> dict[str, float]:
    mask_pixels = int(scans["mask_pixels"].sum())
    left = sum(one.mask_pixels for one in infos.values())
    return {"lost_mask_share": round(1 - left / mask_pixels, 4) if mask_pixels else 0.0}
