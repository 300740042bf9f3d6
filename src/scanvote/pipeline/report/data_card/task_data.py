"""The input of a data card: the data of one task."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.core.files import sha256
from scanvote.core.metrics_file import read_metrics
from scanvote.datasets import registry
from scanvote.datasets.base import DataSet
from scanvote.manifest import INTEGRITY, MANIFEST, read_manifest
from scanvote.params import Params, Task
from scanvote.splits.known_patients import KnownPatients


@dataclass(frozen=True)
class TaskData:
    """The data of one task: its data sets, manifests and metrics.

    Attributes:
        task: the task that the scans belong to.
        sets: descriptions of the data sets that the scans come from.
        labels: renamed classes, old name to new name; None if the class was left out.
        scans: the manifest of `download`. The patients are those of `deduplicated`, if it exists,
            because a table of patients may have added some there.
        findings: the integrity report of `download`, one row a finding.
        digest: SHA-256 of the manifest of `download`, which identifies this version of the data.
        deduplicated, split: the manifests of `deduplicate` and `prepare`; None if the stage has
            not run on exactly these scans.
        copies: ``duplicates.csv`` of `deduplicate`; without rows if the stage has not run.
        metrics: all metrics of `deduplicate` and `prepare`, by the name of the stage; empty if the
            stage has not run.
    """

    task: Task
    sets: list[DataSet]
    labels: Mapping[str, str | None]
    scans: pd.DataFrame
    findings: pd.DataFrame
    digest: str
    deduplicated: pd.DataFrame | None
    split: pd.DataFrame | None
    copies: pd.DataFrame
    metrics: Mapping[str, Mapping[str, float | None]]

    @cached_property
    def patients(self) -> KnownPatients | None:
        """Return the known patients of the split; None without one."""
        return None if self.split is None else KnownPatients.of(self.split)


def read_task_data(task: Task, params: Params, root: Path) -> TaskData:
    """Read the files of the stages below the root of the repository.

    Raises:
        InputError: `download` has not run, or has run on other data sets.
    """
    raw = root / "data" / "raw" / task
    if not (raw / MANIFEST).is_file() or not (raw / INTEGRITY).is_file():
        raise InputError(f"{raw} has no {MANIFEST} yet; run dvc repro download@{task}")
    scans = read_manifest(raw / MANIFEST)
    deduplicated = _read_if_same_scans(
        scans, root / "data" / "deduplicated" / task / MANIFEST, whole=True
    )
    split = _read_if_same_scans(scans, root / "data" / "prepared" / task / MANIFEST, whole=False)
    has_run = {"deduplicate": deduplicated is not None, "prepare": split is not None}
    section = getattr(params, task)
    return TaskData(
        task=task,
        sets=_data_sets(task, section.dataset, scans),
        labels=getattr(section, "labels", {}),
        scans=scans if deduplicated is None else _with_patients(scans, deduplicated),
        findings=pd.read_csv(raw / INTEGRITY, keep_default_na=False, dtype={"path": str}),
        digest=sha256(raw / MANIFEST),
        deduplicated=deduplicated,
        split=split,
        copies=_copies(root / "data" / "deduplicated" / task / "duplicates.csv", deduplicated),
        metrics={
            stage: read_metrics(root / "metrics" / stage / f"{task}.csv") if run else {}
            for stage, run in has_run.items()
        },
    )


def _data_sets(task: Task, names: list[str], scans: pd.DataFrame) -> list[DataSet]:
    sets = registry.find_all(names, task)
    present, configured = set(scans["source"]), {one.name for one in sets}
    if present - configured:
        raise InputError(
            f"data/raw/{task} holds {', '.join(sorted(present))}, params.yaml names"
            f" {', '.join(sorted(configured))}; run dvc repro download@{task}"
        )
    return sets


def _read_if_same_scans(scans: pd.DataFrame, path: Path, whole: bool) -> pd.DataFrame | None:
    """Read a later manifest; None if it is of other scans.

    Its rows must be all of `scans` if `whole`, else some of them.
    """
    try:
        later = read_manifest(path)
    except InputError:  # missing, or written by an older scanvote
        return None
    here, there = (set(zip(one["scan_id"], one["sha256"], strict=True)) for one in (scans, later))
    return later if (there == here if whole else there <= here) else None


def _copies(path: Path, deduplicated: pd.DataFrame | None) -> pd.DataFrame:
    if deduplicated is None or not path.is_file():
        return pd.DataFrame()
    return pd.read_csv(path, keep_default_na=False)


def _with_patients(scans: pd.DataFrame, deduplicated: pd.DataFrame) -> pd.DataFrame:
    patients = deduplicated.set_index("scan_id")["patient"]
    return scans.assign(patient=scans["scan_id"].map(patients))
