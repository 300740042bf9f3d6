"""MLflow's database, written without MLflow: the same rows, and MLflow itself for all else."""

import math
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scanvote.tracking import entities, store
from scanvote.tracking.sqlite import SCHEMA, SqliteClient, create_database
from scanvote.tracking.view import experiment_tags

ROOT = Path(__file__).parents[3]
RUN = "run_uuid = :run"
TOLD = (
    "SELECT name, source_type, source_name, entry_point_name, user_id, status, source_version,"
    " lifecycle_stage, experiment_id, deleted_time, end_time >= start_time FROM runs WHERE " + RUN,
    "SELECT key, value FROM tags WHERE " + RUN,
    "SELECT key, value FROM params WHERE " + RUN,
    "SELECT key, value, timestamp, step, is_nan FROM metrics WHERE " + RUN,
    "SELECT key, value, timestamp, step, is_nan FROM latest_metrics WHERE " + RUN,
    "SELECT name, digest, dataset_source_type, dataset_source, dataset_schema, source_type,"
    " destination_type, step FROM inputs JOIN datasets ON source_id = dataset_uuid"
    " WHERE destination_id = :run",
    "SELECT name, value FROM input_tags JOIN inputs USING (input_uuid) WHERE destination_id = :run",
)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """MLflow's client of a new database with an experiment."""
    store.silence_logs()
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("of mlflow")
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    client.create_experiment("scanvote", (folder / "artifacts").as_uri(), experiment_tags())
    return client


@pytest.fixture(scope="module")
def ours(theirs: Any) -> SqliteClient:
    found = SqliteClient.of(theirs.tracking_uri)
    assert found is not None, f"MLflow's schema is not {SCHEMA} any more: compare, and take its own"
    return found


@pytest.fixture(scope="module")
def experiment(ours: SqliteClient) -> str:
    found = ours.get_experiment_by_name("scanvote")
    assert found is not None
    return found.experiment_id


def database(client: Any) -> Path:
    return Path(client.tracking_uri.removeprefix("sqlite:///"))


def write(client: Any, classes: Any, experiment: str, file: Path) -> str:
    """A run with all that a stage tells of itself."""
    tags = {"mlflow.user": "me", "dvc.md5.data/raw": "é'\"", "long": "x" * 9000}
    run_id = str(client.create_run(experiment, tags=tags, run_name="search@cnn").info.run_id)
    params = [classes.Param("lr", "0.0001"), classes.Param("cnn.filters", "[32, 64]")]
    client.log_batch(run_id, params=params)
    for values in ([("loss", 0.3, 10, 1), ("acc", math.nan, 10, 0)], [("loss", 0.7, 11, 0)]):
        client.log_batch(run_id, metrics=[classes.Metric(*one) for one in values])
    client.log_batch(run_id, metrics=[classes.Metric("loss", 0.2, 12, 1)])
    client.log_batch(run_id, metrics=[classes.Metric("loss", 0.2, 12, 1)])
    brought = classes.Dataset("phantom", "6245.dir", "local", '{"uri": "data/raw"}')
    told = classes.DatasetInput(brought, [classes.InputTag("mlflow.data.context", "training")])
    for _ in range(2):
        client.log_inputs(run_id, datasets=[told])
    client.set_tag(run_id, "long", "short")
    client.log_artifact(run_id, str(file), "a folder/below")
    client.update_run(run_id, status="RUNNING")
    client.set_terminated(run_id, "FAILED")
    return run_id


def rows(path: Path, run_id: str) -> list[list[tuple[object, ...]]]:
    with sqlite3.connect(path) as opened:
        return [sorted(opened.execute(query, {"run": run_id}), key=repr) for query in TOLD]


def test_a_run_leaves_the_rows_and_files_that_mlflow_leaves(
    ours: SqliteClient, theirs: Any, experiment: str, tmp_path: Path
) -> None:
    import mlflow.entities

    file = tmp_path / "a.txt"
    file.write_text("told")
    path = database(theirs)
    by_us = write(ours, entities, experiment, file)
    by_them = write(theirs, mlflow.entities, experiment, file)
    assert rows(path, by_us) == rows(path, by_them)
    assert all(rows(path, by_us))
    for run_id in (by_us, by_them):
        told = path.parent / "artifacts" / run_id / "artifacts" / "a folder" / "below" / "a.txt"
        assert told.read_text() == "told"
        assert [one.path for one in theirs.list_artifacts(run_id, "a folder/below")] == [
            "a folder/below/a.txt"
        ]


def test_an_experiment_is_as_mlflow_tells_it(ours: SqliteClient, theirs: Any) -> None:
    mine, found = (one.get_experiment_by_name("scanvote") for one in (ours, theirs))
    assert mine is not None
    told = (mine.experiment_id, mine.lifecycle_stage, mine.tags)
    assert told == (found.experiment_id, found.lifecycle_stage, found.tags)
    assert ours.get_experiment_by_name("another") is None


