"""The run of a whole execution of the pipeline, the parent of its stages' runs.

Each stage is a separate process, so it finds this run by the random id of the execution.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scanvote.tracking import provenance
from scanvote.tracking.journal import Journal, one_line_failures
from scanvote.tracking.process_id import (
    ProcessId,
    execution_id,
    pipeline_process,
    this_place,
)
from scanvote.tracking.store import KIND, Store, store_lock

PARENT = "mlflow.parentRunId"
_EXECUTION = "scanvote.execution"


@contextmanager
def open_execution(store: Store, journal: Journal, values: Mapping[str, object]) -> Iterator[str]:
    """Open the parent run, and set its status from its stages.

    It is RUNNING in the block.
    """
    process, command = pipeline_process()
    with one_line_failures(store.uri), store_lock():
        _kill_dead_runs(store)
        execution = execution_id(process)
        parent_id = _find(store, execution)
        if parent_id is None:
            tags = {**process.tags(), _EXECUTION: execution, "scanvote.command": command}
            parent_id = _create(store, tags, values)
        store.client.update_run(parent_id, status="RUNNING")
    try:
        yield parent_id
    finally:
        journal.add(lambda: _update_status(store, parent_id))


def _find(store: Store, execution: str) -> str | None:
    experiment = os.environ.get("DVC_EXP_NAME")
    for run in store.search(**{_EXECUTION: execution, KIND: "execution"}):
        if run.data.tags.get("DVC_EXP_NAME") == experiment:
            return str(run.info.run_id)
    return None


def _create(store: Store, tags: Mapping[str, str], values: Mapping[str, object]) -> str:
    tags = {**source_tags(), **tags, "mlflow.source.name": "dvc.yaml"}
    tags.pop("DVC_STAGE", None)
    kind = "repro" if "DVC_STAGE" in os.environ else "by hand"
    default = f"{kind} {tags.get('mlflow.source.git.commit', '')[:7]}".strip()
    return store.create("execution", os.environ.get("DVC_EXP_NAME") or default, tags, values)


def _update_status(store: Store, parent_id: str) -> None:
    """Set the parent's status to the worst of its stages' last runs."""
    last = {run.info.run_name: run.info.status for run in store.search(**{PARENT: parent_id})}
    for status in ("RUNNING", "FAILED", "KILLED", "FINISHED"):
        if status in last.values():
            break
    if status != "RUNNING":
        store.client.set_terminated(parent_id, status)


def _kill_dead_runs(store: Store) -> None:
    """Set RUNNING runs whose process is dead to KILLED.

    A kill -9 leaves such runs, and a stage that ended while the store was away. Of processes of
    another boot, container or machine nothing is known.
    """
    query = f"attributes.status = 'RUNNING' AND tags.`scanvote.place` = '{this_place()}'"
    for run in store.client.search_runs([store.experiment], query):
        if not ProcessId.of_tags(run.data.tags).is_alive():
            store.client.set_terminated(run.info.run_id, "KILLED")


def source_tags() -> dict[str, str]:
    commit = provenance.git_commit()
    tags = {"mlflow.source.name": Path(sys.argv[0]).name, **provenance.dvc_tags()}
    if commit:
        tags["mlflow.source.git.commit"] = commit
        tags["scanvote.uncommitted"] = str(provenance.has_uncommitted_sources()).lower()
    return tags
