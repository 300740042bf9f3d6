"""What a report is made of: all that the stages left, read once."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from scanvote.core.files import sha256
from scanvote.core.metrics_file import read_metrics
from scanvote.manifest import MANIFEST
from scanvote.params import Params, Task, load_params, load_values
from scanvote.pipeline.report.data_card.known import Known, read_known

TASKS: tuple[Task, ...] = get_args(Task)

Metrics = Mapping[str, float | None]
"""Flat figures of a stage; None where one is undefined, as of a class that is absent."""

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
    """All that a report is made of; what a stage has not left is not there.

    Attributes:
        params: the whole of params.yaml.
        settings: the same as it is written, for the table of all settings.
        known: the data of a task, by its name.
        metrics: all figures of a stage, by ``<stage>/<task or family>``.
        tables, records, pictures: CSV tables, JSON files and the bytes of PNG files, by their
            path from the root, POSIX style.
        digests: SHA-256 of the manifests, by path.
    """

    params: Params
    settings: Mapping[str, Any]
    known: Mapping[Task, Known]
    metrics: Mapping[str, Metrics]
    tables: Mapping[str, pd.DataFrame]
    records: Mapping[str, Mapping[str, Any]]
    pictures: Mapping[str, bytes]
    digests: Mapping[str, str]

    def figures(self, stage: str, item: str) -> Metrics:
        """The metrics of `stage` for a task or a family; empty where there are none."""
        return self.metrics.get(f"{stage}/{item}", {})

    def table(self, path: str) -> pd.DataFrame:
        """The table at `path`; one without rows where there is none."""
        return self.tables.get(path, pd.DataFrame())


def read_report_data(root: Path) -> ReportData:
    """Read what the stages left below `root`, the root of the repository.

    Raises:
        InputError: params.yaml is missing or wrong, or the scans are of other data sets.
    """
    params = load_params(root / "params.yaml")
    raw = {task: root / "data" / "raw" / task / MANIFEST for task in TASKS}
    return ReportData(
        params=params,
        settings=load_values(root / "params.yaml"),
        known={task: read_known(task, params, root) for task in TASKS if raw[task].is_file()},
        metrics={
            path.relative_to(root / "metrics").with_suffix("").as_posix(): read_metrics(path)
            for path in sorted((root / "metrics").glob("*/*.csv"))
        },
        tables={name: _csv(path) for name, path in _found(root, _TABLES)},
        records={name: _json(path) for name, path in _found(root, _RECORDS)},
        pictures={name: path.read_bytes() for name, path in _found(root, _PICTURES)},
        digests={
            name: sha256(path)
            for name, path in _found(root, [f"{one}/*/{MANIFEST}" for one in _MANIFESTS])
        },
    )


def _found(root: Path, patterns: Iterable[str]) -> list[tuple[str, Path]]:
    paths = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    return [(path.relative_to(root).as_posix(), path) for path in paths]


def _json(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_text(encoding="utf-8"))
    return values if isinstance(values, dict) else {}


def _csv(path: Path) -> pd.DataFrame:
    """Empty cells of words stay empty, those of numbers are NaN; a class may be called NA."""
    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    words = table.select_dtypes(exclude=["number", "bool"]).columns
    return table.fillna(dict.fromkeys(words, ""))
