"""A machine that gives way: a disk that fills up, and kills; see `benchmarks/faults.py`."""

import random
import shlex

import pytest

from tests.pipeline import faults

pytestmark = pytest.mark.slow
STAGES = (
    "sources",
    *(f"{stage}@classification" for stage in ("download", "deduplicate", "prepare")),
    "search@ann",
)
ROOMS = (6_000, 100_000)
"""Bytes free: for less than the first file of a stage, and for some of them."""
MADE = ("data/raw", "data/deduplicated", "data/prepared", "models/search/ann", "metrics")
KILLED = ("prepare@classification", "search@ann")


def commands(workspace):
    """Of the stages up to the search of one family, as dvc.lock of a run has them."""
    lock = faults.lock_of(workspace)
    return [faults.Stage(name, shlex.split(lock[name]["cmd"])) for name in STAGES]


def made(workspace):
    folder = workspace / ""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for name in MADE
        for path in (folder / name).rglob("*")
        if path.is_file() and path.name != ".gitignore"
    }


@pytest.fixture(scope="module")
def killed(checkout):
    """After `dvc repro search@ann`, killed at a moment of some stages, and run to its end."""
    workspace, draw = checkout("killed"), random.Random(1)
    for stage in KILLED:
        repro = faults.Repro(workspace, ["search@ann"])
        assert repro.wait_for(stage), repro.err
        assert repro.kill(after=draw.uniform(0, 0.5)), "killed too late"
    workspace.dvc("repro", "search@ann")
    return workspace


def test_a_pipeline_killed_and_run_again_leaves_nothing_half_written(killed):
    assert not faults.unfinished(killed)
    assert not killed.ran("search@ann")


def test_a_full_disk_is_one_line_and_every_stage_goes_on(killed, checkout, tmp_path):
    try:
        disk = faults.Disk(tmp_path / "disk", "400m")
    except PermissionError as error:
        pytest.skip(f"{error}; tests/unit/core/test_machine.py raises the errors instead")
    workspace = faults.on_disk(checkout("whole"), disk)
    try:
        for stage in commands(killed):
            outcome = faults.Outcome()
            for room in ROOMS:
                faults.run_filled(workspace, stage, room, outcome)
            assert outcome.failed
            assert not outcome.ill_said, outcome.ill_said[0]
            assert not outcome.left
            done = workspace.run(*stage.command)
            assert done.returncode == 0, done.stderr
        assert made(workspace) == made(killed), "a fault changed a result"
    finally:
        disk.close()
