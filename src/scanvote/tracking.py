"""The runs of the pipeline in MLflow; the only file that imports it.

One run an execution of the pipeline, below it one a stage, below that one a trial:

    with stage_run("search", item="cnn", params=params, sections=("lr", "cnn")) as run:
        with run.trial("conv2-filters64", {"convolutions": 2}) as trial:
            trial.epoch(0, {"loss": 0.3})
            trial.result({"val_accuracy": 0.7})
        run.log_metrics({"best_accuracy": 0.7})

Each stage is a process of its own, so parents are found again by tags. Clients are
given the store explicitly and MLflow's active run is left alone: a library below that
logs by itself cannot reach these runs.
"""

import json
import logging
import os
import posixpath
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from scanvote import provenance
from scanvote.errors import InputError
from scanvote.files import repository_root
from scanvote.flat import chosen, flat, numbers, read_metrics

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["StageRun", "Trial", "read_metrics", "stage_run", "tracking_uri", "ui_command"]

EXPERIMENT = "scanvote"
_URI = "MLFLOW_TRACKING_URI"
_PARENT = "mlflow.parentRunId"
_KIND = "scanvote.kind"
_PARAM_LENGTH = 500  # what the oldest servers in use accept
_PARAMS_A_BATCH = 100
_METRICS_A_BATCH = 1000


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI where set, else the database in the main repository.

    A relative sqlite path counts from the main repository: from the working directory
    a queued experiment would write into its copy, which DVC deletes.
    """
    root = repository_root()
    uri = os.environ.get(_URI) or "sqlite:///mlflow.db"
    prefix, relative, path = uri.partition("sqlite:///")
    return f"sqlite:///{root / path}" if relative and not prefix else uri


def artifact_root() -> str:
    return (repository_root() / "mlartifacts").as_uri()


def ui_command(port: int = 5000) -> list[str]:
    """The command that serves MLflow's pages on this repository's runs, to this machine only.

    Raises:
        InputError: MLFLOW_TRACKING_URI is a server, which has pages of its own.
    """
    uri = tracking_uri()
    if _is_server(uri):
        raise InputError(f"{_URI} is a server with pages of its own: open {_masked(uri)}")
    _open_store()
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
    command += ["--default-artifact-root", artifact_root()]
    return [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]


@dataclass(frozen=True)
class _Store:
    client: "MlflowClient"
    experiment: str
    uri: str

    def create(self, kind: str, name: str, tags: Mapping[str, str], params: Any) -> str:
        known = {_KIND: kind, "mlflow.user": _user(), "mlflow.source.type": "LOCAL"}
        named = {_key(key): value for key, value in {**known, **tags}.items()}
        run = self.client.create_run(self.experiment, tags=named, run_name=name)
        run_id: str = run.info.run_id
        self.log_params(run_id, params)
        return run_id

    def log_params(self, run_id: str, values: Mapping[str, object]) -> None:
        from mlflow.entities import Param

        params = [Param(_key(key), _text(value)) for key, value in values.items()]
        for chunk in _chunks(params, _PARAMS_A_BATCH):
            self.client.log_batch(run_id, params=chunk)

    def log_metrics(self, run_id: str, values: Mapping[str, object], step: int = 0) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(_key(key), value, now, step) for key, value in numbers(values).items()]
        for chunk in _chunks(metrics, _METRICS_A_BATCH):
            self.client.log_batch(run_id, metrics=chunk)

    def search(self, order: str = "attributes.start_time ASC", **tags: str) -> list[Any]:
        filters = [f"tags.`{key}` = '{value}'" for key, value in tags.items()]
        page = self.client.search_runs([self.experiment], " AND ".join(filters), order_by=[order])
        return list(page)


class Trial:
    """The run of one trial: call it, or `epoch`, after each epoch, and `result` at the end."""

    def __init__(self, store: _Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id

    def epoch(self, step: int, metrics: Mapping[str, object]) -> None:
        self._store.log_metrics(self._run_id, metrics, step)

    __call__ = epoch

    def result(self, metrics: Mapping[str, object]) -> None:
        self._store.log_metrics(self._run_id, metrics)


class StageRun:
    """The run of one stage, open while its block runs."""

    def __init__(self, store: _Store, run_id: str, parent_id: str, name: str) -> None:
        self._store = store
        self._run_id = run_id
        self._parent_id = parent_id
        self._name = name

    def log_metrics(self, metrics: Mapping[str, object], step: int = 0) -> None:
        """Log what is a number in `metrics`; nested mappings are joined with slashes.

        NaN is kept, MLflow shows it; infinities and what is no number are left out.
        """
        self._store.log_metrics(self._run_id, metrics, step)

    def log_file(self, path: Path, into: str = "") -> None:
        self._store.client.log_artifact(self._run_id, str(path), into or None)

    def log_folder(self, folder: Path, patterns: Sequence[str] = ("*",), into: str = "") -> None:
        """Log the files at any depth of `folder` that fit one of `patterns`."""
        fitting = {path for pattern in patterns for path in folder.rglob(pattern)}
        for path in sorted(path for path in fitting if path.is_file()):
            place = (Path(into) / path.parent.relative_to(folder)).as_posix()
            self.log_file(path, "" if place == "." else place)

    @contextmanager
    def trial(self, name: str, hyperparameters: Mapping[str, object]) -> Iterator[Trial]:
        """A run below the stage's, for one trial of a search."""
        tags = {_PARENT: self._run_id, **provenance.dvc_tags()}
        with _run(self._store, "trial", name, tags, hyperparameters) as run_id:
            yield Trial(self._store, run_id)

    def log_model(self, path: Path, name: str) -> str:
        """Log the saved Keras model at `path` under `name`.

        Returns:
            The URI by which `mlflow.keras.load_model` finds it.
        """
        import keras
        import mlflow.keras
        from mlflow.models import Model

        model = keras.saving.load_model(path, compile=False)
        with _as_default(self._store):
            info = Model.log(
                artifact_path=None,
                name=name,
                flavor=mlflow.keras,
                run_id=self._run_id,
                model=model,
                signature=_signature(model),
                pip_requirements=_requirements(),
            )
        return str(info.model_uri)

    def log_on_parent(self, metrics: Mapping[str, object], artifacts: Iterable[Path] = ()) -> None:
        """Log on the run of the whole execution, where experiments are compared.

        The artifacts go below the stage's name: every stage may have a `confusion.png`.
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
    """Record a stage: a run below the one of this execution of the pipeline.

    Args:
        stage: name of the stage; DVC's own, DVC_STAGE, goes first.
        item: what the stage works on where it is a matrix: `search@cnn`.
        params: all of params.yaml, for the parent.
        sections: the keys of `params` that the stage depends on, `cnn` or `prepare.augment`.
        inputs: paths whose md5, as DVC has it, becomes a tag `dvc.md5.<path>`.
        system_metrics: sample processor, memory and accelerator every two seconds.

    Raises:
        InputError: the store cannot be opened.
    """
    values = flat(params.model_dump(mode="json"), ".")
    name = os.environ.get("DVC_STAGE") or (f"{stage}@{item}" if item else stage)
    store = _open_store()
    own, digests = chosen(values, sections), _digest_tags(inputs)
    with _execution(store, values) as parent_id:
        tags = {_PARENT: parent_id, **_source_tags(), "DVC_STAGE": name, **digests}
        with (
            _run(store, "stage", name, tags, own) as run_id,
            _sampling(store, run_id) if system_metrics else nullcontext(),
        ):
            yield StageRun(store, run_id, parent_id, name)


def _quieten() -> None:
    """No telemetry, no chatter; must come before the first import of mlflow."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    for name in ("mlflow", "alembic", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _open_store() -> _Store:
    _quieten()
    from mlflow import MlflowClient

    uri = tracking_uri()
    try:
        with _lock(), _impatient():
            client = MlflowClient(uri)
            return _Store(client, _experiment(client, uri), uri)
    except Exception as error:
        # whatever a driver or a server throws, the user can act on one thing only: the URI
        chosen = f"{_URI}={_masked(uri)}" if os.environ.get(_URI) else uri
        reason = _masked(_root_cause(error))
        raise InputError(f"{chosen}: the MLflow store cannot be opened: {reason}") from error


