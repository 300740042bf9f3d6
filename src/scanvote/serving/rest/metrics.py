"""Metrics for Prometheus; each server has its own registry."""

import time
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import scanvote
from scanvote.predict.schema import FileError
from scanvote.serving.engine_api import Engine, Examined

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
UNKNOWN = "unknown"
METHODS = ("GET", "HEAD", "POST")

router = APIRouter()


class ObservedLane(Protocol):
    """A lane of an engine, and how it works."""

    name: str
    answers: int
    """Number of files that its workers have answered."""
    losses: int
    """Number of workers lost so far."""

    @property
    def unanswered(self) -> Sequence[object]: ...

    @property
    def pids(self) -> list[int]: ...


@runtime_checkable
class Observed(Protocol):
    """An engine that reports how its lanes work."""

    lanes: Sequence[ObservedLane]


class Metrics:
    """The counters of one server."""

    def __init__(self, engine: Engine) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "scanvote_requests",
            "Requests that were answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "scanvote_request_seconds",
            "Seconds from the headers of a request to the end of its response",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.scans = Counter(
            "scanvote_scans",
            "Scans with a prediction, by the vote",
            ["vote"],
            registry=self.registry,
        )
        self.refused = Counter(
            "scanvote_refused_files",
            "Files without a prediction",
            ["status"],
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(_EngineCollector(engine))

    def count_files(self, examined: Sequence[Examined], refused: Sequence[FileError]) -> None:
        for one in examined:
            self.scans.labels(one.finding.vote or "").inc()
        for other in refused:
            self.refused.labels(str(other.status)).inc()


class _EngineCollector:
    """Read the engine's metrics at every scrape."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def collect(self) -> Iterable[Metric]:
        contents = self.engine.contents
        yield GaugeMetricFamily(
            "scanvote_ready",
            "1 if the model is loaded and a worker is alive",
            float(self.engine.ready),
        )
        yield GaugeMetricFamily(
            "scanvote_waiting_files", "Files that wait or are being processed", self.engine.waiting
        )
        labels = {
            "version": scanvote.__version__,
            "backend": contents.backend,
            "test": contents.test,
            "model_digest": contents.digest,
        }
        info = GaugeMetricFamily("scanvote_model_info", "The served model", labels=list(labels))
        info.add_metric(list(labels.values()), 1)
        yield info
        if isinstance(self.engine, Observed):
            yield from _lane_metrics(self.engine.lanes)


def _lane_metrics(lanes: Sequence[ObservedLane]) -> Iterable[Metric]:
    waiting = GaugeMetricFamily(
        "scanvote_lane_files", "Files that wait or are being processed", labels=["lane"]
    )
    answers = CounterMetricFamily(
        "scanvote_lane_answers", "Files that the workers have answered", labels=["lane"]
    )
    workers = GaugeMetricFamily("scanvote_workers", "Workers that are ready", labels=["lane"])
    memory = GaugeMetricFamily(
        "scanvote_worker_resident_bytes",
        "Resident memory of the workers; what they share counts for each",
        labels=["lane"],
    )
    for lane in lanes:
        waiting.add_metric([lane.name], len(lane.unanswered))
        answers.add_metric([lane.name], lane.answers)
        workers.add_metric([lane.name], len(lane.pids))
        memory.add_metric([lane.name], sum(map(_resident_bytes, lane.pids)))
    yield from (waiting, answers, workers, memory)
    losses = sum(lane.losses for lane in lanes)
    yield CounterMetricFamily("scanvote_worker_restarts", "Workers lost so far", losses)


def _resident_bytes(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


class Measuring:
    """Count and time requests by route, never by the requested address."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        start, status = time.perf_counter(), 499  # 499: disconnected before a response began

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            metrics: Metrics = scope["app"].state.metrics
            route = getattr(scope.get("route"), "path", UNKNOWN)
            method = scope["method"] if scope["method"] in METHODS else "other"
            metrics.requests.labels(method, route, str(status)).inc()
            metrics.seconds.labels(route).observe(time.perf_counter() - start)


@router.get(
    "/metrics",
    tags=["operation"],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
async def metrics(request: Request) -> Response:
    """Return the metrics in Prometheus' text format."""
    counters: Metrics = request.app.state.metrics
    return Response(generate_latest(counters.registry), media_type=CONTENT_TYPE_LATEST)
