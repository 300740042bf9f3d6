"""Arguments and results of `SqliteClient`, named as MLflow's entities."""

from typing import NamedTuple


class Param(NamedTuple):
    key: str
    value: str


class Metric(NamedTuple):
    """A metric as MLflow's: `timestamp` in milliseconds, `value` may be NaN."""

    key: str
    value: float
    timestamp: int
    step: int


class Dataset(NamedTuple):
    """A data set; `source` is JSON in the form of `source_type`."""

    name: str
    digest: str
    source_type: str
    source: str


class InputTag(NamedTuple):
    key: str
    value: str


class DatasetInput(NamedTuple):
    dataset: Dataset
    tags: list[InputTag]


class Experiment(NamedTuple):
    experiment_id: str
    lifecycle_stage: str
    tags: dict[str, str]


class RunInfo(NamedTuple):
    run_id: str
    run_name: str
    status: str


class RunData(NamedTuple):
    tags: dict[str, str]


class Run(NamedTuple):
    info: RunInfo
    data: RunData
