"""What a data card is made of: the facts of the data sets, and what the stages left."""

from collections.abc import Mapping
from dataclasses import dataclass
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
class Known:
    """All that a card is made of.

    Attributes:
        task: whose scans these are.
        sets: facts of the data sets that the scans come from.
        labels: of the sets that were renamed (to nothing: left out).
        scans, found: the manifest and the integrity report of `download`; the patients are those
            of `judged`, where a person may have told more of them.
        digest: SHA-256 of that manifest, which names this version of the data.
        judged, split: the manifests of `deduplicate` and `prepare`; None where the stage has
            not run on these very scans.
        copies: ``duplicates.csv`` of `deduplicate`, without rows where it has not run.
        metrics: all figures of a stage that has, by its name.
    """

    task: Task
    sets: list[DataSet]
    labels: Mapping[str, str | None]
    scans: pd.DataFrame
    found: pd.DataFrame
    digest: str
    judged: pd.DataFrame | None
    split: pd.DataFrame | None
    copies: pd.DataFrame
    metrics: Mapping[str, Mapping[str, float | None]]

    @property
    def patients(self) -> KnownPatients | None:
        """What is known of the patients of the split; None where there is none."""
        return None if self.split is None else KnownPatients.of(self.split)


def read_known(task: Task, params: Params, root: Path) -> Known:
    """Collect what the stages left below `root`.

    Raises:
        InputError: `download` has not run, or on other data sets.
    """
    raw = root / "data" / "raw" / task
    if not (raw / MANIFEST).is_file() or not (raw / INTEGRITY).is_file():
        raise InputError(f"{raw} has no {MANIFEST} yet; run dvc repro download@{task}")
    scans = read_manifest(raw / MANIFEST)
    judged = _of_these(scans, root / "data" / "deduplicated" / task / MANIFEST, whole=True)
    split = _of_these(scans, root / "data" / "prepared" / task / MANIFEST, whole=False)
    ran = {"deduplicate": judged is not None, "prepare": split is not None}
    section = getattr(params, task)
    return Known(
        task=task,
        sets=_sets(task, section.dataset, scans),
        labels=getattr(section, "labels", {}),
        scans=scans if judged is None else _with_patients(scans, judged),
        found=pd.read_csv(raw / INTEGRITY, keep_default_na=False, dtype={"path": str}),
        digest=sha256(raw / MANIFEST),
        judged=judged,
        split=split,
        copies=_copies(root / "data" / "deduplicated" / task / "duplicates.csv", judged),
        metrics={
            stage: read_metrics(root / "metrics" / stage / f"{task}.csv") if has else {}
            for stage, has in ran.items()
        },
    )


def _sets(task: Task, names: list[str], scans: pd.DataFrame) -> list[DataSet]:
    sets = registry.find_all(names, task)
    held, wanted = set(scans["source"]), {one.name for one in sets}
    if held - wanted:
        raise InputError(
            f"data/raw/{task} holds {', '.join(sorted(held))}, params.yaml names"
            f" {', '.join(sorted(wanted))}; run dvc repro download@{task}"
        )
    return sets


def _of_these(scans: pd.DataFrame, path: Path, whole: bool) -> pd.DataFrame | None:
    """The manifest in `path` if its rows are those of `scans`, all of them or only some."""
    try:
        later = read_manifest(path)
    except InputError:  # not there, or of an older scanvote
        return None
    here, there = (set(zip(one["scan_id"], one["sha256"], strict=True)) for one in (scans, later))
    return later if (there == here if whole else there <= here) else None


def _copies(path: Path, judged: pd.DataFrame | None) -> pd.DataFrame:
    if judged is None or not path.is_file():
        return pd.DataFrame()
    return pd.read_csv(path, keep_default_na=False)


def _with_patients(scans: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    patients = judged.set_index("scan_id")["patient"]
    return scans.assign(patient=scans["scan_id"].map(patients))
