"""A store that fails while a stage runs: the stage goes on, and nothing is lost silently."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from scanvote import tracking
from scanvote.core.errors import InputError
from scanvote.tracking import journal
from scanvote.tracking.journal import Journal
from scanvote.tracking.sqlite import SqliteClient

URI = "http://me:secret@lab:5000"
FULL = sqlite3.OperationalError("database or disk is full")


class Settings(BaseModel):
    lr: float = 0.1


class Answer(Exception):
    """As MLflow's exceptions are."""

    def __init__(self, code: str) -> None:
        super().__init__(f"API request failed with {code}")
        self.error_code = code


class RestException(Answer):
    """An answer of the server itself, not of a proxy."""


class Store:
    """It takes calls, unless there is an error to raise."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0
        self.taken = list[int]()

    def call(self, number: int) -> Callable[[], int]:
        def made() -> int:
            self.asked += 1
            if self.error is not None:
                raise self.error
            self.taken.append(number)
            return number

        return made


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_LAST_PAUSES", (0, 0))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time = [0.0]
    monkeypatch.setattr(journal.time, "monotonic", lambda: time[0])
    return time


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Path:
    for name in [name for name in os.environ if name.startswith(("DVC_", "GIT_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return tmp_path


def test_what_is_logged_while_the_store_is_away_is_kept_in_order(
    store: Store, now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    log = Journal(URI)
    assert log.add(store.call(0)) == 0
    store.error = ConnectionError("refused")
    assert [log.add(store.call(number)) for number in (1, 2, 3)] == [None] * 3
    assert store.asked == 2  # it is not asked each time
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1
    assert warning.startswith("scanvote: http://***@lab:5000: the MLflow store cannot be reached: ")
    store.error, now[0] = None, 31.0
    assert log.add(store.call(4)) == 4
    assert store.taken == [0, 1, 2, 3, 4]
    assert "answers again" in capsys.readouterr().err
    log.close()


def test_calls_that_take_long_are_made_seldom(store: Store, now: list[float]) -> None:
    log = Journal(URI)

    def slow() -> None:
        now[0] += 20
        raise TimeoutError

    log.add(slow)
    now[0] += 199
    log.add(store.call(1))
    assert store.asked == 0
    now[0] += 2
    with pytest.raises(InputError):
        log.close()
    assert store.asked == 0


def test_at_the_end_it_is_waited_for(store: Store) -> None:
    log, store.error = Journal(URI), OSError("away")
    log.add(store.call(1))

    def back() -> None:
        store.error = None

    log._pending.appendleft(back)  # between the last calls
    log.close()
    assert store.taken == [1]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionError("refused"), "see that it answers"),
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "free space there"),
        (FULL, "free space there"),
        (Answer("TEMPORARILY_UNAVAILABLE"), "see that it answers"),
        (Answer("RESOURCE_DOES_NOT_EXIST"), "see that it answers"),  # of a proxy
        (RestException("PERMISSION_DENIED"), "see that it answers"),
    ],
)
def test_a_store_that_stays_away_ends_the_stage_in_a_line(
    store: Store, error: Exception, told: str
) -> None:
    log, store.error = Journal(URI), error
    log.add(store.call(1))
    with pytest.raises(InputError, match="what was trained is kept") as caught:
        log.close()
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_it_refuses_is_left_out_with_a_line(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    log, store.error = Journal(URI), RestException("RESOURCE_DOES_NOT_EXIST")
    log.add(store.call(1))  # of a run that a person deleted
    store.error = None
    log.add(store.call(2))
    log.close()
    assert store.taken == [2]
    assert "refuses to log" in capsys.readouterr().err


def test_a_mistake_in_the_program_is_raised(store: Store) -> None:
    log, store.error = Journal(URI), TypeError("no such argument")
    with pytest.raises(TypeError):
        log.add(store.call(1))
    log.close()


def test_the_error_of_a_stage_is_not_hidden(store: Store) -> None:
    store.error = ConnectionError("refused")

    def work() -> None:
        with journal.open_journal(URI) as log:
            log.add(store.call(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()


# ---- a stage, its disk full for a while --------------------------------------------


def fail(patch: pytest.MonkeyPatch, error: Exception) -> None:
    def failing(*args: Any, **kwargs: Any) -> None:
        raise error

    for name in ("create_run", "log_batch", "log_artifact", "set_terminated", "search_runs"):
        patch.setattr(SqliteClient, name, failing)


def train(fails: Callable[[], None], mends: Callable[[], None]) -> None:
    with tracking.stage_run("search", params=Settings()) as run:
        fails()
        with run.trial("small", {"units": 4}) as trial:
            for epoch in range(3):
                trial.epoch(epoch, {"loss": 1 / (epoch + 1)})
        Path("note.txt").write_text("hi")
        run.log_file(Path("note.txt"))
        run.log_on_parent({"f1": 0.5})
        mends()


def rows(query: str) -> list[Any]:
    with sqlite3.connect("mlflow.db") as database:
        return database.execute(query).fetchall()


def test_a_stage_logs_later_what_it_could_not(repository: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        train(lambda: fail(patch, FULL), patch.undo)
    assert rows("SELECT name, status FROM runs ORDER BY start_time, name") == [
        ("by hand", "FINISHED"),
        ("search", "FINISHED"),
        ("small", "FINISHED"),
    ]
    assert rows("SELECT COUNT(*), COUNT(DISTINCT timestamp) > 0 FROM metrics WHERE key = 'loss'")[
        0
    ] == (3, 1)
    assert rows("SELECT value FROM params WHERE key = 'units'") == [("4",)]
    assert rows("SELECT value FROM metrics WHERE key = 'f1'") == [(0.5,)]
    assert [path.read_text() for path in repository.glob("mlartifacts/*/artifacts/*")] == ["hi"]


def test_a_stage_never_succeeds_while_its_run_is_missing(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = r"mlflow\.db: the MLflow store cannot be written: database or disk is full; free space"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(InputError, match=told):
        train(lambda: fail(patch, FULL), lambda: None)
    # the process is still there, and its runs are open; the next execution finds them dead
    assert rows("SELECT DISTINCT status FROM runs") == [("RUNNING",)]
    monkeypatch.setattr("scanvote.tracking.execution.ProcessId.is_alive", lambda process: False)
    train(lambda: None, lambda: None)
    assert rows("SELECT name, status FROM runs WHERE name = 'search' ORDER BY start_time") == [
        ("search", "KILLED"),
        ("search", "FINISHED"),
    ]
