"""Lanes, bounds, refusals, and workers that die, hang or cannot load.

The workers are processes, as in earnest, with a toy that does as the file says in place of a model.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from scanvote.inputs.scan import Limits, RejectedFile
from scanvote.serving.engine.engine import (
    EXPLANATIONS,
    HELD,
    NICENESS,
    SMALL_BYTES,
    EngineOptions,
    WorkerEngine,
    is_large,
)
from scanvote.serving.engine.model import Model
from scanvote.serving.engine_api import (
    EngineError,
    Examined,
    QueueFull,
    RequestTimeout,
    Upload,
    WorkerDied,
)
from tests.making import write_dicom, write_nifti
from tests.serving import contents
from tests.toys import GZIP, load_and_die, load_nothing, load_toy

LONG = 60.0
"""Seconds that a test waits at most for what it takes for granted."""
ROOT = Path(__file__).parents[4]


@asynccontextmanager
async def toy(
    load: Callable[..., Model] = load_toy, limits: Limits = Limits(), **options: Any
) -> AsyncIterator[WorkerEngine]:
    """An engine with one worker for small files, if `options` say nothing else."""
    given = {"workers": 1, "timeout": LONG, "explain_timeout": LONG, "backoff": 0.01, **options}
    engine = WorkerEngine(contents(), "", {}, load, limits, EngineOptions(**given))
    async with engine.alive():
        yield engine


def played(test: Callable[..., Awaitable[None]], *arguments: Any) -> None:
    asyncio.run(asyncio.wait_for(test(*arguments), 2 * LONG))


async def until(holds: Callable[[], Any]) -> None:
    while not holds():
        await asyncio.sleep(0.005)


def ask(engine: WorkerEngine, *texts: str) -> "list[asyncio.Task[list[Examined]]]":
    """Ask at once about files that say so and are called so."""
    return [asyncio.create_task(engine.predict(Upload(text, text.encode()))) for text in texts]


async def outcomes(tasks: "list[asyncio.Task[list[Examined]]]") -> list[str]:
    """The file of each answer, or the name of the exception."""
    found = await asyncio.gather(*tasks, return_exceptions=True)
    return [
        type(one).__name__ if isinstance(one, BaseException) else one[0].finding.file
        for one in found
    ]


async def notes(engine: WorkerEngine, content: bytes) -> list[str]:
    return (await engine.predict(Upload("", content)))[0].finding.notes


def losses(engine: WorkerEngine) -> int:
    return sum(lane.losses for lane in engine.lanes)


async def busy(engine: WorkerEngine, gate: Path) -> "asyncio.Task[list[Examined]]":
    """A file that keeps a worker busy until there is a file at `gate`."""
    await until(lambda: engine.ready)
    (task,) = ask(engine, f"until {gate}")
    await until(lambda: engine.lanes[0].asked)
    return task


def test_everybody_has_the_answer_to_what_he_asked():
    async def many() -> None:
        async with toy(workers=2) as engine:
            names = [f"scan {number}" for number in range(100)]
            assert await outcomes(ask(engine, *names)) == names
            assert engine.waiting == 0
            assert engine.lanes[0].answers == 100

    played(many)


def test_workers_start_when_the_others_are_busy_and_as_many_as_are_allowed(tmp_path: Path):
    async def busier() -> None:
        async with toy(workers=2) as engine:
            for _ in range(3):
                assert await outcomes(ask(engine, "a")) == ["a"]
            assert len(engine.lanes[0].pids) == 1
            tasks = ask(engine, *(f"until {tmp_path / name}" for name in "123"))
            await until(lambda: len(engine.lanes[0].asked) == 2)
            assert len(engine.lanes[0].waiting) == 1
            (tmp_path / "2").touch()
            await tasks[1]
            await until(lambda: len(engine.lanes[0].asked) == 2)
            for name in "13":
                (tmp_path / name).touch()
            await asyncio.gather(*tasks)
            assert [len(lane.pids) for lane in engine.lanes] == [2, 0, 0]

    played(busier)


def test_large_files_and_explanations_hold_up_no_small_file_nor_each_other(tmp_path: Path):
    async def beside() -> None:
        gate = f"until {tmp_path / 'gate'}".encode()
        async with toy() as engine:
            volumes = [
                asyncio.create_task(engine.predict(Upload("", GZIP + gate))) for _ in range(2)
            ]
            small = await notes(engine, b"small")
            assert small == ["small", str(os.nice(0))]
            assert (await engine.explain(Upload("x", b"x"), "lime")).method == "lime"
            await until(lambda: engine.lanes[1].asked)
            assert (len(engine.lanes[1].asked), len(engine.lanes[1].waiting)) == (1, 1)
            (tmp_path / "gate").touch()
            for (one,) in await asyncio.gather(*volumes):
                assert one.finding.notes == ["large", str(os.nice(0) + NICENESS)]

    played(beside)


def test_a_file_that_proves_large_in_a_worker_moves_to_the_other_lane():
    async def moved() -> None:
        async with toy() as engine:
            assert (await notes(engine, b"deep"))[0] == "large"
            assert (await notes(engine, b"a"))[0] == "small"
            assert engine.waiting == 0

    played(moved)


def test_files_are_large_by_their_size_and_as_volumes(tmp_path: Path):
    nifti = write_nifti(tmp_path / "a.nii").read_bytes()
    for content in (nifti, GZIP, nifti.replace(b"n+1", b"ni1", 1), bytes(SMALL_BYTES + 1)):
        assert is_large(content)
    one_slice = write_dicom(tmp_path / "c.dcm", None).read_bytes()
    for content in (b"", b"\x89PNG" + bytes(400), b"n+1", one_slice, bytes(SMALL_BYTES)):
        assert not is_large(content)


def test_beyond_the_queue_the_next_is_told_so_at_once(tmp_path: Path):
    async def full() -> None:
        async with toy(queue=3) as engine:
            first = await busy(engine, tmp_path / "gate")
            waiting = ask(engine, "b", "c", "d")
            await until(lambda: engine.waiting == 4)
            for content in (b"e", GZIP):
                with pytest.raises(QueueFull, match="3 files wait already"):
                    await engine.predict(Upload("e", content))
            (tmp_path / "gate").touch()
            assert await outcomes(waiting) == ["b", "c", "d"]
            await first
            assert await outcomes(ask(engine, "e")) == ["e"]

    played(full)


def test_files_that_would_fill_the_memory_are_told_so(tmp_path: Path):
    async def fill() -> None:
        async with toy(limits=Limits(bytes=100)) as engine:
            await busy(engine, tmp_path / "gate")
            big = ask(engine, *(f"{number}" * 100 for number in range(HELD - 1)))
            await until(lambda: engine.waiting == HELD)
            for method in (engine.predict, partial(engine.explain, method="lime")):
                with pytest.raises(QueueFull, match="memory"):
                    await method(Upload("e", b"e" * 100))
            (tmp_path / "gate").touch()
            assert len(await asyncio.gather(*big)) == HELD - 1

    played(fill)


def test_what_takes_too_long_is_told_so_and_the_next_is_served(tmp_path: Path):
    async def slow() -> None:
        async with toy(timeout=0.1, slack=LONG) as engine:
            await until(lambda: engine.ready)
            pids = engine.lanes[0].pids
            with pytest.raises(RequestTimeout, match=r"no answer within 0\.1 s"):
                await engine.predict(Upload("", f"until {tmp_path / 'gate'}".encode()))
            assert engine.waiting == 1, "the worker still has it"
            (tmp_path / "gate").touch()
            await until(lambda: engine.waiting == 0)
            assert await outcomes(ask(engine, "a")) == ["a"]
            assert engine.lanes[0].pids == pids

    played(slow)


def test_what_nobody_waits_for_is_not_examined(tmp_path: Path):
    async def gone() -> None:
        async with toy() as engine:
            first = await busy(engine, tmp_path / "gate")
            tasks = ask(engine, *(f"once {tmp_path / name}" for name in "ab"), "c")
            await until(lambda: engine.waiting == 4)
            for task in tasks[:2]:
                task.cancel()
            await until(lambda: engine.waiting == 2)
            (tmp_path / "gate").touch()
            assert await outcomes([first, tasks[2]]) == [f"until {tmp_path / 'gate'}", "c"]
            assert not (tmp_path / "a").exists()
            assert engine.lanes[0].answers == 2

    played(gone)


def test_an_explanation_that_nobody_waits_for_is_given_up_by_the_same_worker(tmp_path: Path):
    async def gone() -> None:
        async with toy() as engine:
            upload = Upload("x", f"check {tmp_path / 'begun'}".encode())
            task = asyncio.create_task(engine.explain(upload, "lime"))
            await until((tmp_path / "begun").exists)
            task.cancel()
            await until(lambda: engine.waiting == 0)
            for _ in range(2):  # a cancellation that comes too late disturbs nothing
                assert (await engine.explain(Upload("x", b"x"), "lime")).maps == {"vote": b""}
            assert losses(engine) == 0

    played(gone)


@pytest.mark.parametrize(("word", "error"), [("refuse", "RejectedFile"), ("bug", "RuntimeError")])
def test_a_file_that_fails_does_not_touch_the_others(word: str, error: str):
    async def together() -> None:
        async with toy() as engine:
            assert await outcomes(ask(engine, "a", word, "b")) == ["a", error, "b"]
            assert losses(engine) == 0

    played(together)


def test_a_refusal_keeps_its_status_and_reason():
    async def refused() -> None:
        async with toy() as engine:
            with pytest.raises(RejectedFile, match=r"a\.txt is no image") as caught:
                await engine.predict(Upload("a.txt", b"refuse"))
            assert caught.value.status == 415
            with pytest.raises(RejectedFile, match="serves no member") as caught:
                await engine.explain(Upload("x", b"x"), "gradcam")
            assert caught.value.status == 422

    played(refused)


def test_a_worker_killed_while_it_has_a_file_costs_nobody_an_answer(tmp_path: Path):
    async def killed() -> None:
        async with toy(workers=2) as engine:
            first = await busy(engine, tmp_path / "gate")
            names = [f"scan {number}" for number in range(20)]
            tasks = ask(engine, *names)
            (pid, *_) = engine.lanes[0].pids
            os.kill(pid, signal.SIGKILL)
            (tmp_path / "gate").touch()
            assert await outcomes([first, *tasks]) == [f"until {tmp_path / 'gate'}", *names]
            assert losses(engine) == 1

    played(killed)


def test_a_worker_killed_while_it_is_idle_is_replaced_at_once_and_no_file_is_blamed():
    async def killed() -> None:
        async with toy() as engine:
            for number in range(1, 4):
                await until(lambda: engine.ready)
                os.kill(engine.lanes[0].pids[0], signal.SIGKILL)
                await until(lambda count=number: losses(engine) == count)
            assert await outcomes(ask(engine, "a")) == ["a"]

    played(killed)


def test_only_the_file_that_kills_two_workers_is_lost():
    async def deadly() -> None:
        async with toy() as engine:
            tasks = ask(engine, "a", "die", *"bcdef")
            assert await outcomes(tasks) == ["a", "WorkerDied", *"bcdef"]
            assert (engine.waiting, losses(engine)) == (0, 2)

    played(deadly)


def test_a_file_that_kills_one_worker_is_answered(tmp_path: Path):
    async def deadly() -> None:
        async with toy() as engine:
            names = ["a", f"once {tmp_path / 'died'}", "b"]
            assert await outcomes(ask(engine, *names)) == names
            assert losses(engine) == 1

    played(deadly)


def test_an_explanation_that_kills_two_workers_is_lost():
    async def deadly() -> None:
        async with toy() as engine:
            with pytest.raises(WorkerDied, match="x: the worker died on this file twice"):
                await engine.explain(Upload("x", b"die"), "lime")
            await until(lambda: [lane.losses for lane in engine.lanes] == [0, 0, 2])
            assert await outcomes(ask(engine, "a")) == ["a"]

    played(deadly)


def test_a_worker_that_hangs_is_replaced():
    async def hanging() -> None:
        async with toy(timeout=0.3, slack=0.1) as engine:
            await until(lambda: engine.ready)
            (pid,) = engine.lanes[0].pids
            assert await outcomes(ask(engine, "hang")) == ["RequestTimeout"]
            await until(lambda: losses(engine) == 1 and engine.ready)
            assert not psutil.pid_exists(pid)
            assert await outcomes(ask(engine, "a")) == ["a"]

    played(hanging)


def test_a_package_that_cannot_be_loaded_is_told_to_all_and_tried_at_leisure(tmp_path: Path):
    async def damaged() -> None:
        load = partial(load_nothing, tmp_path / "tries")
        async with toy(load, workers=2, backoff=LONG) as engine:
            tasks = ask(engine, "a", "b", "c")
            assert await outcomes(tasks) == ["EngineError"] * 3
            with pytest.raises(EngineError, match=r"members/1\.keras is damaged"):
                await engine.predict(Upload("a", b"a"))
            assert not engine.ready
            await asyncio.sleep(0.2)
            assert (tmp_path / "tries").read_text() == "tried\n"
            with pytest.raises(EngineError, match="damaged"):
                await engine.explain(Upload("a", b"a"), "lime")

    played(damaged)


def test_a_worker_that_dies_again_and_again_while_it_loads_is_told(tmp_path: Path):
    async def dying() -> None:
        async with toy(partial(load_and_die, tmp_path / "tries"), backoff=0.05) as engine:
            with pytest.raises(EngineError, match="died 3 times"):
                await engine.predict(Upload("a", b"a"))
            assert (tmp_path / "tries").read_text().count("tried") == 3

    played(dying)


def test_explanations_are_few(tmp_path: Path):
    async def explaining() -> None:
        async with toy() as engine:
            gate = f"until {tmp_path / 'gate'}".encode()
            tasks = [
                asyncio.create_task(engine.explain(Upload("x", gate), "lime"))
                for _ in range(EXPLANATIONS)
            ]
            await until(lambda: engine.waiting == EXPLANATIONS)
            with pytest.raises(QueueFull, match="enough explanations"):
                await engine.explain(Upload("x", b"x"), "lime")
            (tmp_path / "gate").touch()
            assert len(await asyncio.gather(*tasks)) == EXPLANATIONS

    played(explaining)


def test_when_the_server_ends_so_do_the_workers_and_all_are_told():
    async def ending() -> None:
        async with toy() as engine:
            await until(lambda: engine.ready)
            pids = engine.lanes[0].pids
            tasks = ask(engine, "hang", "b")
            await until(lambda: engine.lanes[0].asked)
        assert not any(map(psutil.pid_exists, pids))
        assert await outcomes(tasks) == ["EngineError"] * 2
        with pytest.raises(EngineError, match="the server ends"):
            await engine.predict(Upload("c", b"c"))

    played(ending)


PARENT = """
import asyncio, sys
from tests.unit.serving.engine.test_engine import *

async def stay():
    async with toy() as engine:
        await until(lambda: engine.ready)
        task = ask(engine, "hang")[0]
        await until(lambda: engine.lanes[0].asked)
        print(*engine.lanes[0].pids, flush=True)
        await task

if __name__ == "__main__":
    asyncio.run(stay())
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_a_server_that_is_killed(end: signal.Signals, tmp_path: Path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        text=True,
    ) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        started = [worker, *psutil.Process(parent.pid).children(recursive=True)]
        parent.send_signal(end)
    gone, alive = psutil.wait_procs(started, LONG)
    assert (len(gone) >= 2, alive) == (True, [])
