"""Experiments side by side, with a pretended DVC."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from scanvote.commands.recipe_parallel import run_at_once
from scanvote.params.compute import ComputeParams

DVC = """#!/bin/sh
echo "$*" >>words
ls | grep -c begins >>"beginning at once"
touch "$5 begins"; sleep 0.3; rm "$5 begins"
echo "Reproducing experiment '$5'"
echo "Running stage 'deduplicate@classification':"
echo "Running stage 'deduplicate@segmentation':"
sleep 0.3
touch "$5 shared"
echo "Stage 'prepare@classification' is cached - skipping run"
test "$5" != b || { echo "scanvote: no space"; echo "ERROR: failed to reproduce 'x'"; exit 1; }
test -z "$NEEDS" || while ! test -e "$NEEDS shared"; do sleep 0.05; done
echo "$SCANVOTE_WORKERS" >>workers
touch "$5"
"""
COMMANDS = {name: ["./dvc", "exp", "run", "-n", name] for name in "abc"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dvc").write_text(DVC)
    (tmp_path / "dvc").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("scanvote.commands.recipe_parallel.LOOK", 0.02)
    return tmp_path


def run(scheduler: str = "tcp://127.0.0.1:9", workers: int | None = None) -> list[str]:
    compute = ComputeParams(scheduler=scheduler, workers=workers)
    return run_at_once(COMMANDS, compute, lambda name: Path(name).exists())


def test_they_begin_one_by_one_and_run_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEEDS", "c")
    assert run() == ["b"]
    assert set((folder / "beginning at once").read_text().split()) == {"0"}
    assert (folder / "words").read_text().splitlines()[0] == "--wait-for-lock exp run -n a --temp"
    said = capsys.readouterr().out
    assert "a begins; its output is in .cache/recipes/a.log" in said
    assert "b failed after" in said
    assert "scanvote: no space\n" in said


def test_they_share_the_jobs_of_slurm(folder: Path) -> None:
    assert run("slurm", 7) == ["b"]
    assert (folder / "workers").read_text().split() == ["2", "2"]


def test_all_end_if_this_process_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEEDS", "nothing")
    log = folder / ".cache/recipes/c.log"

    def stop() -> None:
        while not (log.exists() and "prepare" in log.read_text()):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop).start()
    with pytest.raises(KeyboardInterrupt):
        run()
    running = [*Path("/proc").glob("[0-9]*/cwd")]
    assert [
        one for one in running if one.parent.name != str(os.getpid()) and _is(one, folder)
    ] == []


def _is(link: Path, folder: Path) -> bool:
    try:
        return link.resolve(strict=True) == folder
    except OSError:
        return False