def test_a_search_finds_what_mlflow_finds(ours: SqliteClient, theirs: Any, experiment: str) -> None:
    made = [
        ours.create_run(experiment, tags={"kind": kind, "host": "a.b"}, run_name=kind).info.run_id
        for kind in ("stage", "trial", "stage")
    ]
    ours.set_terminated(made[2], "KILLED")
    theirs.delete_run(ours.create_run(experiment, tags={"kind": "stage"}, run_name="x").info.run_id)
    for query, count in {
        "tags.`kind` = 'stage'": 2,
        "tags.`kind` = 'stage' AND tags.`host` = 'a.b'": 2,
        "attributes.status = 'RUNNING' AND tags.`host` = 'a.b'": 2,
        "tags.`kind` = 'stage' AND tags.`host` = 'A.b'": 0,
        "tags.`kind` LIKE 'tri%'": 1,  # which MLflow has to read
    }.items():
        order = ["attributes.start_time ASC"]
        mine, found = (
            [
                (run.info.run_id, run.info.run_name, run.info.status, run.data.tags)
                for run in client.search_runs([experiment], query, order_by=order)
            ]
            for client in (ours, theirs)
        )
        assert mine == found
        assert len(mine) == count


def test_what_it_does_not_know_is_asked_of_mlflow(ours: SqliteClient, experiment: str) -> None:
    run_id = ours.create_run(experiment, tags={}, run_name="asked").info.run_id
    assert ours.get_run(run_id).info.run_name == "asked"
    with pytest.raises(AttributeError):
        ours.no_such_method()


def test_a_batch_is_written_whole_or_not_at_all(ours: SqliteClient, experiment: str) -> None:
    run_id = ours.create_run(experiment, tags={}, run_name="twice").info.run_id
    twice = [entities.Param("lr", "1"), entities.Param("lr", "2")]
    with pytest.raises(sqlite3.IntegrityError):
        ours.log_batch(run_id, params=twice)
    assert ours.get_run(run_id).data.params == {}


def test_a_database_of_another_schema_is_left_to_mlflow(theirs: Any, tmp_path: Path) -> None:
    other = tmp_path / "mlflow.db"
    shutil.copy(database(theirs), other)
    assert SqliteClient.of(f"sqlite:///{other}") is not None
    with sqlite3.connect(other) as opened:
        opened.execute("UPDATE alembic_version SET version_num = 'another'")
    assert SqliteClient.of(f"sqlite:///{other}") is None


def test_what_is_no_database_of_mlflow_is_left_to_mlflow(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database, and longer than a header " * 9)
    with sqlite3.connect(tmp_path / "empty.db") as opened:
        opened.execute("CREATE TABLE alembic (version_num)")
    for name in ("text.db", "empty.db", "missing.db"):
        assert SqliteClient.of(f"sqlite:///{tmp_path / name}") is None
    assert SqliteClient.of("http://127.0.0.1:5000") is None
    assert not (tmp_path / "missing.db").exists()


def test_a_stage_is_recorded_without_importing_mlflow(theirs: Any, tmp_path: Path) -> None:
    shutil.copy(database(theirs), tmp_path / "mlflow.db")
    code = (
        "import sys; from pathlib import Path; from pydantic import BaseModel\n"
        "from scanvote import tracking\n"
        "class Settings(BaseModel): lr: float = 0.1\n"
        "with tracking.stage_run('search', params=Settings()) as run:\n"
        "    with run.trial('a', {'filters': 4}) as trial: trial.epoch(0, {'loss': 0.5})\n"
        "    run.log_metrics({'f1': 0.5}); run.log_file(Path('mlflow.db'))\n"
        "    run.log_on_parent({'f1': 0.5})\n"
        "print('mlflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "False\n", done.stderr


def creating(monkeypatch: pytest.MonkeyPatch, *statements: str, fails: bool) -> None:
    """Let MLflow's client be one that writes a database in some statements, and may then fail."""

    class Client:
        def __init__(self, uri: str) -> None:
            self.path = uri.removeprefix("sqlite:///")

        def get_experiment(self, _: str) -> None:
            with sqlite3.connect(self.path) as database:
                for statement in statements:
                    database.execute(statement)
            if fails:
                raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(MlflowClient=Client))


def test_a_database_is_created_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    creating(monkeypatch, "CREATE TABLE half (x)", fails=True)
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        create_database(uri)
    assert list(tmp_path.iterdir()) == []
    creating(monkeypatch, "CREATE TABLE whole (x)", fails=False)
    create_database(uri)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
    creating(monkeypatch, "CREATE TABLE again (x)", fails=False)
    create_database(uri)
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        names = database.execute("SELECT name FROM sqlite_master").fetchall()
    assert names == [("whole",)], "one that is there is left alone"
