"""The store lies in its repository, whatever that is called and wherever it is moved."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from scanvote import tracking
from scanvote.core.errors import InputError
from scanvote.tracking import location, store


class Settings(BaseModel):
    lr: float = 0.1


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("DVC_", "GIT_", "MLFLOW_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def database(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the experiment, of a repository that is gone."""
    path = shutil.copy(empty_database, tmp_path_factory.mktemp("moved") / "mlflow.db")
    with sqlite3.connect(path) as opened:
        opened.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage,"
            " workspace) VALUES (1, 'scanvote', 'file:///gone/mlartifacts', 'active', 'default')"
        )
    return path


@pytest.fixture
def repository(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a run and a model, its artifacts with it; it was moved before."""
    root = tmp_path / "old"
    root.mkdir()
    shutil.copy(database, root / "mlflow.db")
    monkeypatch.chdir(root)
    log_note("first")
    artifacts = (root / "mlartifacts").as_uri()
    with sqlite3.connect(root / "mlflow.db") as opened:
        opened.execute(
            "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location,"
            " creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage)"
            " VALUES ('m-1', 1, 'package', ?, 0, 0, 2, 'active')",
            (f"{artifacts}/models/m-1/artifacts",),
        )
        opened.execute("INSERT INTO registered_models (name) VALUES ('scanvote')")
        opened.execute(
            "INSERT INTO model_versions (name, version, source, storage_location, current_stage,"
            " status) VALUES ('scanvote', 1, 'models:/m-1', ?, 'None', 'READY')",
            (f"{artifacts}/models/m-1/artifacts",),
        )
    return root


def log_note(text: str) -> None:
    Path("note.txt").write_text(text)
    with tracking.stage_run("download", params=Settings()) as run:
        run.log_file(Path("note.txt"))


def notes(root: Path) -> list[str]:
    """What MLflow finds in the runs of a repository that is opened."""
    opened = store.open_store()
    runs = opened.client.search_runs([opened.experiment], "tags.`scanvote.kind` = 'stage'")
    with sqlite3.connect(root / "mlflow.db") as database:
        places = dict(database.execute("SELECT run_uuid, artifact_uri FROM runs").fetchall())
    from mlflow.artifacts import download_artifacts

    return [
        Path(download_artifacts(f"{places[run.info.run_id]}/note.txt")).read_text() for run in runs
    ]


def addresses(root: Path) -> list[str]:
    with sqlite3.connect(root / "mlflow.db") as database:
        return [
            str(value)
            for table, column in location._PLACES
            for (value,) in database.execute(f"SELECT {column} FROM {table}")
            if value
        ]


@pytest.mark.parametrize("name", ["new", "a b", "feature%2Fx", "a%20b?c#d", "old/below"])
def test_artifacts_follow_a_repository_that_is_moved(
    repository: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    aside = repository.rename(repository.with_name("aside"))
    new = repository.parent / name
    new.parent.mkdir(exist_ok=True)
    aside.rename(new)
    monkeypatch.chdir(new)
    before = sorted(path.name for path in repository.parent.iterdir())
    assert notes(new) == ["first"]
    log_note("second")
    assert sorted(notes(new)) == ["first", "second"]
    assert sorted(path.name for path in repository.parent.iterdir()) == before
    places = [one for one in addresses(new) if one != "models:/m-1" and "mlruns" not in one]
    assert len(places) == 6  # of an experiment, three runs, a model and its version
    assert all(one.startswith(f"{new.as_uri()}/mlartifacts") for one in places)


def test_a_copy_and_its_original_have_their_own_artifacts(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(repository, repository.with_name("old copy"))
    before = (repository / "mlflow.db").read_bytes()
    files = sorted((repository / "mlartifacts").rglob("*"))
    monkeypatch.chdir(copy)
    log_note("second")
    assert sorted(notes(copy)) == ["first", "second"]
    assert sorted((repository / "mlartifacts").rglob("*")) == files
    assert (repository / "mlflow.db").read_bytes() == before


def test_a_run_that_is_open_while_another_container_sees_the_folder_elsewhere(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("note.txt").write_text("second")
    with tracking.stage_run("download", params=Settings()) as run:
        with sqlite3.connect("mlflow.db") as database:  # as that container leaves it
            for table, column in location._PLACES:
                database.execute(f"UPDATE {table} SET {column} = REPLACE({column}, '/old/', '/x/')")
        run.log_file(Path("note.txt"))
    assert sorted(notes(repository)) == ["first", "second"]
    assert not (repository.parent / "x").exists()


def test_where_a_person_put_the_artifacts_they_stay(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect("mlflow.db") as database:
        database.execute(
            "UPDATE experiments SET artifact_location = 's3://bucket/mlartifacts'"
            " WHERE name = 'scanvote'"
        )
    new = repository.rename(repository.with_name("new"))
    monkeypatch.chdir(new)
    before = addresses(new)
    store.open_store()
    assert addresses(new) == before


def test_a_database_outside_the_repository_is_left_as_it_is(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = shutil.copy("mlflow.db", repository.parent / "mlflow.db")
    new = repository.rename(repository.with_name("new"))
    monkeypatch.chdir(new)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{shared}")
    before = addresses(repository.parent)
    store.open_store()
    assert addresses(repository.parent) == before


def test_a_folder_above_a_repository_leaves_its_database_as_it_is(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / ".dvc").mkdir()
    monkeypatch.chdir(repository.parent)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{repository}/mlflow.db")
    before = addresses(repository)
    store.open_store()
    assert addresses(repository) == before


def test_a_database_in_another_repository_has_its_artifacts_there(
    empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, guest = tmp_path / "owner", tmp_path / "guest"
    for one in (owner, guest):
        (one / ".dvc").mkdir(parents=True)
    shutil.copy(empty_database, owner / "mlflow.db")
    with monkeypatch.context() as changed:
        changed.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{owner}/mlflow.db")
        changed.chdir(guest)
        log_note("first")
    monkeypatch.chdir(owner)
    log_note("second")
    assert sorted(notes(owner)) == ["first", "second"]
    assert not (guest / "mlartifacts").exists()


@pytest.mark.parametrize("name", ["feature%2Fx", "a%20b", "a?b", "100%", "a#b", "ü"])
def test_the_store_lies_in_its_repository_whatever_it_is_called(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    root, queued = tmp_path / name, tmp_path / name / ".dvc" / "tmp" / "exps"
    queued.mkdir(parents=True)
    shutil.copy(database, root / "mlflow.db")
    monkeypatch.setenv("DVC_ROOT", str(root))
    for place, text in ((root, "first"), (queued, "second")):
        monkeypatch.chdir(place)
        log_note(text)
        assert notes(root)[-1] == text
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert [path.name for path in queued.iterdir()] == ["note.txt"]


def test_from_elsewhere_such_a_name_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "a%20b"
    root.mkdir()
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("DVC_ROOT", str(root))
    with pytest.raises(InputError, match=r"a%20b: MLflow cannot open"):
        tracking.tracking_uri()


def test_an_address_that_a_person_gives_is_taken_as_it_is(monkeypatch: Any) -> None:
    for uri in ("sqlite:////srv/a%20b.db", "sqlite:////srv/a.db?timeout=5", "https://lab"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        assert tracking.tracking_uri() == uri
