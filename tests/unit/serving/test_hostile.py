"""Hundreds of uploads that nobody should send, to a server with a model: all are answered."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from scanvote.inputs.scan import Limits
from scanvote.serving.app import make_app
from scanvote.serving.engine.engine import EngineOptions, WorkerEngine, start_engine
from scanvote.serving.options import ServeOptions
from tests.clients import HERE, PREDICT, TestClient
from tests.graphs import write_graph_package
from tests.hostile import Hostile, hostile_files

COUNT = 500
LIMITS = Limits(bytes=2**20, pixels=10**6)
GROWTH = 64 * 2**20
"""Bytes of server and worker together that count as steady."""
ANSWERS = {200, 400, 413, 415, 422}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_graph_package(tmp_path_factory.mktemp("root") / "package")


@contextmanager
def asking_model(package: Path) -> Iterator[tuple[TestClient, WorkerEngine]]:
    options = ServeOptions(limits=LIMITS)
    app = make_app(lambda: start_engine(package, LIMITS, EngineOptions()), options)
    with TestClient(app, base_url=HERE) as client:
        yield client, app.state.engine


def form(uploads: list[Hostile]) -> dict[str, Any]:
    """Written by hand: no client would send some of these names."""
    body = b""
    for upload in uploads:
        escaped = upload.name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        name = escaped.encode("utf-8", "surrogatepass")
        body += b'--B\r\nContent-Disposition: form-data; name="files"; filename="' + name
        body += b'"\r\n\r\n' + upload.content + b"\r\n"
    headers = {"content-type": "multipart/form-data; boundary=B"}
    return {"content": body + b"--B--\r\n", "headers": headers}


@pytest.mark.slow
def test_hostile_uploads_are_answered_leave_no_file_and_take_no_memory(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path)
    uploads = list(hostile_files(7, COUNT))
    with asking_model(package) as (client, engine):
        _ask(client, uploads)  # what libraries keep once
        before = _memory(engine)
        left = sorted(tmp_path.rglob("*"))
        statuses = _ask(client, uploads)
        assert _memory(engine) - before < GROWTH
        assert sorted(tmp_path.rglob("*")) == left
        assert not any(lane.losses for lane in engine.lanes)
        assert client.get("/readyz").status_code == 200
    wrong = [
        (upload.kind, upload.name[:40], upload.status, status)
        for upload, status in zip(uploads, statuses, strict=True)
        if status not in ANSWERS or upload.status not in (None, status)
    ]
    assert wrong == []


def _ask(client: TestClient, uploads: list[Hostile]) -> list[int]:
    return [client.post(PREDICT, **form([one])).status_code for one in uploads]


def _memory(engine: WorkerEngine) -> int:
    gc.collect()
    workers = [pid for lane in engine.lanes for pid in lane.pids]
    assert workers
    return sum(psutil.Process(pid).memory_info().rss for pid in (None, *workers))
