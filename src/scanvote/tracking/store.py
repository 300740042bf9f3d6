"""MLflow's store: its location, its client, and the logging of values."""

import json
import logging
import os
import posixpath
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scanvote.core.errors import InputError
from scanvote.core.files import repository_root
from scanvote.core.flatten import numeric_only
from scanvote.tracking import entities
from scanvote.tracking.sqlite import SqliteClient, create_database
from scanvote.tracking.view import address_of, experiment_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "scanvote"
KIND = "scanvote.kind"
_URI = "MLFLOW_TRACKING_URI"
_PARAM_LENGTH = 500  # maximum of the oldest servers in use
_PARAMS_PER_BATCH = 100
_METRICS_PER_BATCH = 1000


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI, or by default the main repository's database.

    A relative SQLite path counts from the main repository: relative to the working directory, a
    queued experiment would write into its copy, which DVC deletes.
    """
    root = repository_root()
    uri = os.environ.get(_URI) or "sqlite:///mlflow.db"
    prefix, relative, path = uri.partition("sqlite:///")
    return f"sqlite:///{root / path}" if relative and not prefix else uri


def artifact_root() -> str:
    return (repository_root() / "mlartifacts").as_uri()


def ui_command(port: int = 5000) -> list[str]:
    """Return the command that serves MLflow's UI on 127.0.0.1.

    Raises:
        InputError: MLFLOW_TRACKING_URI is a server, which has its own UI.
    """
    uri = tracking_uri()
    if _is_server(uri):
        raise InputError(f"{_URI} is a server with pages of its own: open {hide_password(uri)}")
    open_store()
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
    command += ["--default-artifact-root", artifact_root()]
    return [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]


def ui_address(port: int = 5000) -> str:
    """Return the address in MLflow's UI that compares the experiments."""
    return address_of(open_store().experiment, port)


@dataclass(frozen=True)
class Store:
    client: "MlflowClient | SqliteClient"
    experiment: str
    uri: str

    @property
    def entities(self) -> Any:
        """Module with the classes of the client's arguments: Metric, Param, Dataset."""
        if isinstance(self.client, SqliteClient):
            return entities
        import mlflow.entities

        return mlflow.entities

    def create(self, kind: str, name: str, tags: Mapping[str, str], params: Any) -> str:
        known = {KIND: kind, "mlflow.user": _user(), "mlflow.source.type": "LOCAL"}
        named = {_key(key): value for key, value in {**known, **tags}.items()}
        run = self.client.create_run(self.experiment, tags=named, run_name=name)
        run_id: str = run.info.run_id
        self.log_params(run_id, params)
        return run_id

    def log_params(self, run_id: str, values: Mapping[str, object]) -> None:
        params = [self.entities.Param(_key(key), _text(value)) for key, value in values.items()]
        for chunk in _chunks(params, _PARAMS_PER_BATCH):
            self.client.log_batch(run_id, params=chunk)

    def log_metrics(self, run_id: str, values: Mapping[str, object], step: int = 0) -> None:
        metric, now, numbers = self.entities.Metric, int(time.time() * 1000), numeric_only(values)
        metrics = [metric(_key(key), value, now, step) for key, value in numbers.items()]
        for chunk in _chunks(metrics, _METRICS_PER_BATCH):
            self.client.log_batch(run_id, metrics=chunk)

    def search(self, order: str = "attributes.start_time ASC", **tags: str) -> list[Any]:
        filters = [f"tags.`{key}` = '{value}'" for key, value in tags.items()]
        page = self.client.search_runs([self.experiment], " AND ".join(filters), order_by=[order])
        return list(page)


def open_store() -> Store:
    silence_logs()
    uri = tracking_uri()
    try:
        with store_lock(), _short_timeouts():
            client = SqliteClient.of(uri) or _mlflow_client(uri)
            return Store(client, _experiment(client, uri), uri)
    except Exception as error:
        # the message names the one thing that the user can change, whatever the error: the URI
        chosen = f"{_URI}={hide_password(uri)}" if os.environ.get(_URI) else uri
        reason = hide_password(root_cause(error))
        raise InputError(f"{chosen}: the MLflow store cannot be opened: {reason}") from error


def _mlflow_client(uri: str) -> "MlflowClient":
    from mlflow import MlflowClient

    create_database(uri)
    return MlflowClient(uri)


def store_lock() -> AbstractContextManager[Any]:
    # for every look-up that creates what is missing: database, experiment, parent run
    from filelock import FileLock

    path = repository_root() / ".cache" / "mlflow.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path, timeout=120)


@contextmanager
def as_default(store: Store) -> Iterator[None]:
    """Make the store MLflow's default in the block.

    MLflow logs models to its default store only.
    """
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


def silence_logs() -> None:
    """Turn off MLflow's telemetry and logs, before its first import."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    for name in ("mlflow", "alembic", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # pages of SQL when the disk is full; what matters of it is raised, too
    for name in ("mlflow.store.db.utils", "mlflow.system_metrics"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _experiment(client: "MlflowClient | SqliteClient", uri: str) -> str:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return str(client.create_experiment(EXPERIMENT, _artifacts_of(uri), experiment_tags()))
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    for key, value in experiment_tags().items():
        if key not in experiment.tags:  # keep what the user changed in the UI
            client.set_experiment_tag(experiment.experiment_id, key, value)
    return str(experiment.experiment_id)


def _artifacts_of(uri: str) -> str | None:
    return None if _is_server(uri) else artifact_root()


def _is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://", "databricks", "uc:"))


@contextmanager
def _short_timeouts() -> Iterator[None]:
    """Give up on a server within seconds inside the block.

    Later, during a training, MLflow's retries over minutes are right.
    """
    limits = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
    added = {name: value for name, value in limits.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def root_cause(error: BaseException) -> str:
    """Return the innermost error as one line of at most 300 characters."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return " ".join(str(error).split())[:300] or type(error).__name__


def hide_password(uri: str) -> str:
    """Replace user and password in an address by asterisks."""
    return re.sub(r"//[^/@]*@", "//***@", uri)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def _key(name: str) -> str:
    # MLflow allows letters, digits and a few signs, and treats the name as a path
    allowed = re.sub(r"[^\w\-. :/]", "_", name)
    return posixpath.normpath(allowed).lstrip("/.") or "_"


def _text(value: object) -> str:
    """Format a value as YAML does: null, true, 0.0001, [32, 64]."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text[:_PARAM_LENGTH]


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
