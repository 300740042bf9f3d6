"""The data sets of a run, named as params.yaml names them, with the digests that DVC has."""

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any


def data_sets(
    entities: Any, values: Mapping[str, object], inputs: Iterable[str], known: Mapping[str, str]
) -> list[Any]:
    """The data sets that a stage works on, for MLflow, with the task as their context.

    Args:
        entities: where the store's client has its classes, as `Store.entities` tells.
        values: all of params.yaml, flat.
        inputs: of the stage; those that lie in ``data/<step>/<task>`` tell the tasks.
        known: the md5 that DVC has, by path.

    Returns:
        One a task, whose digest is that of all that was brought, ``data/raw/<task>``.
    """
    tasks = {PurePosixPath(path).name for path in inputs if path.startswith("data/")}
    brought = {task: f"data/raw/{task}" for task in sorted(tasks)}
    return [
        entities.DatasetInput(
            entities.Dataset(
                name=_name(values[f"{task}.dataset"]),
                digest=known[path],
                source_type="local",
                source=json.dumps({"uri": path}),
            ),
            tags=[entities.InputTag("mlflow.data.context", task)],
        )
        for task, path in brought.items()
        if path in known
    ]


def _name(dataset: object) -> str:
    """Of several that were joined, all."""
    return " + ".join(dataset) if isinstance(dataset, list) else str(dataset)
