"""Workers of a real Dask scheduler that come, die, differ and go."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scanvote.core import cluster
from scanvote.core.errors import InputError
from scanvote.core.parallel import Files, open_pool, parallel_map
from tests.calls import begin, begun, kill_the_worker, read_only, size_of
from tests.clusters import PLACES, Scheduler, computing, need_mounts, scheduler

Workers = dict[str, "subprocess.Popen[bytes]"]
SOURCES = Path(cluster.__file__).parents[2]


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scheduler, Workers]]:
    """A scheduler with two workers, which see this disk."""
    with scheduler(tmp_path_factory.mktemp("dask")) as started:
        yield started, {name: started.worker(name) for name in ("one", "two")}


def test_a_call_of_a_killed_worker_is_made_by_another_and_a_late_one_helps(
    at: tuple[Scheduler, Workers], tmp_path: Path
) -> None:
    started, workers = at
    with computing(started), open_pool(1) as pool:
        answers = [pool.submit(begin, tmp_path, text="x", training=True) for _ in range(2)]
        first = set(begun(tmp_path, 2))
        workers.pop("two").kill()
        assert [answer.done() for answer in answers] == [False, False]
        workers["three"] = started.worker("three")
        second = set(begun(tmp_path, 3)) - first
        assert pool.summary().startswith("2 workers: ")
        (tmp_path / "go").touch()
        processes = {answer.result(60) for answer in answers}
        assert second < processes, "the call of the killed one was made anew"
        assert len(first & processes) == 1, "the other one only once"
        assert {answer.worker for answer in answers} <= {"one", "three"}


def test_what_nobody_waits_for_ends_and_the_worker_stays(
    at: tuple[Scheduler, Workers], tmp_path: Path
) -> None:
    with computing(at[0]):
        with open_pool(1) as pool:
            pool.submit(begin, tmp_path)
            (process,) = begun(tmp_path, 1)
        end = time.monotonic() + 20
        while psutil.pid_exists(process):
            assert time.monotonic() < end
            time.sleep(0.05)
        (tmp_path / "go").touch()
        with open_pool(1) as pool:
            assert pool.submit(begin, tmp_path).result(60) != process


def test_errors_reach_the_caller(at: tuple[Scheduler, Workers]) -> None:
    with computing(at[0]):
        with pytest.raises(ValueError, match="invalid literal"):
            parallel_map(int, ["1", "two"], "", processes=2, files=lambda item: Files())
        with pytest.raises(InputError, match=r"^the worker (one|three): /none.*: read-only"):
            parallel_map(read_only, ["/none"], "", processes=2, files=lambda item: Files())
        with pytest.raises(InputError, match=r"a process of the worker (one|three) died"):
            parallel_map(os._exit, [1], "", processes=2, files=lambda item: Files())


def test_a_file_travels_once_to_a_worker_without_this_disk(
    at: tuple[Scheduler, Workers], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_mounts()
    monkeypatch.setattr(cluster, "CHUNK", 1000)
    sent, deliver = [], cluster.there.receive
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").write_bytes(bytes(2500))
    (tmp_path / "empty").touch()
    with scheduler(tmp_path.parent / "apart") as started:
        started.worker("apart", apart=tmp_path)
        with computing(started), open_pool(1) as pool:
            ask = pool._ask  # type: ignore[attr-defined]

            def noted(
                address: str, function: object, *arguments: object, **options: object
            ) -> object:
                sent.extend(arguments[2:] if function is deliver else [])
                return ask(address, function, *arguments, **options)

            monkeypatch.setattr(pool, "_ask", noted)
            files = Files(kept={"kept": Path("kept"), "empty": Path("empty")})
            answers = [pool.submit(size_of, Path("kept"), files=files) for _ in range(3)]
            assert [answer.result(60) for answer in answers] == [2500] * 3
            assert pool.submit(size_of, Path("empty"), files=files).result(60) == 0
    assert [len(chunk) for chunk in sent] == [1000, 1000, 500, 0]


def test_workers_that_differ_and_a_scheduler_that_goes_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 0.1)
    files = Files()
    shutil.copytree(SOURCES, tmp_path / "other", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "other/scanvote/more.py").touch()
    with scheduler(tmp_path / "dask") as started:
        with computing(started), open_pool(1) as pool:
            nobody = pool.submit(abs, -1, files=files)
            with pytest.raises(InputError, match=f"^{started.address}: it has no worker; start"):
                nobody.result(60)
        cluster.connected.cache_clear()
        monkeypatch.setattr(cluster, "PATIENCE", 6)
        other = started.worker(
            "other", places=PLACES.replace(f"{SOURCES}", f"{tmp_path / 'other'}")
        )
        with computing(started), open_pool(1) as pool:
            refused = r"no worker of it can help: other has no scanvote of this code \(\w+\)"
            with pytest.raises(InputError, match=refused):
                pool.submit(abs, -1, files=files).result(60)
        cluster.connected.cache_clear()
        monkeypatch.setattr(cluster, "PATIENCE", 60)
        started.worker("same")
        with computing(started), open_pool(1) as pool:
            assert pool.submit(abs, -1, files=files).result(60) == 1
            assert "a worker is not used: other has no scanvote" in capsys.readouterr().err
            other.kill()
            answer = pool.submit(begin, tmp_path)
            begun(tmp_path, 1)
            started.process.kill()
            gone = "the Dask scheduler went away; what is done is kept: start it"
            with pytest.raises(InputError, match=gone):
                answer.result(60)
            with pytest.raises(InputError, match=gone):
                pool.submit(abs, -1).result(60)


def test_no_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT", 0.5)
    with pytest.raises(
        InputError, match=r"^tcp://127\.0\.0\.1:9: no Dask scheduler answers there"
    ) as told:
        cluster.connected("tcp://127.0.0.1:9", None)
    assert str(told.value).isprintable()


def test_a_call_that_ends_its_workers_is_given_up(
    at: tuple[Scheduler, Workers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "DEATHS", 2)
    ended = r"2 workers ended one after the other .* \(x\)"
    with computing(at[0]), open_pool(1) as pool, pytest.raises(InputError, match=ended):
        pool.submit(kill_the_worker, 1, text="x").result(60)


@pytest.mark.parametrize(
    ("theirs", "line"),
    [
        ({}, ""),
        ({"packages": {"keras": "3.15", "theirs": "1"}}, ""),
        ({"packages": {"keras": "3.9"}}, "has keras 3.9, this machine 3.15; install"),
        ({"python": "3.12", "packages": {"keras": "3.9"}}, "has Python 3.12, this machine 3.11"),
        ({"code": "b"}, r"has no scanvote of this code \(b\); check out the same commit"),
    ],
)
def test_the_lock_of_a_worker_is_compared(theirs: dict[str, object], line: str) -> None:
    ours = {"python": "3.11", "packages": {"keras": "3.15", "ours": "2"}, "code": "a"}
    difference = cluster._difference({**ours, **theirs}, ours)
    assert difference.startswith(line) if "\\" not in line else line.split("\\")[0] in difference
    assert bool(difference) == bool(line)
