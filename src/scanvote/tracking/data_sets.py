"""MLflow data sets, with names from params.yaml and digests from DVC."""

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any


def data_sets(
    entities: Any, values: Mapping[str, object], inputs: Iterable[str], known: Mapping[str, str]
) -> list[Any]:
    """Return a stage's data sets, with the task as their context.

    Args:
        entities: the module with the classes of the store's client, `Store.entities`.
        values: all of params.yaml, flat.
        inputs: inputs of the stage; the paths ``data/<step>/<task>`` among them give the tasks.
        known: DVC's md5 by path.

    Returns:
        One per task, with the digest of its downloaded data, ``data/raw/<task>``.
    """
    tasks = {PurePosixPath(path).name for path in inputs if path.startswith("data/")}
    raw = {task: f"data/raw/{task}" for task in sorted(tasks)}
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
        for task, path in raw.items()
        if path in known
    ]


def _name(dataset: object) -> str:
    """Join the names of several data sets."""
    return " + ".join(dataset) if isinstance(dataset, list) else str(dataset)
