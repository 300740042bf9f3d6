"""The stage `download`: folders of scans, and a manifest of them."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pandas as pd

from scanvote.class_roles import negative_class, positive_class
from scanvote.core.errors import InputError, did_you_mean
from scanvote.core.files import atomic_replace_folder, write_csv
from scanvote.core.parallel import Files, parallel_map
from scanvote.datasets import registry
from scanvote.datasets.base import METADATA_FIELDS, DataSet, Scan
from scanvote.datasets.scan_list import IGNORED, read_findings
from scanvote.manifest import COLUMNS, INTEGRITY, MANIFEST, Metrics, scan_ids, write_manifest
from scanvote.params import Params, Task
from scanvote.pipeline.download.file_check import FileCheck, check_file
from scanvote.pipeline.download.integrity import (
    Issue,
    blocking_issue,
    check_usable,
    issues,
    rules,
)

Labels = dict[str, str | None]


def download(task: Task, params: Params, out: Path) -> Metrics:
    """Fetch and check the data sets of `task`, and list their scans.

    A set is generated, copied, or unpacked from a mirror or the public source, into a
    folder of its own name in `out`. That is this machine's work, whatever `compute.scheduler`: it
    turns an archive into many files. Then every file is decoded once, by all workers.
    ``manifest.csv`` lists the usable scans; ``integrity.csv`` gives the reason for each excluded
    scan, and lists mere oddities. `out` is replaced when all is done.

    Returns:
        Counts: scans, excluded, ignored files, patients, classes, ``label_<label>`` or
        tumour_masks, and ``finding_<kind>`` of every kind of `integrity.rules`.

    Raises:
        InputError: a set cannot be obtained, no scan of it or of a class is usable, there is
            nothing to learn, or nobody says which of two classes must not be missed.
    """
    section = getattr(params, task)
    sets = registry.find_all(section.dataset, task)
    with atomic_replace_folder(out) as folder:
        folder.mkdir()
        sources, scans = _fetch(sets, task, params, folder)
        if task == "classification":
            sources, scans = relabel(sources, scans, section.labels)
        checks = parallel_map(
            partial(check_file, folder), scans, "Check", files=partial(_files, folder)
        )
        check_usable(task, scans, checks)
        if task == "classification":
            check_roles(classes_of(scans, checks), params)
        report = issues(task, sources, scans, checks, _found(sets, folder))
        write_csv(report, folder / INTEGRITY)
        frame = manifest(task, sources, scans, checks)
        write_manifest(frame, folder / MANIFEST)
        ignored = sum(len(pd.read_csv(path)) for path in sorted(folder.glob(f"*/{IGNORED}")))
    return _metrics(task, frame, report) | {"ignored": ignored}


def classes_of(scans: Iterable[Scan], checks: Iterable[FileCheck]) -> set[str]:
    """Return the classes of the usable scans of classification."""
    pairs = zip(scans, checks, strict=True)
    return {scan.label for scan, one in pairs if not blocking_issue("classification", scan, one)}


def check_roles(labels: Collection[str], params: Params) -> None:
    """Refuse classes whose roles `evaluate` would refuse, hours before it does.

    Raises:
        InputError: nobody says which of two classes must not be missed, or a class of
            ``evaluate`` is none of the data.
    """
    positive_class(labels, params.evaluate.positive)
    negative_class(sorted(labels), params.evaluate.negative)


def manifest(
    task: Task, sources: list[str], scans: list[Scan], checks: list[FileCheck]
) -> pd.DataFrame:
    """Return the manifest of usable scans, ordered by data set."""
    # a name must not depend on which other scans happen to be readable
    ids = scan_ids([scan.path for scan in scans])
    rows = [
        {"scan_id": scan_id, "task": task, "source": source}
        | asdict(scan)
        | dict(scan.facts)
        | asdict(check)
        for scan_id, source, scan, check in zip(ids, sources, scans, checks, strict=True)
        if blocking_issue(task, scan, check) is None
    ]
    known = [fact for fact in METADATA_FIELDS if any(fact in scan.facts for scan in scans)]
    return pd.DataFrame(rows, columns=[*COLUMNS, *known]).fillna(dict.fromkeys(known, ""))


def _fetch(
    sets: list[DataSet], task: Task, params: Params, folder: Path
) -> tuple[list[str], list[Scan]]:
    """Fetch all sets; return their scans and the set of each."""
    sources, scans = [], []
    for dataset in sets:
        dataset.fetch(folder / dataset.name, task, params)
        new_scans = prefix_scans(dataset.name, dataset.scans(folder / dataset.name, task))
        sources += [dataset.name] * len(new_scans)
        scans += new_scans
    return sources, scans


def _files(folder: Path, scan: Scan) -> Files:
    return Files.to_read(folder / name for name in (scan.path, scan.mask_path) if name)


def _found(sets: Iterable[DataSet], folder: Path) -> list[Issue]:
    """Return the findings of the fetched sets, with the manifest's paths."""
    return [
        Issue(one.kind, f"{dataset.name}/{one.name}" if one.name else dataset.name, one.detail)
        for dataset in sets
        for one in read_findings(folder / dataset.name)
    ]


def prefix_scans(name: str, scans: Iterable[Scan]) -> list[Scan]:
    """Prefix paths, patients and series with the set's name.

    Two sets may use one name for different patients.
    """

    def prefixed(key: str) -> str:
        return f"{name}/{key}" if key else ""

    prefixed_scans = [
        replace(
            scan,
            path=prefixed(scan.path),
            mask_path=prefixed(scan.mask_path),
            patient=prefixed(scan.patient),
            series=prefixed(scan.series),
            case=prefixed(scan.case),
        )
        for scan in scans
    ]
    if not prefixed_scans:
        raise InputError(f"{name} holds no scans; fetch or fill it anew")
    return prefixed_scans


def relabel(sources: list[str], scans: list[Scan], labels: Labels) -> tuple[list[str], list[Scan]]:
    """Rename the labels of scans, and drop labels mapped to null."""
    known = {scan.label for scan in scans}
    for label in labels:
        if label not in known:
            hint = did_you_mean(label, known)
            raise InputError(f"classification.labels: no scan has the label {label!r}{hint}")
    renamed = [_relabel_scan(scan, labels) for scan in scans]
    kept = [(source, scan) for source, scan in zip(sources, renamed, strict=True) if scan]
    if not kept:
        raise InputError("classification.labels leaves no scan: every label is mapped to null")
    return [source for source, _ in kept], [scan for _, scan in kept]


def _relabel_scan(scan: Scan, labels: Labels) -> Scan | None:
    """Rename the label of a scan; None if mapped to null."""
    label, facts = labels.get(scan.label, scan.label), dict(scan.facts)
    if label is None:
        return None
    if source_label := facts.get("source_label"):
        facts["source_label"] = labels.get(source_label, source_label) or source_label
    return replace(scan, label=label, facts=facts)


def _metrics(task: Task, frame: pd.DataFrame, report: pd.DataFrame) -> Metrics:
    labels = frame["label"][frame["label"] != ""].value_counts().sort_index()
    patients = frame["patient"][frame["patient"] != ""].nunique()
    counts: Metrics = {
        "scans": len(frame),
        "excluded": report["path"][report["excluded"]].nunique(),
        "patients": int(patients),
        "classes": len(labels),
    }
    counts |= {f"label_{label}": int(count) for label, count in labels.items()}
    if task == "segmentation":
        counts["tumour_masks"] = int((frame["mask_pixels"] > 0).sum())
    return counts | {f"finding_{kind}": int((report["kind"] == kind).sum()) for kind in rules(task)}
