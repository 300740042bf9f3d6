"""The stage `download`: the data sets of a task as folders of scans, and a manifest of them."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pandas as pd

from scanvote.core.errors import InputError, did_you_mean
from scanvote.core.files import atomic_replace_folder, write_csv
from scanvote.core.parallel import parallel_map
from scanvote.datasets import registry
from scanvote.datasets.base import METADATA_FIELDS, DataSet, Scan
from scanvote.datasets.scan_list import IGNORED
from scanvote.manifest import COLUMNS, INTEGRITY, MANIFEST, Metrics, scan_ids, write_manifest
from scanvote.params import Params, Task
from scanvote.pipeline.download.file_check import FileCheck, check_file
from scanvote.pipeline.download.integrity import blocking_issue, check_usable, issues, rules

Labels = dict[str, str | None]


def download(task: Task, params: Params, out: Path) -> Metrics:
    """Bring the data sets of `task` to `out`, with ``manifest.csv`` and ``integrity.csv``.

    A set is generated, copied, or unpacked from a mirror or the public source, into a
    folder of its own name. Every file is decoded once; a scan that cannot be used is left
    out of the manifest, and why stands in ``integrity.csv``, beside what is only strange.
    `out` is replaced when all is done.

    Returns:
        Counts: scans, excluded, ignored files, patients, classes, ``label_<label>`` or
        tumour_masks, and
        ``finding_<kind>`` of every kind of `integrity.rules`.

    Raises:
        InputError: a set cannot be had, nothing of it or of a class can be used, or there
            is nothing to learn.
    """
    section = getattr(params, task)
    sets = registry.find_all(section.dataset, task)
    with atomic_replace_folder(out) as folder:
        folder.mkdir()
        sources, scans = _brought(sets, task, params, folder)
        if task == "classification":
            sources, scans = _relabelled(sources, scans, section.labels)
        seen = parallel_map(partial(check_file, folder), scans, "Check")
        check_usable(task, scans, seen)
        found = issues(task, sources, scans, seen)
        write_csv(found, folder / INTEGRITY)
        frame = manifest(task, sources, scans, seen)
        write_manifest(frame, folder / MANIFEST)
        ignored = sum(len(pd.read_csv(path)) for path in sorted(folder.glob(f"*/{IGNORED}")))
    return _metrics(task, frame, found) | {"ignored": ignored}


def manifest(
    task: Task, sources: list[str], scans: list[Scan], seen: list[FileCheck]
) -> pd.DataFrame:
    """The rows of the scans that can be used, in the order of the data sets."""
    # a name must not depend on which other scans happen to be readable
    ids = scan_ids([scan.path for scan in scans])
    rows = [
        {"scan_id": scan_id, "task": task, "source": source}
        | asdict(scan)
        | dict(scan.facts)
        | asdict(one)
        for scan_id, source, scan, one in zip(ids, sources, scans, seen, strict=True)
        if blocking_issue(task, scan, one) is None
    ]
    known = [fact for fact in METADATA_FIELDS if any(fact in scan.facts for scan in scans)]
    return pd.DataFrame(rows, columns=[*COLUMNS, *known]).fillna(dict.fromkeys(known, ""))


def _brought(
    sets: list[DataSet], task: Task, params: Params, folder: Path
) -> tuple[list[str], list[Scan]]:
    """The scans of all sets, each with the name of its set."""
    sources, scans = [], []
    for dataset in sets:
        dataset.fetch(folder / dataset.name, task, params)
        placed = _placed(dataset, dataset.scans(folder / dataset.name, task))
        sources += [dataset.name] * len(placed)
        scans += placed
    return sources, scans


def _placed(dataset: DataSet, scans: Iterable[Scan]) -> list[Scan]:
    """The scans of a set, below its folder; two sets may call different patients alike."""

    def within(key: str) -> str:
        return f"{dataset.name}/{key}" if key else ""

    placed = [
        replace(
            scan,
            path=within(scan.path),
            mask_path=within(scan.mask_path),
            patient=within(scan.patient),
            series=within(scan.series),
        )
        for scan in scans
    ]
    if not placed:
        raise InputError(f"{dataset.name} holds no scans; fetch or fill it anew")
    return placed


def _relabelled(
    sources: list[str], scans: list[Scan], labels: Labels
) -> tuple[list[str], list[Scan]]:
    """The scans under the labels of the task, without those whose label is mapped to null."""
    known = {scan.label for scan in scans}
    for label in labels:
        if label not in known:
            hint = did_you_mean(label, known)
            raise InputError(f"classification.labels: no scan has the label {label!r}{hint}")
    named = [_named(scan, labels) for scan in scans]
    kept = [(source, scan) for source, scan in zip(sources, named, strict=True) if scan]
    if not kept:
        raise InputError("classification.labels leaves no scan: every label is mapped to null")
    return [source for source, _ in kept], [scan for _, scan in kept]


def _named(scan: Scan, labels: Labels) -> Scan | None:
    """`scan` under the label of the task; None if its label is mapped to null."""
    label, facts = labels.get(scan.label, scan.label), dict(scan.facts)
    if label is None:
        return None
    if source_label := facts.get("source_label"):
        facts["source_label"] = labels.get(source_label, source_label) or source_label
    return replace(scan, label=label, facts=facts)


def _metrics(task: Task, frame: pd.DataFrame, found: pd.DataFrame) -> Metrics:
    labels = frame["label"][frame["label"] != ""].value_counts().sort_index()
    patients = frame["patient"][frame["patient"] != ""].nunique()
    counts: Metrics = {
        "scans": len(frame),
        "excluded": found["path"][found["excluded"]].nunique(),
        "patients": int(patients),
        "classes": len(labels),
    }
    counts |= {f"label_{label}": int(count) for label, count in labels.items()}
    if task == "segmentation":
        counts["tumour_masks"] = int((frame["mask_pixels"] > 0).sum())
    return counts | {f"finding_{kind}": int((found["kind"] == kind).sum()) for kind in rules(task)}
