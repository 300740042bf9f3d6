"""Batches of several files' scans: bounded, complete, and none waits for a long one."""

from collections import deque

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scanvote.inputs.scan import InputScan
from scanvote.serving.engine.fair_batch import BatchJob, fair_batch
from scanvote.serving.engine.messages import Predict, Submit
from scanvote.serving.engine_api import Upload

IMAGE = np.zeros((1, 1, 3), np.uint8)


def job(number: int, scans: int) -> BatchJob:
    ask = Submit(number, Predict(Upload("", b""), pictures=False))
    return BatchJob(ask, [InputScan(f"{number}", IMAGE, slice=place) for place in range(scans)])


@given(st.lists(st.integers(1, 12), max_size=12), st.integers(1, 8))
def test_every_scan_is_in_one_batch_and_those_of_a_file_in_order(counts: list[int], most: int):
    jobs = deque(job(number, count) for number, count in enumerate(counts))
    places: dict[int, list[int]] = {number: [] for number in range(len(counts))}
    while jobs:
        parts = fair_batch(jobs, most)
        assert 0 < len(parts) <= most
        assert len(parts) == most or not jobs
        for part in parts:
            assert part.scan.slice == part.place
            places[part.job.ask.number].append(part.place)
    assert list(places.values()) == [list(range(count)) for count in counts]


@given(st.integers(1, 500), st.integers(1, 10), st.integers(1, 8))
def test_a_single_scan_waits_for_no_more_than_one_of_each_file_before_it(
    long: int, singles: int, most: int
):
    jobs = deque([job(0, long), *(job(number, 1) for number in range(1, singles + 1))])
    order = []
    while len(order) < singles + 1:
        order += [part.job.ask.number for part in fair_batch(jobs, most)]
    assert order[: singles + 1] == list(range(singles + 1))
