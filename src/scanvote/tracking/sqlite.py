"""A fast client for MLflow's SQLite database that does not import MLflow.

Importing MLflow and opening its store takes longer than many stages. So the few statements that
every stage needs are here, for one known schema; every other method is delegated to MLflow's own
client. A database with another schema is left to MLflow's client from the start.
"""

import math
import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from scanvote.core.files import atomic_write
from scanvote.tracking.entities import (
    DatasetInput,
    Experiment,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
)

SCHEMA = "dc11669786a5"
"""Alembic's revision of the database schema of MLflow 3.17."""
_TIMEOUT = 30.0
"""Seconds to wait while another process writes: milliseconds, unless it hangs."""
_TAG_LENGTH = 8000
_CONDITION = re.compile(r"(?:tags\.`(?P<tag>[^`]+)`|attributes\.status) = '(?P<value>[^']*)'")


class SqliteClient:
    """Replacement of `mlflow.MlflowClient` with the same methods, arguments and rows.

    Every method is one transaction on its own connection, so several threads and processes may
    write at the same time.

    Raises:
        sqlite3.Error: the database cannot be written.
    """

    def __init__(self, uri: str, path: Path) -> None:
        self._uri = uri
        self._path = path

    @classmethod
    def of(cls, uri: str) -> "SqliteClient | None":
        """Return a client for an existing database of known schema, else None."""
        path = database_path(uri)
        if path is None or not path.is_file():
            return None
        try:
            with reading(path) as database:
                versions = database.execute("SELECT version_num FROM alembic_version").fetchall()
        except sqlite3.DatabaseError:
            return None
        return cls(uri, path) if versions == [(SCHEMA,)] else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mlflow, name)

    @cached_property
    def _mlflow(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(self._uri)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        with reading(self._path) as database:
            query = "SELECT experiment_id, lifecycle_stage FROM experiments WHERE name = ?"
            row = database.execute(query, (name,)).fetchone()
            if row is None:
                return None
            query = "SELECT key, value FROM experiment_tags WHERE experiment_id = ?"
            return Experiment(str(row[0]), row[1], dict(database.execute(query, row[:1])))

    def create_run(
        self,
        experiment_id: str,
        *,
        tags: Mapping[str, str],
        run_name: str,
        start_time: int | None = None,
    ) -> Run:
        run_id = uuid.uuid4().hex
        tags = {**tags, "mlflow.runName": run_name}
        with writing(self._path) as database:
            query = "SELECT artifact_location FROM experiments WHERE experiment_id = ?"
            (artifacts,) = database.execute(query, (experiment_id,)).fetchone()
            row = {
                "run_uuid": run_id,
                "name": run_name,
                "source_type": "UNKNOWN",
                "source_name": "",
                "entry_point_name": "",
                "user_id": tags.get("mlflow.user", "unknown"),
                "status": "RUNNING",
                "start_time": now() if start_time is None else start_time,
                "source_version": "",
                "lifecycle_stage": "active",
                "artifact_uri": f"{artifacts}/{run_id}/artifacts",
                "experiment_id": int(experiment_id),
            }
            names, placeholders = ", ".join(row), ", ".join("?" * len(row))
            database.execute(f"INSERT INTO runs ({names}) VALUES ({placeholders})", [*row.values()])
            _set_tags(database, run_id, tags)
        return Run(RunInfo(run_id, run_name, "RUNNING"), RunData(tags))

    def log_batch(
        self, run_id: str, metrics: Iterable[Metric] = (), params: Iterable[Param] = ()
    ) -> None:
        """Log metrics and parameters.

        MLflow shows the latest value of each metric, by step and time.
        """
        with writing(self._path) as database:
            database.executemany(
                "INSERT INTO params (run_uuid, key, value) VALUES (?, ?, ?)",
                [(run_id, one.key, one.value) for one in params],
            )
            rows = [_metric_row(run_id, one) for one in metrics]
            into = "(run_uuid, key, value, is_nan, timestamp, step) VALUES (?, ?, ?, ?, ?, ?)"
            database.executemany(f"INSERT OR IGNORE INTO metrics {into}", rows)
            database.executemany(
                f"INSERT INTO latest_metrics {into} ON CONFLICT (key, run_uuid) DO UPDATE SET"
                " value = excluded.value, is_nan = excluded.is_nan,"
                " timestamp = excluded.timestamp, step = excluded.step"
                " WHERE (excluded.step, excluded.timestamp, excluded.value)"
                " > (step, timestamp, value)",
                rows,
            )

    def log_inputs(self, run_id: str, datasets: Iterable[DatasetInput]) -> None:
        """Log the data sets of a run, identified by name and digest."""
        with writing(self._path) as database:
            query = "SELECT experiment_id FROM runs WHERE run_uuid = ?"
            (experiment,) = database.execute(query, (run_id,)).fetchone()
            for one in datasets:
                dataset = _dataset(database, experiment, one)
                _use(database, run_id, dataset, one)

    def search_runs(
        self, experiment_ids: Sequence[str], filter_string: str, order_by: Sequence[str] = ()
    ) -> Iterable[Any]:
        """Return runs by a filter on tags and status, oldest first.

        Any other filter or order is delegated to MLflow's client.
        """
        conditions = [_CONDITION.fullmatch(one) for one in filter_string.split(" AND ")]
        if [*order_by] not in ([], ["attributes.start_time ASC"]) or None in conditions:
            runs: Iterable[Any] = self._mlflow.search_runs(
                experiment_ids, filter_string, order_by=order_by
            )
            return runs
        return self._search(experiment_ids[0], [one for one in conditions if one])

    def _search(self, experiment_id: str, conditions: Iterable[re.Match[str]]) -> list[Run]:
        query = "SELECT run_uuid, name, status FROM runs WHERE experiment_id = ?"
        values: list[object] = [int(experiment_id)]
        for condition in conditions:
            if tag := condition["tag"]:
                own = "tags.run_uuid = runs.run_uuid AND key = ? AND value = ?"
                query += f" AND EXISTS (SELECT 1 FROM tags WHERE {own})"
                values += [tag, condition["value"]]
            else:
                query += " AND status = ?"
                values.append(condition["value"])
        query += " AND lifecycle_stage = 'active' ORDER BY start_time, run_uuid"
        tags = "SELECT key, value FROM tags WHERE run_uuid = ?"
        with reading(self._path) as database:
            return [
                Run(RunInfo(*row), RunData(dict(database.execute(tags, row[:1]))))
                for row in database.execute(query, values).fetchall()
            ]

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        with writing(self._path) as database:
            _set_tags(database, run_id, {key: value})

    def update_run(self, run_id: str, status: str) -> None:
        with writing(self._path) as database:
            database.execute("UPDATE runs SET status = ? WHERE run_uuid = ?", (status, run_id))

    def set_terminated(self, run_id: str, status: str, end_time: int | None = None) -> None:
        with writing(self._path) as database:
            query = "UPDATE runs SET status = ?, end_time = ? WHERE run_uuid = ?"
            database.execute(query, (status, now() if end_time is None else end_time, run_id))

    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        """Copy a file to the run's artifacts.

        Artifacts outside a local folder are left to MLflow's client.
        """
        with reading(self._path) as database:
            query = "SELECT artifact_uri FROM runs WHERE run_uuid = ?"
            (uri,) = database.execute(query, (run_id,)).fetchone()
        place = urlsplit(uri)
        if place.scheme != "file":
            self._mlflow.log_artifact(run_id, local_path, artifact_path)
            return
        folder = Path(unquote(place.path), artifact_path or "")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(local_path, folder / Path(local_path).name)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open an existing database for the block."""
    # mode rw: a missing file is an error, not a new empty database
    address = f"file:{quote(str(path))}?mode=rw"
    connection = sqlite3.connect(address, _TIMEOUT, isolation_level=None, uri=True)
    with closing(connection) as database:
        yield database


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Open an existing database for one transaction."""
    with reading(path) as database:
        database.execute("PRAGMA foreign_keys = ON")
        # SQLite waits only for a lock at the start; a later upgrade of the lock fails at once
        database.execute("BEGIN IMMEDIATE")
        with database:  # commits, or rolls back
            yield database


def database_path(uri: str) -> Path | None:
    """Return the file of a SQLite address.

    None for any other address, and for one with a query or %, which SQLAlchemy has to read.
    """
    prefix, local, path = uri.partition("sqlite:///")
    plain = local and not prefix and "?" not in path and unquote(path) == path
    return Path(path) if plain else None


def create_database(uri: str) -> None:
    """Let MLflow create a missing SQLite database beside its place, whole or not at all.

    MLflow does so in many transactions, and cannot use what a kill or a full disk left of them.
    """
    path = database_path(uri)
    if path is None or path.exists():
        return
    from mlflow import MlflowClient

    with atomic_write(path) as temporary:
        try:
            MlflowClient(f"sqlite:///{temporary}").get_experiment("0")
        finally:
            temporary.with_name(f"{temporary.name}-journal").unlink(missing_ok=True)


def _set_tags(database: sqlite3.Connection, run_id: str, tags: Mapping[str, str]) -> None:
    database.executemany(
        "INSERT OR REPLACE INTO tags (run_uuid, key, value) VALUES (?, ?, ?)",
        [(run_id, key, value[:_TAG_LENGTH]) for key, value in tags.items()],
    )


def _metric_row(run_id: str, metric: Metric) -> tuple[object, ...]:
    nan = math.isnan(metric.value)
    return run_id, metric.key, 0 if nan else metric.value, nan, metric.timestamp, metric.step


def _dataset(database: sqlite3.Connection, experiment: int, used: DatasetInput) -> str:
    """Return the id of a data set, inserted if it is new."""
    one = used.dataset
    database.execute(
        "INSERT OR IGNORE INTO datasets (dataset_uuid, experiment_id, name, digest,"
        " dataset_source_type, dataset_source) VALUES (?, ?, ?, ?, ?, ?)",
        (uuid.uuid4().hex, experiment, one.name, one.digest, one.source_type, one.source),
    )
    query = "SELECT dataset_uuid FROM datasets WHERE (experiment_id, name, digest) = (?, ?, ?)"
    return str(database.execute(query, (experiment, one.name, one.digest)).fetchone()[0])


def _use(database: sqlite3.Connection, run_id: str, dataset: str, used: DatasetInput) -> None:
    """Link a run to a data set, once."""
    input_id = uuid.uuid4().hex
    inserted = database.execute(
        "INSERT OR IGNORE INTO inputs (input_uuid, source_type, source_id, destination_type,"
        " destination_id) VALUES (?, 'DATASET', ?, 'RUN', ?)",
        (input_id, dataset, run_id),
    )
    if inserted.rowcount:
        database.executemany(
            "INSERT INTO input_tags (input_uuid, name, value) VALUES (?, ?, ?)",
            [(input_id, tag.key, tag.value) for tag in used.tags],
        )


def now() -> int:
    """Return the time in milliseconds."""
    return time.time_ns() // 1_000_000
