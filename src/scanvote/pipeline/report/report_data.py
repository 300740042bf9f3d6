"""The input of a report: the files of all stages."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from scanvote.core.files import sha256
from scanvote.core.metrics_file import read_metrics
from scanvote.manifest import MANIFEST
from scanvote.metrics.performance import NAME as PERFORMANCE
from scanvote.metrics.performance import (
    ClassificationPerformance,
    Performance,
    SegmentationPerformance,
    read_performance,
)
from scanvote.params import Params, Task, load_values, validate
from scanvote.pipeline.report.data_card.task_data import TaskData, read_task_data

Metrics = Mapping[str, float | None]
"""Flat metrics of a stage; None if undefined, as for absent classes."""

_TABLES = (
    "data/deduplicated/*/duplicates.csv",
    "models/search/*/trials.csv",
    "models/unet/trials.csv",
    "models/ensemble/members.csv",
    "models/ensemble/rules.csv",
    "metrics/inflation/*/table.csv",
    "metrics/inflation/*/shortcuts.csv",
    "metrics/evaluate/*/*.csv",
    "metrics/explain/*/mass.csv",
)
_RECORDS = ("models/unet/postprocess.json", "models/ensemble/vote.json", "models/package/*.json")
_PICTURES = (
    "data/deduplicated/*/montage.png",
    "data/prepared/*/crop.png",
    "models/search/*/*.png",
    "models/unet/*.png",
    "metrics/*/*/*.png",
)
_MANIFESTS = ("data/raw", "data/deduplicated", "data/prepared")


@dataclass(frozen=True)
class ReportData:
    """The content of a report; files not yet written are left out.

    Attributes:
        params: the whole of params.yaml.
        settings: params.yaml as it is written, for the table of all settings.
        tasks: the data of each task of the study, by its name.
        performances: how good the model of a task is, by its name.
        metrics: all metrics of a stage, by ``<stage>/<task or family>``.
        tables, records, pictures: CSV tables, JSON files and the bytes of PNG files, by their
            path relative to the root, in POSIX style.
        digests: SHA-256 of the manifests, by path.
    """

    params: Params
    settings: Mapping[str, Any]
    tasks: Mapping[Task, TaskData]
    performances: Mapping[Task, Performance]
    metrics: Mapping[str, Metrics]
    tables: Mapping[str, pd.DataFrame]
    records: Mapping[str, Mapping[str, Any]]
    pictures: Mapping[str, bytes]
    digests: Mapping[str, str]

    def studies(self, task: Task) -> bool:
        """Return True if the task is part of the study."""
        return task in self.params.tasks

    @property
    def vote(self) -> ClassificationPerformance | None:
        """Return how good the vote is; None if it was not evaluated."""
        found = self.performances.get("classification")
        return found if isinstance(found, ClassificationPerformance) else None

    @property
    def masks(self) -> SegmentationPerformance | None:
        """Return how good the masks are; None if they were not evaluated."""
        found = self.performances.get("segmentation")
        return found if isinstance(found, SegmentationPerformance) else None

    def metrics_of(self, stage: str, item: str) -> Metrics:
        """Return the metrics of a stage for an item; empty if missing.

        Args:
            stage: name of the stage.
            item: the task or family.
        """
        return self.metrics.get(f"{stage}/{item}", {})

    def table(self, path: str) -> pd.DataFrame:
        """Return the table at `path`; one without rows if it is missing."""
        return self.tables.get(path, pd.DataFrame())


def read_report_data(root: Path) -> ReportData:
    """Read the files of the stages below the root of the repository.

    Raises:
        InputError: params.yaml is missing or wrong, or names other data sets than the scans are of.
    """
    settings = load_values(root / "params.yaml")
    params = validate(settings, "params.yaml")
    raw = {task: root / "data" / "raw" / task / MANIFEST for task in params.tasks}
    evaluated = {task: root / "metrics" / "evaluate" / task for task in params.tasks}
    return ReportData(
        params=params,
        settings=settings,
        tasks={task: read_task_data(task, params, root) for task in raw if raw[task].is_file()},
        performances={
            task: read_performance(task, folder)
            for task, folder in evaluated.items()
            if (folder / PERFORMANCE).is_file()
        },
        metrics={
            path.relative_to(root / "metrics").with_suffix("").as_posix(): read_metrics(path)
            for path in sorted((root / "metrics").glob("*/*.csv"))
        },
        tables={name: _csv(path) for name, path in _glob(root, _TABLES)},
        records={name: _json(path) for name, path in _glob(root, _RECORDS)},
        pictures={name: path.read_bytes() for name, path in _glob(root, _PICTURES)},
        digests={
            name: sha256(path)
            for name, path in _glob(root, [f"{one}/*/{MANIFEST}" for one in _MANIFESTS])
        },
    )


def _glob(root: Path, patterns: Iterable[str]) -> list[tuple[str, Path]]:
    paths = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    return [(path.relative_to(root).as_posix(), path) for path in paths]


def _json(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_text(encoding="utf-8"))
    return values if isinstance(values, dict) else {}


def _csv(path: Path) -> pd.DataFrame:
    """Read a table; empty cells become NaN if numeric, else empty strings."""
    try:  # keep_default_na=False, because a class may be called NA
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    texts = table.select_dtypes(exclude=["number", "bool"]).columns
    return table.fillna(dict.fromkeys(texts, ""))
