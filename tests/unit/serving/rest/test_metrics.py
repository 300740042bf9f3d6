"""What the server counts of itself."""

from collections import Counter
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from scanvote.serving.engine_api import QueueFull
from tests.clients import PREDICT, asking, files
from tests.serving import FakeEngine, scan_png, tumour_png


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
    batches: Counter[int] = field(default_factory=lambda: Counter({8: 3, 1: 2}))
    restarts: int = 1
    worker_pid: int | None = None


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
    with asking(Telling(ready=False, waiting=5)) as client:
        told = counted(client.get("/metrics").text)
    assert told["scanvote_waiting_files",] == 5
    assert told["scanvote_ready",] == 0
    assert told["scanvote_batches_total", "size=8"] == 3
    assert told["scanvote_worker_restarts_total",] == 1
    assert told["process_resident_memory_bytes",] > 0


def test_two_servers_of_one_process_count_apart() -> None:
    with asking() as one, asking() as other:
        one.post(PREDICT, files=files(("a.png", scan_png())))
        assert "scanvote_scans_total{" in one.get("/metrics").text
        assert "scanvote_scans_total{" not in other.get("/metrics").text
