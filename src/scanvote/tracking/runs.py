"""MLflow runs of the pipeline: nested runs of execution, stages and trials.

Each stage is a separate process, so it finds its parent run by tags. Clients get the store
explicitly, and no run is MLflow's active run: a library that logs by itself cannot reach them.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from scanvote.core.flatten import flatten, select_sections
from scanvote.tracking import provenance
from scanvote.tracking.data_sets import data_sets
from scanvote.tracking.models import log_keras_model
from scanvote.tracking.store import KIND, Store, open_store, store_lock

if TYPE_CHECKING:
    from scanvote.tracking.registry import Registered

_PARENT = "mlflow.parentRunId"


class Trial:
    """The run of one trial.

    Call it, or `epoch`, after each epoch, and `result` at the end.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id

    def epoch(self, step: int, metrics: Mapping[str, object]) -> None:
        self._store.log_metrics(self._run_id, metrics, step)

    __call__ = epoch

    def result(self, metrics: Mapping[str, object]) -> None:
        self._store.log_metrics(self._run_id, metrics)


class StageRun:
    """The run of one stage, open while its block runs."""

    def __init__(self, store: Store, run_id: str, parent_id: str, name: str) -> None:
        self._store = store
        self._run_id = run_id
        self._parent_id = parent_id
        self._name = name

    def log_metrics(self, metrics: Mapping[str, object], step: int = 0) -> None:
        """Log the numbers in `metrics`, nested names joined with slashes.

        NaN is logged, because MLflow shows it; infinities and other values are left out.
        """
        self._store.log_metrics(self._run_id, metrics, step)

    def log_file(self, path: Path, into: str = "") -> None:
        self._store.client.log_artifact(self._run_id, str(path), into or None)

    def log_folder(self, folder: Path, patterns: Sequence[str] = ("*",), into: str = "") -> None:
        """Log the files below `folder` that match one of `patterns`."""
        matches = {path for pattern in patterns for path in folder.rglob(pattern)}
        for path in sorted(path for path in matches if path.is_file()):
            place = (Path(into) / path.parent.relative_to(folder)).as_posix()
            self.log_file(path, "" if place == "." else place)

    @contextmanager
    def trial(self, name: str, hyperparameters: Mapping[str, object]) -> Iterator[Trial]:
        """Open a run below the stage's for one trial of a search."""
        tags = {_PARENT: self._run_id, **provenance.dvc_tags()}
        with _run(self._store, "trial", name, tags, hyperparameters) as run_id:
            yield Trial(self._store, run_id)

    def log_model(self, path: Path, name: str) -> str:
        """Log the saved Keras model at `path` under `name`.

        Returns:
            Its URI for `mlflow.keras.load_model`.
        """
        return log_keras_model(self._store, self._run_id, path, name)

    def register(self, package: Path, name: str, seed: int) -> "Registered":
        """Register `package` as a version of the model `name`; see `register_package`."""
        from scanvote.tracking.registry import register_package  # slow to import

        return register_package(self._store, self._run_id, package, name, seed)

    def log_on_parent(self, metrics: Mapping[str, object], artifacts: Iterable[Path] = ()) -> None:
        """Log on the run of the whole execution, where experiments are compared.

        The artifacts go into a folder with the stage's name, because several stages may have a
        `confusion.png`.
        """
        self._store.log_metrics(self._parent_id, metrics)
        for path in artifacts:
            self._store.client.log_artifact(self._parent_id, str(path), self._name)


@contextmanager
def stage_run(
    stage: str,
    *,
    item: str | None = None,
    params: BaseModel,
    sections: Sequence[str] = (),
    inputs: Sequence[Path] = (),
    system_metrics: bool = False,
) -> Iterator[StageRun]:
    """Open a stage's run, below the run of this pipeline execution.

    Args:
        stage: name of the stage, unless DVC gives it in DVC_STAGE.
        item: the item of a stage that is a matrix, as in `search@cnn`.
        params: all of params.yaml, for the parent run.
        sections: the keys of `params` that the stage depends on, `cnn` or `prepare.augment`.
        inputs: paths whose md5 in DVC becomes a tag `dvc.md5.<path>`; their data sets become data
            sets of the stage's run and of the parent run.
        system_metrics: sample processor, memory and accelerator every two seconds.

    Raises:
        InputError: the store cannot be opened.
    """
    values = flatten(params.model_dump(mode="json"), ".")
    name = os.environ.get("DVC_STAGE") or (f"{stage}@{item}" if item else stage)
    store = open_store()
    own, known = select_sections(values, sections), provenance.known_digests(inputs)
    digests = provenance.input_digests(inputs, known)
    used = data_sets(store.entities, values, digests, known)
    with _execution(store, values) as parent_id:
        tags = {_PARENT: parent_id, **_source_tags(), "DVC_STAGE": name, **_digest_tags(digests)}
        with (
            _run(store, "stage", name, tags, own) as run_id,
            _sampling(store, run_id) if system_metrics else nullcontext(),
        ):
            for one in (parent_id, run_id):
                store.client.log_inputs(one, datasets=used)
            yield StageRun(store, run_id, parent_id, name)


