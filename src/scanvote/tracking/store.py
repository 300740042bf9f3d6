"""MLflow's store: its location, its client, and the logging of values."""

import json
import logging
import os
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanvote.core.errors import InputError
from scanvote.core.files import find_repository, repository_root
from scanvote.core.flatten import numeric_only
from scanvote.core.home import own_temporary_folder
from scanvote.tracking import entities
from scanvote.tracking.location import (
    EXPERIMENT,
    URI,
    artifact_root,
    artifacts_beside,
    follow_repository,
    is_moved,
    is_server,
    own_database,
    tracking_uri,
)
from scanvote.tracking.sqlite import SqliteClient, create_database, now
from scanvote.tracking.text import hide_password, root_cause
from scanvote.tracking.view import address_of, experiment_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

KIND = "scanvote.kind"
_PARAM_LENGTH = 500  # maximum of the oldest servers in use
_PARAMS_PER_BATCH = 100
_METRICS_PER_BATCH = 1000
_LIMITS = ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT")
_SECONDS, _SECONDS_OF_FILES = 10, 120
"""Seconds to wait for an answer of a server; storing a large file may take longer."""


def ui_command(port: int = 5000) -> list[str]:
    """Return the command that serves MLflow's UI on 127.0.0.1.

    Raises:
        InputError: MLFLOW_TRACKING_URI is a server, which has its own UI.
    """
    uri = tracking_uri()
    if is_server(uri):
        raise InputError(f"{URI} is a server with pages of its own: open {hide_password(uri)}")
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

    def create(
        self, kind: str, name: str, tags: Mapping[str, str], params: Any, start: int | None = None
    ) -> str:
        """Create a run, by default one that starts now; return its id."""
        known = {KIND: kind, "mlflow.user": _user(), "mlflow.source.type": "LOCAL"}
        named = {_key(key): value for key, value in {**known, **tags}.items()}
        run = self.client.create_run(self.experiment, tags=named, run_name=name, start_time=start)
        run_id: str = run.info.run_id
        self.log_params(run_id, params)
        return run_id

    def log_params(self, run_id: str, values: Mapping[str, object]) -> None:
        params = [self.entities.Param(_key(key), _text(value)) for key, value in values.items()]
        for chunk in _chunks(params, _PARAMS_PER_BATCH):
            self.client.log_batch(run_id, params=chunk)

    def metrics(self, values: Mapping[str, object], step: int = 0) -> list[Any]:
        """Return the metrics of this moment, as `log_metrics` takes them."""
        numbers, time = numeric_only(values), now()
        metric = self.entities.Metric
        return [metric(_key(key), value, time, step) for key, value in numbers.items()]

    def log_metrics(self, run_id: str, metrics: list[Any]) -> None:
        for chunk in _chunks(metrics, _METRICS_PER_BATCH):
            self.client.log_batch(run_id, metrics=chunk)

    def log_file(self, run_id: str, path: Path, folder: str) -> None:
        with self.files():
            self.client.log_artifact(run_id, str(path), folder or None)

    @contextmanager
    def files(self) -> Iterator[None]:
        """Read or write artifacts in the block, where they are now, with the time it takes."""
        if is_server(self.uri):
            # a server that is away is noticed by this, in seconds
            self.client.get_experiment(self.experiment)
        self.follow()
        with http_limits(_SECONDS_OF_FILES):
            yield

    def follow(self) -> None:
        """Make the addresses in the repository's database those of today.

        The folder may be seen by two containers under two names, at the same time.
        """
        database = own_database(self.uri)
        if database is not None and is_moved(database):
            with store_lock():
                follow_repository(database)

    def search(self, order: str = "attributes.start_time ASC", **tags: str) -> list[Any]:
        filters = [f"tags.`{key}` = '{value}'" for key, value in tags.items()]
        page = self.client.search_runs([self.experiment], " AND ".join(filters), order_by=[order])
        return list(page)


def open_store() -> Store:
    silence_logs()
    uri = tracking_uri()
    try:
        with store_lock(), http_limits():
            create_database(uri)
            client = SqliteClient.of(uri) or _mlflow_client(uri)
            experiment = _experiment(client, uri)
            if database := own_database(uri):
                follow_repository(database)
            return Store(client, experiment, uri)
    except ModuleNotFoundError:  # MLflow, of the extra `pipeline`
        raise
    except Exception as error:
        # the message names the one thing that the user can change, whatever the error: the URI
        chosen = f"{URI}={hide_password(uri)}" if os.environ.get(URI) else uri
        reason = hide_password(root_cause(error))
        raise InputError(f"{chosen}: the MLflow store cannot be opened: {reason}") from error


def _mlflow_client(uri: str) -> "MlflowClient":
    from mlflow import MlflowClient

    return MlflowClient(uri)


def store_lock() -> AbstractContextManager[Any]:
    # for every look-up that creates what is missing: database, experiment, parent run
    from filelock import FileLock

    path = _lock_folder() / "mlflow.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path, timeout=120)


def _lock_folder() -> Path:
    """Return `.cache` of the repository; for another store used outside one, a temporary folder."""
    outside = find_repository() is None and "DVC_ROOT" not in os.environ
    if outside and os.environ.get(URI):
        return own_temporary_folder()
    return repository_root() / ".cache"


@contextmanager
def as_default(store: Store) -> Iterator[None]:
    """Make the store MLflow's default in the block, for its artifacts.

    MLflow logs models to its default store only.
    """
    import mlflow

    before = os.environ.get(URI)
    mlflow.set_tracking_uri(store.uri)
    try:
        with store.files():
            mlflow.set_experiment(experiment_id=store.experiment)
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
    # these log tracebacks of errors that are raised, too, or that end a thread of measurements
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
    return None if is_server(uri) else artifacts_beside(uri)


@contextmanager
def http_limits(seconds: int = _SECONDS) -> Iterator[None]:
    """Give up on a server within seconds inside the block, unless the user set other limits.

    MLflow alone tries for minutes, and in each call.
    """
    inner = dict(zip(_LIMITS, ("1", str(seconds)), strict=True))
    outer = {name: os.environ.get(name) for name in inner}
    changed = {name for name, value in outer.items() if value is None or name in _set_here}
    os.environ.update({name: inner[name] for name in changed})
    added = changed - _set_here
    _set_here.update(added)
    try:
        yield
    finally:
        _set_here.difference_update(added)
        for name in changed:
            if (value := outer[name]) is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_set_here = set[str]()
"""Variables that `http_limits` set, not the user."""


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