def _root_cause(error: BaseException) -> str:
    while inner := error.__cause__ or error.__context__:
        error = inner
    return " ".join(str(error).split())[:300] or type(error).__name__


def _masked(uri: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", uri)


def _experiment(client: "MlflowClient", uri: str) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        return str(client.create_experiment(EXPERIMENT, _artifacts_of(uri)))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _artifacts_of(uri: str) -> str | None:
    return None if _is_server(uri) else artifact_root()


def _is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://", "databricks", "uc:"))


def _lock() -> AbstractContextManager[Any]:
    # around whatever is looked up and made where missing: database, experiment, parent
    from filelock import FileLock

    path = repository_root() / ".cache" / "mlflow.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path, timeout=120)


@contextmanager
def _impatient() -> Iterator[None]:
    """Give up on a server within seconds; later, in a training, MLflow's minutes are right."""
    limits = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
    added = {name: value for name, value in limits.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _as_default(store: _Store) -> Iterator[None]:
    """Make the store MLflow's own: models can be logged in no other way."""
    import mlflow

    before = os.environ.get(_URI)
    mlflow.set_tracking_uri(store.uri)
    mlflow.set_experiment(experiment_id=store.experiment)
    try:
        yield
    finally:
        # both setters write environment variables, which would outlive this block
        os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type]


@contextmanager
def _execution(store: _Store, values: Mapping[str, object]) -> Iterator[str]:
    """The parent run, RUNNING in the block, afterwards as its stages ended."""
    owner, command = provenance.execution()
    with _lock():
        parent_id = _found(store, owner)
        if parent_id is None:
            _bury_the_dead(store)
            parent_id = _new_parent(store, owner, command, values)
    store.client.update_run(parent_id, status="RUNNING")
    try:
        yield parent_id
    finally:
        # in a failing stage an error of the store must not hide the stage's own
        with suppress(Exception) if sys.exc_info()[0] else nullcontext():
            _settle(store, parent_id)


def _found(store: _Store, owner: provenance.Owner) -> str | None:
    tags = {"scanvote.host": owner.host, "scanvote.pid": str(owner.pid), _KIND: "execution"}
    experiment = os.environ.get("DVC_EXP_NAME")
    for run in store.search(**tags):
        same = owner.is_same(provenance.Owner.of_tags(run.data.tags))
        if same and run.data.tags.get("DVC_EXP_NAME") == experiment:
            return str(run.info.run_id)
    return None


def _new_parent(store: _Store, owner: Any, command: str, values: Mapping[str, object]) -> str:
    tags = {**_source_tags(), **owner.tags(), "mlflow.source.name": command}
    tags.pop("DVC_STAGE", None)
    kind = "repro" if "DVC_STAGE" in os.environ else "by hand"
    plain = f"{kind} {tags.get('mlflow.source.git.commit', '')[:7]}".strip()
    return store.create("execution", os.environ.get("DVC_EXP_NAME") or plain, tags, values)


def _settle(store: _Store, parent_id: str) -> None:
    """The worst end among the stages; a stage run again counts by its last run."""
    last = {run.info.run_name: run.info.status for run in store.search(**{_PARENT: parent_id})}
    for status in ("RUNNING", "FAILED", "KILLED", "FINISHED"):
        if status in last.values():
            break
    if status != "RUNNING":
        store.client.set_terminated(parent_id, status)


def _bury_the_dead(store: _Store) -> None:
    """KILLED for runs that a kill -9 or a power cut left RUNNING."""
    host = provenance.this_process().host
    query = f"attributes.status = 'RUNNING' AND tags.`scanvote.host` = '{host}'"
    for run in store.client.search_runs([store.experiment], query):
        if not provenance.Owner.of_tags(run.data.tags).is_alive():
            store.client.set_terminated(run.info.run_id, "KILLED")


@contextmanager
def _run(
    store: _Store, kind: str, name: str, tags: Mapping[str, str], params: Mapping[str, object]
) -> Iterator[str]:
    owner = provenance.this_process()
    run_id = store.create(kind, name, {**tags, **owner.tags()}, params)
    try:
        yield run_id
    except BaseException as error:
        with suppress(Exception):
            store.client.set_tag(run_id, "scanvote.error", _line(error))
            store.client.set_terminated(run_id, _end(error))
        raise
    store.client.set_terminated(run_id, "FINISHED")


def _end(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "KILLED"
    return "FINISHED" if isinstance(error, SystemExit) and not error.code else "FAILED"


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:1000]


@contextmanager
def _sampling(store: _Store, run_id: str) -> Iterator[None]:
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


def _digest_tags(inputs: Sequence[Path]) -> dict[str, str]:
    digests = provenance.input_digests(inputs)
    return {f"dvc.md5.{path}": md5 for path, md5 in digests.items()}


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def _key(name: str) -> str:
    # MLflow takes letters, digits and a few signs, and reads the name as a path
    plain = re.sub(r"[^\w\-. :/]", "_", name)
    return posixpath.normpath(plain).lstrip("/.") or "_"


def _text(value: object) -> str:
    """As YAML writes it: null, true, 0.0001, [32, 64]."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text[:_PARAM_LENGTH]


def _chunks(things: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]


def _signature(model: Any) -> Any:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Schema, TensorSpec

    def schema(tensors: Iterable[Any]) -> Any:
        sizes = [
            (np.dtype(one.dtype), [-1 if n is None else n for n in one.shape]) for one in tensors
        ]
        return Schema([TensorSpec(kind, tuple(shape)) for kind, shape in sizes])

    return ModelSignature(inputs=schema(model.inputs), outputs=schema(model.outputs))


def _requirements() -> list[str]:
    # told, because MLflow would load the model in a process of its own to find out
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in ("keras", "tensorflow", "tensorflow-cpu", "jax", "numpy"):
        with suppress(PackageNotFoundError):
            found.append(f"{name}=={version(name)}")
    return found
