"""One worker asked by many: batches, bounds, refusals, and workers that die, hang or cannot load.

The worker is a process, as in earnest; but for one test it is a toy that does as the file says.
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
from scanvote.serving.engine.model import Model
from scanvote.serving.engine.supervised import EXPLANATIONS, HELD, EngineOptions, SupervisedEngine
from scanvote.serving.engine_api import (
    EngineError,
    Examined,
    QueueFull,
    RequestTimeout,
    Upload,
    WorkerDied,
)
from tests.serving import contents
from tests.toys import GZIP, load_and_die, load_nothing, load_toy

LONG = 60.0
"""Seconds: that a test waits at most for what it takes for granted."""


@asynccontextmanager
async def toy(
    load: Callable[[], Model] = load_toy, limits: Limits = Limits(), **options: Any
) -> AsyncIterator[SupervisedEngine]:
    given = {"batch": 4, "timeout": LONG, "explain_timeout": LONG, "backoff": 0.01, **options}
    engine = SupervisedEngine(contents(), "", {}, load, limits, EngineOptions(**given))
    async with engine.alive():
        yield engine


def played(test: Callable[..., Awaitable[None]], *arguments: Any) -> None:
    asyncio.run(asyncio.wait_for(test(*arguments), 2 * LONG))


async def until(holds: Callable[[], Any]) -> None:
    while not holds():
        await asyncio.sleep(0.005)


def asks(engine: SupervisedEngine, *texts: str) -> "list[asyncio.Task[list[Examined]]]":
    """Ask at once of files that say so and are called so."""
    return [asyncio.create_task(engine.predict(Upload(text, text.encode()))) for text in texts]


async def outcomes(tasks: "list[asyncio.Task[list[Examined]]]") -> list[str]:
    """Of each the file that was answered, or the exception."""
    found = await asyncio.gather(*tasks, return_exceptions=True)
    return [
        type(one).__name__ if isinstance(one, BaseException) else one[0].finding.file
        for one in found
    ]


async def decoded(engine: SupervisedEngine) -> None:
    """All that was asked: an explanation, of another thread, is asked for behind it."""
    await engine.explain(Upload("x", b"x"), "lime")


async def held_back(engine: SupervisedEngine, gate: Path) -> "asyncio.Task[list[Examined]]":
    """A file that keeps the worker busy until there is a file at `gate`."""
    await until(lambda: engine.ready)
    (task,) = asks(engine, f"until {gate}")
    await asyncio.sleep(0)
    return task


def test_everybody_has_the_answer_to_what_he_asked():
    async def many() -> None:
        async with toy(queue=100) as engine:
            names = [f"scan {number}" for number in range(100)]
            assert await outcomes(asks(engine, *names)) == names
            assert engine.waiting == 0

    played(many)


def test_what_waits_is_examined_together_and_what_comes_alone_at_once(tmp_path: Path):
    async def both() -> None:
        async with toy() as engine:
            alone = await engine.predict(Upload("alone", b"alone"))
            assert alone[0].finding.notes == ["1"]
            first = await held_back(engine, tmp_path / "gate")
            others = asks(engine, *"abcdefgh")
            await until(lambda: engine.waiting == 9)
            await decoded(engine)
            (tmp_path / "gate").touch()
            sizes = [task[0].finding.notes for task in await asyncio.gather(first, *others)]
            assert sizes.count(["4"]) >= 4
            assert max(engine.batches) == 4
            assert sum(size * times for size, times in engine.batches.items()) == 10

    played(both)


def test_pictures_are_drawn_where_they_are_wanted():
    async def twice() -> None:
        async with toy() as engine:
            with_them = (await engine.predict(Upload("a", b"a")))[0]
            assert with_them.scan.startswith(b"\x89PNG")
            assert with_them.mask.startswith(b"\x89PNG")
            without = (await engine.predict(Upload("a", b"a"), pictures=False))[0]
            assert (without.scan, without.mask) == (b"", b"")
            assert without.finding == with_them.finding

    played(twice)


def test_a_volume_has_its_slices_in_order_and_holds_up_no_image(tmp_path: Path):
    async def beside() -> None:
        async with toy(batch=2) as engine:
            await held_back(engine, tmp_path / "gate")
            order: list[str] = []
            tasks = [
                asyncio.create_task(noted(engine, content, order))
                for content in (GZIP + b"slices 40", GZIP + b"slices 39", b"image")
            ]
            await until(lambda: engine.waiting == 4)
            await decoded(engine)
            (tmp_path / "gate").touch()
            long, other, _ = await asyncio.gather(*tasks)
            assert [one.finding.slice for one in long] == list(range(40))
            assert len(other) == 39
            assert order[0] == "image"

    async def noted(engine: SupervisedEngine, content: bytes, order: list[str]) -> list[Examined]:
        found = await engine.predict(Upload("", content))
        order.append(content.decode(errors="replace"))
        return found

    played(beside)


def test_beyond_the_queue_the_next_is_told_so_at_once(tmp_path: Path):
    async def full() -> None:
        async with toy(batch=1, queue=3) as engine:
            first = await held_back(engine, tmp_path / "gate")
            in_worker = asks(engine, "a")
            waiting = asks(engine, "b", "c", "d")
            await until(lambda: engine.waiting == 5)
            with pytest.raises(QueueFull):
                await engine.predict(Upload("e", b"e"))
            (tmp_path / "gate").touch()
            assert await outcomes([*in_worker, *waiting]) == ["a", "b", "c", "d"]
            await first
            assert await outcomes(asks(engine, "e")) == ["e"]

    played(full)


def test_files_that_would_fill_the_memory_are_told_so(tmp_path: Path):
    async def fill() -> None:
        async with toy(limits=Limits(bytes=100)) as engine:
            await held_back(engine, tmp_path / "gate")
            big = asks(engine, *(f"{number}" * 100 for number in range(HELD - 1)))
            await until(lambda: engine.waiting == HELD)
            with pytest.raises(QueueFull, match="memory"):
                await engine.predict(Upload("e", b"e" * 100))
            (tmp_path / "gate").touch()
            assert len(await asyncio.gather(*big)) == HELD - 1

    played(fill)


def test_what_takes_too_long_is_told_so_and_the_next_is_served(tmp_path: Path):
    async def slow() -> None:
        async with toy(timeout=0.3, slack=LONG) as engine:
            await until(lambda: engine.ready)
            pid = engine.worker_pid
            with pytest.raises(RequestTimeout):
                await engine.predict(Upload("", f"until {tmp_path / 'gate'}".encode()))
            (tmp_path / "gate").touch()
            await until(lambda: engine.waiting == 0)
            assert await outcomes(asks(engine, "a")) == ["a"]
            assert engine.worker_pid == pid

    played(slow)


def test_what_nobody_waits_for_is_not_examined(tmp_path: Path):
    async def gone() -> None:
        async with toy(batch=1) as engine:
            first = await held_back(engine, tmp_path / "gate")
            tasks = asks(engine, "a", "b", "c", "d")  # a is in the worker, the others wait
            await until(lambda: engine.waiting == 5)
            for task in tasks[:3]:
                task.cancel()
            await until(lambda: engine.waiting <= 3)  # a counts until the worker knows
            (tmp_path / "gate").touch()
            assert await outcomes([first, tasks[3]]) == [f"until {tmp_path / 'gate'}", "d"]
            await until(lambda: engine.waiting == 0)
            assert engine.batches == {1: 2}

    played(gone)


@pytest.mark.parametrize(("word", "error"), [("refuse", "RejectedFile"), ("bug", "RuntimeError")])
def test_a_file_that_fails_does_not_touch_the_others_of_its_batch(
    word: str, error: str, tmp_path: Path
):
    async def together() -> None:
        async with toy() as engine:
            await held_back(engine, tmp_path / "gate")
            tasks = asks(engine, "a", word, "b", "c")
            await until(lambda: engine.waiting == 5 or word == "refuse")
            (tmp_path / "gate").touch()
            assert await outcomes(tasks) == ["a", error, "b", "c"]
            assert engine.restarts == 0

    played(together)


def test_a_refusal_keeps_its_status_and_reason():
    async def refused() -> None:
        async with toy() as engine:
            with pytest.raises(RejectedFile, match=r"a\.txt is no image") as caught:
                await engine.predict(Upload("a.txt", b"refuse"))
            assert caught.value.status == 415

    played(refused)


def test_a_worker_killed_in_the_middle_of_a_batch_costs_nobody_an_answer(tmp_path: Path):
    async def killed() -> None:
        async with toy() as engine:
            first = await held_back(engine, tmp_path / "gate")
            names = [f"scan {number}" for number in range(20)]
            tasks = asks(engine, *names)
            await until(lambda: engine.waiting == 21)
            pid = engine.worker_pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            (tmp_path / "gate").touch()
            assert await outcomes([first, *tasks]) == [f"until {tmp_path / 'gate'}", *names]
            assert engine.restarts == 1
            assert engine.worker_pid not in (None, pid)

    played(killed)


def test_only_the_file_that_kills_the_worker_twice_is_lost(tmp_path: Path):
    async def deadly() -> None:
        async with toy() as engine:
            await held_back(engine, tmp_path / "gate")
            tasks = asks(engine, "a", "die", *"bcdefghij")
            (tmp_path / "gate").touch()
            assert await outcomes(tasks) == ["a", "WorkerDied", *"bcdefghij"]
            assert (engine.waiting, engine.restarts) == (0, 2)

    played(deadly)


def test_a_file_that_kills_the_worker_once_is_answered(tmp_path: Path):
    async def deadly() -> None:
        async with toy() as engine:
            names = ["a", f"once {tmp_path / 'died'}", "b"]
            assert await outcomes(asks(engine, *names)) == names
            assert engine.restarts == 1

    played(deadly)


def test_an_explanation_that_kills_the_worker_twice_is_lost():
    async def deadly() -> None:
        async with toy() as engine:
            with pytest.raises(WorkerDied):
                await engine.explain(Upload("x", b"die"), "lime")
            assert engine.restarts == 2
            assert await outcomes(asks(engine, "a")) == ["a"]

    played(deadly)


def test_a_worker_that_hangs_is_replaced():
    async def hanging() -> None:
        async with toy(timeout=1.0, slack=0.2) as engine:
            await until(lambda: engine.ready)
            pid = engine.worker_pid
            assert await outcomes(asks(engine, "hang")) == ["RequestTimeout"]
            await until(lambda: engine.restarts == 1 and engine.ready)
            assert not psutil.pid_exists(pid or 0)
            assert await outcomes(asks(engine, "a")) == ["a"]

    played(hanging)


def test_a_package_that_cannot_be_loaded_is_told_to_all_and_tried_at_leisure(tmp_path: Path):
    async def damaged() -> None:
        async with toy(partial(load_nothing, tmp_path / "tries"), backoff=LONG) as engine:
            with pytest.raises(EngineError, match=r"members/1\.keras is damaged"):
                await engine.predict(Upload("a", b"a"))
            with pytest.raises(EngineError, match="damaged"):
                await engine.explain(Upload("a", b"a"), "lime")
            assert not engine.ready
            await asyncio.sleep(0.5)
            assert (tmp_path / "tries").read_text() == "tried\n"

    played(damaged)


def test_a_worker_that_dies_again_and_again_while_it_loads_is_told(tmp_path: Path):
    async def dying() -> None:
        async with toy(partial(load_and_die, tmp_path / "tries"), backoff=0.05) as engine:
            with pytest.raises(EngineError, match="died 3 times"):
                await engine.predict(Upload("a", b"a"))
            assert (tmp_path / "tries").read_text().count("tried") == 3

    played(dying)


def test_explanations_hold_up_no_prediction_and_are_few():
    async def explaining() -> None:
        async with toy() as engine:
            tasks = [
                asyncio.create_task(engine.explain(Upload("x", b"hang"), "lime"))
                for _ in range(EXPLANATIONS)
            ]
            await until(lambda: engine.waiting == EXPLANATIONS)
            with pytest.raises(QueueFull):
                await engine.explain(Upload("x", b"x"), "lime")
            assert await outcomes(asks(engine, "a", "b")) == ["a", "b"]
            for task in tasks:
                task.cancel()
            await until(lambda: engine.waiting == 0)  # the one that was being made gave up
            explained = await engine.explain(Upload("x", b"x"), "lime")
            assert list(explained.maps) == ["vote"]
            assert engine.restarts == 0

    played(explaining)


def test_explanations_that_cannot_be_are_refused():
    async def refused() -> None:
        async with toy() as engine:
            with pytest.raises(RejectedFile, match="serves no member") as caught:
                await engine.explain(Upload("x", b"x"), "gradcam")
            assert caught.value.status == 422
            for place in (3, -1):
                with pytest.raises(RejectedFile, match="x has 3 findings"):
                    await engine.explain(Upload("x", b"slices 3"), "lime", place)
            assert (await engine.explain(Upload("x", b"slices 3"), "lime", 2)).method == "lime"

    played(refused)


def test_when_the_server_ends_so_does_the_worker_and_all_are_told():
    async def ending() -> None:
        async with toy() as engine:
            await until(lambda: engine.ready)
            pid = engine.worker_pid
            tasks = asks(engine, "hang")
            await until(lambda: engine.waiting)
        assert not psutil.pid_exists(pid or 0)
        assert await outcomes(tasks) == ["EngineError"]

    played(ending)


PARENT = """
import asyncio, sys
from tests.unit.serving.engine.test_engine import *

async def stay():
    async with toy() as engine:
        await until(lambda: engine.ready)
        print(engine.worker_pid, flush=True)
        await engine.predict(Upload("", b"hang"))

if __name__ == "__main__":
    asyncio.run(stay())
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_a_server_that_is_killed(end: signal.Signals, tmp_path: Path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    paths = os.pathsep.join(
        [str(Path(__file__).parents[4] / "src"), str(Path(__file__).parents[4])]
    )
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": paths},
        text=True,
    ) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(end)
    worker.wait(LONG)