@contextmanager
def _execution(store: Store, values: Mapping[str, object]) -> Iterator[str]:
    """Open the parent run, and set its status from its stages.

    It is RUNNING in the block.
    """
    owner, command = provenance.pipeline_process()
    with store_lock():
        parent_id = _find_parent(store, owner)
        if parent_id is None:
            _kill_dead_runs(store)
            parent_id = _create_parent(store, owner, command, values)
    store.client.update_run(parent_id, status="RUNNING")
    try:
        yield parent_id
    finally:
        # if the stage fails, an error of the store must not hide the stage's own error
        with suppress(Exception) if sys.exc_info()[0] else nullcontext():
            _update_status(store, parent_id)


def _find_parent(store: Store, owner: provenance.ProcessId) -> str | None:
    tags = {"scanvote.host": owner.host, "scanvote.pid": str(owner.pid), KIND: "execution"}
    experiment = os.environ.get("DVC_EXP_NAME")
    for run in store.search(**tags):
        same = owner.is_same(provenance.ProcessId.of_tags(run.data.tags))
        if same and run.data.tags.get("DVC_EXP_NAME") == experiment:
            return str(run.info.run_id)
    return None


def _create_parent(store: Store, owner: Any, command: str, values: Mapping[str, object]) -> str:
    tags = {
        **_source_tags(),
        **owner.tags(),
        "mlflow.source.name": "dvc.yaml",
        "scanvote.command": command,
    }
    tags.pop("DVC_STAGE", None)
    kind = "repro" if "DVC_STAGE" in os.environ else "by hand"
    default = f"{kind} {tags.get('mlflow.source.git.commit', '')[:7]}".strip()
    return store.create("execution", os.environ.get("DVC_EXP_NAME") or default, tags, values)


def _update_status(store: Store, parent_id: str) -> None:
    """Set the parent's status to the worst of its stages' last runs."""
    last = {run.info.run_name: run.info.status for run in store.search(**{_PARENT: parent_id})}
    for status in ("RUNNING", "FAILED", "KILLED", "FINISHED"):
        if status in last.values():
            break
    if status != "RUNNING":
        store.client.set_terminated(parent_id, status)


def _kill_dead_runs(store: Store) -> None:
    """Set RUNNING runs whose process is dead to KILLED.

    A kill -9 or a power cut leaves such runs.
    """
    host = provenance.this_process().host
    query = f"attributes.status = 'RUNNING' AND tags.`scanvote.host` = '{host}'"
    for run in store.client.search_runs([store.experiment], query):
        if not provenance.ProcessId.of_tags(run.data.tags).is_alive():
            store.client.set_terminated(run.info.run_id, "KILLED")


@contextmanager
def _run(
    store: Store, kind: str, name: str, tags: Mapping[str, str], params: Mapping[str, object]
) -> Iterator[str]:
    owner = provenance.this_process()
    run_id = store.create(kind, name, {**tags, **owner.tags()}, params)
    try:
        yield run_id
    except BaseException as error:
        with suppress(Exception):
            store.client.set_tag(run_id, "scanvote.error", _line(error))
            store.client.set_terminated(run_id, _status(error))
        raise
    store.client.set_terminated(run_id, "FINISHED")


def _status(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "KILLED"
    return "FINISHED" if isinstance(error, SystemExit) and not error.code else "FAILED"


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:1000]


@contextmanager
def _sampling(store: Store, run_id: str) -> Iterator[None]:
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor: Any = SystemMetricsMonitor(  # type: ignore[no-untyped-call]
        run_id, sampling_interval=2, samples_before_logging=1, tracking_uri=store.uri
    )
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()


def _source_tags() -> dict[str, str]:
    commit = provenance.git_commit()
    tags = {"mlflow.source.name": Path(sys.argv[0]).name, **provenance.dvc_tags()}
    if commit:
        tags["mlflow.source.git.commit"] = commit
        tags["scanvote.uncommitted"] = str(provenance.has_uncommitted_sources()).lower()
    return tags


def _digest_tags(digests: Mapping[str, str]) -> dict[str, str]:
    return {f"dvc.md5.{path}": md5 for path, md5 in digests.items()}
