"""What the server counts of itself."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from scanvote.serving.engine.lane import Lane
from scanvote.serving.engine.process import Worker
from scanvote.serving.engine_api import QueueFull
from tests.clients import PREDICT, asking, files
from tests.serving import FakeEngine, scan_png, tumour_png
from tests.toys import load_toy


def counted(text: str) -> dict[tuple[str, ...], float]:
    """By name and labels."""
    return {
        (
            sample.name,
            *(f"{key}={value}" for key, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@dataclass
class Telling(FakeEngine):
    lanes: Sequence[Lane] = ()


def test_requests_are_counted_by_route_and_status_and_never_by_what_was_asked_for() -> None:
    with asking() as client:
        client.post(PREDICT, files=files(("a.png", scan_png())))
        client.post(PREDICT, files=files(("doe-jane.txt", b"x")))
        client.get("/doe-jane")
        client.request("BREW", "/")
        text = client.get("/metrics").text
    told = counted(text)
    assert told["scanvote_requests_total", "method=POST", f"route={PREDICT}", "status=200"] == 1
    assert told["scanvote_requests_total", "method=POST", f"route={PREDICT}", "status=415"] == 1
    assert told["scanvote_requests_total", "method=GET", "route=unknown", "status=404"] == 1
    assert told["scanvote_request_seconds_count", f"route={PREDICT}"] == 2
    assert "doe" not in text
    assert "BREW" not in text


def test_files_are_counted_by_what_became_of_them() -> None:
    engine = FakeEngine()
    with asking(engine) as client:
        client.post(PREDICT, files=files(("a.png", tumour_png()), ("b.txt", b"x")))
        engine.failure = QueueFull("the queue is full")
        client.post(PREDICT, files=files(("a.png", tumour_png())))
        told = counted(client.get("/metrics").text)
    assert told["scanvote_scans_total", "vote=glioma"] == 1
    assert told["scanvote_refused_files_total", "status=415"] == 1
    assert told["scanvote_refused_files_total", "status=429"] == 1


def test_the_engine_tells_how_it_works() -> None:
    lanes = [Lane(name, load_toy, 1, 1.0, 1.0, answers=3, losses=1) for name in ("small", "large")]
    lanes[1].ready.add(Worker(os.getpid(), None, None))
    lanes[1].asked.add(object())
    with asking(Telling(ready=False, waiting=5, lanes=lanes)) as client:
        told = counted(client.get("/metrics").text)
    assert told["scanvote_waiting_files",] == 5
    assert told["scanvote_ready",] == 0
    assert told["scanvote_worker_restarts_total",] == 2
    for name, value in {"lane_files": 1, "workers": 1, "lane_answers_total": 3}.items():
        assert told[f"scanvote_{name}", "lane=large"] == value
    assert told["scanvote_workers", "lane=small"] == 0
    assert told["scanvote_worker_resident_bytes", "lane=large"] > 0
    assert told["scanvote_worker_resident_bytes", "lane=small"] == 0
    assert told["process_resident_memory_bytes",] > 0


def test_two_servers_of_one_process_count_apart() -> None:
    with asking() as one, asking() as other:
        one.post(PREDICT, files=files(("a.png", scan_png())))
        assert "scanvote_scans_total{" in one.get("/metrics").text
        assert "scanvote_scans_total{" not in other.get("/metrics").text
