"""What the worker is asked of next: lanes, bounds, and who is asked again."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanvote.serving.engine.batching import Request, Scheduler, is_volume
from scanvote.serving.engine.messages import Explain, Predict, Task
from scanvote.serving.engine_api import QueueFull, Upload, WorkerDied
from tests.making import write_dicom, write_nifti

GZIP = b"\x1f\x8b"


def image(name: str = "") -> Predict:
    return Predict(Upload(name, b"image"), pictures=True)


def volume() -> Predict:
    return Predict(Upload("", GZIP), pictures=True)


def explanation() -> Explain:
    return Explain(Upload("", b"image"), "lime", 0)


def desk(batch: int = 2, queue: int = 100) -> Scheduler:
    return Scheduler(batch, queue, held=10_000, explanations=2)


def looped(test: Callable[[], Any]) -> Any:
    """In an event loop, as futures are made."""

    async def run() -> Any:
        return test()

    return asyncio.run(run())


def test_two_batches_of_images_one_volume_and_one_explanation_are_sent():
    def test() -> None:
        full = desk(batch=3)
        tasks: list[Task] = [volume(), explanation(), *[image()] * 10, volume(), explanation()]
        requests = [full.add(task) for task in tasks]
        due = full.next_batch()
        assert sorted(one.number for one in due) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert full.next_batch() == []
        assert full.unanswered == len(requests)
        assert full.complete(1) is requests[0]
        assert [one.number for one in full.next_batch()] == [13]

    looped(test)


def test_what_the_worker_had_is_asked_again_alone_before_all_others():
    def test() -> None:
        full = desk(batch=1)
        requests = [full.add(image()) for _ in range(4)]
        assert full.next_batch() == requests[:2]
        full.requeue()
        for alone in requests[:2]:
            assert full.next_batch() == [alone]
            assert full.next_batch() == []
            assert full.complete(alone.number) is alone
        assert full.next_batch() == requests[2:]

    looped(test)


def test_what_two_workers_died_of_is_lost_and_nothing_else():
    def test() -> list[Request]:
        full = desk(batch=1)
        requests = [full.add(image()) for _ in range(3)]
        full.next_batch()
        full.requeue()
        full.next_batch()
        full.requeue()
        assert full.next_batch() == [requests[1]]
        assert isinstance(requests[0].answer.exception(), WorkerDied)
        assert not any(one.answer.done() for one in requests[1:])
        return requests

    looped(test)


def test_nobody_waits_for_what_is_forgotten():
    def test() -> None:
        full = desk(batch=1)
        requests = [full.add(image()) for _ in range(4)]
        full.next_batch()
        assert full.cancel(requests[0])
        assert not full.cancel(requests[3])
        requests[0].answer.cancel()
        full.requeue()
        assert full.next_batch() == [requests[1]]
        full.complete(2)
        assert full.next_batch() == [requests[2]]
        full.complete(3)
        assert (full.next_batch(), full.unanswered) == ([], 0)

    looped(test)


def test_explanations_have_a_bound_of_their_own():
    def test() -> None:
        full = desk(queue=1)
        full.add(image())
        full.add(explanation())
        full.add(explanation())
        for task in (image(), explanation()):
            with pytest.raises(QueueFull):
                full.add(task)

    looped(test)


STEPS = st.lists(st.sampled_from(["image", "volume", "explain", "send", "reply", "lost"]))


@given(STEPS, st.integers(1, 3))
def test_nothing_is_ever_sent_twice_at_a_time_nor_forgotten(steps: list[str], batch: int):
    def test() -> None:
        full, asked, in_worker = desk(batch), dict[int, Request](), dict[int, Request]()
        makers = {"image": image, "volume": volume, "explain": explanation}
        for step in [*steps, *["send", "reply"] * len(steps)]:
            if step in makers:
                try:
                    request = full.add(makers[step]())
                except QueueFull:
                    continue
                asked[request.number] = request
            elif step == "send":
                due = {one.number: one for one in full.next_batch()}
                assert not due.keys() & in_worker.keys()
                in_worker |= due
                assert len(in_worker) <= 2 * batch + 2
            elif step == "reply" and in_worker:
                number = next(iter(in_worker))
                assert full.complete(number) is in_worker.pop(number)
                asked.pop(number).answer.cancel()
            elif step == "lost":
                full.requeue()
                in_worker.clear()
                asked = {key: one for key, one in asked.items() if not one.answer.done()}
            assert full.unanswered == len(asked)
        while due := full.next_batch():
            for request in due:
                asked.pop(full.complete(request.number).number)
        assert asked == dict.fromkeys(in_worker) | in_worker

    looped(test)


def test_volumes_are_known_by_their_content(tmp_path):
    nifti = write_nifti(tmp_path / "a.nii")
    packed = write_nifti(tmp_path / "b.nii.gz")
    dicom = write_dicom(tmp_path / "c.dcm", None)
    for path in (nifti, packed, dicom):
        assert is_volume(path.read_bytes())
    assert is_volume(nifti.read_bytes().replace(b"n+1", b"ni1", 1)), "taken in like the other"
    for content in (b"", b"\x89PNG" + bytes(400), b"n+1", b"DICM"):
        assert not is_volume(content)
