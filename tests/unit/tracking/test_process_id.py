"""A process is known again by its tags, and by nothing that another one may have too."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from scanvote.tracking import process_id
from scanvote.tracking.process_id import ProcessId


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("DVC_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class _Process:
    def __init__(self, *words: str) -> None:
        self.cmdline = lambda: list(words)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["/v/bin/python3.11", "/v/bin/dvc", "repro"], "dvc repro"),
        (["/v/bin/python", "-m", "dvc", "exp", "run", "-S", "lr=1e-4"], "dvc exp run -S lr=1e-4"),
        (["dvc", "exp", "exec-run", "--infofile", "/tmp/x.run"], "dvc queue start"),
        (["C:/v/Scripts/dvc.exe", "repro", "a b"], "dvc repro 'a b'"),
        (["/bin/sh", "-c", "python3 -m stages.search"], None),
        (["bash", "-c", "dvc repro"], None),
        (["python", "-m", "stages.search", "--folder", "/repos/dvc"], None),
        ([], None),
    ],
)
def test_dvc_is_known_by_its_command(words: list[str], command: str | None) -> None:
    assert process_id._dvc_command(_Process(*words)) == command


def test_without_dvc_the_execution_is_this_process(repository: Path) -> None:
    owner, _ = process_id.pipeline_process()
    assert owner == process_id.this_process()
    assert owner.pid == os.getpid()


def test_a_process_is_known_again_by_its_tags() -> None:
    own = process_id.this_process()
    again = ProcessId.of_tags(own.tags())
    assert own.is_same(again)
    assert again.is_alive()


@pytest.mark.parametrize("other", [{"place": "a/1"}, {"pid": 1}, {"tick": "1"}])
def test_of_what_two_containers_may_share_nothing_makes_them_one(other: dict[str, Any]) -> None:
    own = process_id.this_process()
    assert own.is_same(replace(own, host="renamed", started=0.0))  # both may change meanwhile
    assert not own.is_same(replace(own, **other))


def test_a_recycled_pid_is_another_process() -> None:
    assert not replace(process_id.this_process(), tick="1").is_alive()


def test_a_process_that_ended_is_dead_even_before_it_is_reaped() -> None:
    child = subprocess.Popen(["sleep", "60"])
    owner = process_id.id_of(psutil.Process(child.pid))
    assert owner.is_alive()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and left a zombie
    assert not owner.is_alive()
    child.wait()
    assert not owner.is_alive()


def test_of_another_boot_or_container_nobody_can_tell() -> None:
    dead = replace(process_id.this_process(), tick="1")
    boot, _, namespace = dead.place.partition("/")
    assert replace(dead, place=f"another/{namespace}").is_alive()
    assert replace(dead, place=f"{boot}/1").is_alive()


def test_a_run_of_an_older_version_is_read_and_left_alone() -> None:
    tags = {"scanvote.host": "a", "scanvote.pid": "1", "scanvote.started": "1.00"}
    old = ProcessId.of_tags(tags)
    assert old.is_alive()
    assert not old.is_same(process_id.this_process())


def test_without_proc_a_process_has_the_time_of_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_id, "_PROC", Path("/nowhere"))
    own = process_id.this_process()
    assert own.pid == os.getpid()
    assert own.place == own.host
    assert float(own.tick) == psutil.Process().create_time()
    assert ProcessId.of_tags(own.tags()).is_alive()


def test_an_execution_has_one_id_in_a_repository_and_another_elsewhere(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = process_id.this_process()
    first = process_id.execution_id(own)
    assert process_id.execution_id(own) == first
    assert process_id.execution_id(replace(own, tick="1")) != first
    # two virtual machines restored from one image, alike in all that can be read
    monkeypatch.setenv("DVC_ROOT", str(tmp_path_factory.mktemp("another")))
    assert process_id.execution_id(own) != first


def test_files_of_executions_of_long_ago_are_deleted(repository: Path) -> None:
    own = process_id.this_process()
    process_id.execution_id(own)
    (old,) = (repository / ".cache/executions").iterdir()
    os.utime(old, (0, 0))
    process_id.execution_id(replace(own, tick="1"))
    assert old not in (repository / ".cache/executions").iterdir()
