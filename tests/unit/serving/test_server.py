"""The server in earnest, on a socket: clients that take their time, signals, ports."""

import asyncio
import gc
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from scanvote import cli
from scanvote.core.errors import InputError
from scanvote.serving.app import make_app
from scanvote.serving.engine import EngineOptions
from scanvote.serving.options import ServeOptions
from scanvote.serving.server import address, bound, configured, serve
from scanvote.serving.slow_clients import LONGEST_HEADERS
from tests.clients import PREDICT, files
from tests.serving import FakeEngine, scan_png

ROOT = Path(__file__).parents[3]
LONG = 60.0
"""Seconds that a test waits at most for what it takes for granted."""


@contextmanager
def serving(engine: FakeEngine | None = None, **options: Any) -> Iterator[tuple[str, int]]:
    """A server on a thread, at host and port."""
    given = ServeOptions(**options)
    app = make_app(lambda: nullcontext(engine or FakeEngine()), given)
    server = uvicorn.Server(configured(app, given))
    with bound("127.0.0.1", 0) as listening:
        running = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        running.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield listening.getsockname()
        finally:
            server.should_exit = True
            running.join()


@contextmanager
def connected(place: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(place, timeout=LONG) as connection:
        yield connection


def ended(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    came = b""
    while piece := connection.recv(2**16):
        came += piece
    return came


def post(place: tuple[str, int]) -> int:
    url = f"http://{place[0]}:{place[1]}{PREDICT}"
    return httpx.post(url, files=files(("a.png", scan_png())), timeout=LONG).status_code


def test_a_client_that_sends_no_headers_is_left_and_harms_nobody() -> None:
    with serving(header_seconds=0.3) as place, connected(place) as slow, connected(place) as silent:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        assert post(place) == 200
        assert ended(slow) == b""
        assert ended(silent) == b""


def test_a_client_whose_body_does_not_come_is_told_408_and_harms_nobody() -> None:
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n" % PREDICT.encode()
    kind = b"Content-Type: multipart/form-data; boundary=B\r\n\r\n"
    with serving(body_seconds=0.3) as place, connected(place) as slow:
        slow.sendall(head + kind + b"--B\r\n")
        assert post(place) == 200
        assert ended(slow).startswith(b"HTTP/1.1 408")


def test_what_is_left_of_a_body_that_was_answered_is_not_awaited_for_ever() -> None:
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" % PREDICT.encode()
    with serving(header_seconds=0.3) as place, connected(place) as slow:
        slow.sendall(head)
        assert ended(slow).startswith(b"HTTP/1.1 415")


def test_a_client_that_asks_again_in_time_keeps_its_connection() -> None:
    with serving(header_seconds=1) as place:
        client = HTTPConnection(*place, timeout=LONG)
        client.connect()
        client.auto_open = 0  # it would hide that the server ended the connection
        for _ in range(5):
            client.request("GET", "/healthz")
            assert client.getresponse().read()
            time.sleep(0.4)
        client.close()


def test_headers_without_end_are_refused() -> None:
    with serving() as place, connected(place) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX: " + b"y" * (LONGEST_HEADERS + 2**10))
        assert client.recv(2**10).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("OPTIONS / HTTP/1.0", b"204"),  # as HAProxy asks by default
        ("HEAD /healthz HTTP/1.0", b"200"),
        ("GET /readyz HTTP/1.0", b"200"),
        ("GET / HTTP/1.0", b"421"),
        ("OPTIONS /model HTTP/1.0", b"421"),
        ("POST / HTTP/1.0", b"421"),
        ("GET /healthz HTTP/1.0\r\nHost: example.org", b"421"),
        ("OPTIONS / HTTP/1.0\r\nHost:", b"421"),
        ("GET /healthz HTTP/1.1\r\nConnection: close", b"421"),
    ],
)
def test_without_a_host_only_checks_of_health_by_http_1_0_are_answered(
    checked: tuple[str, int], request_line: str, status: bytes
) -> None:
    with connected(checked) as client:
        client.sendall(f"{request_line}\r\n\r\n".encode())
        head, _, body = ended(client).partition(b"\r\n\r\n")
    assert head.split()[1] == status
    assert not (body and request_line.startswith("HEAD"))


@pytest.fixture(scope="module")
def checked() -> Iterator[tuple[str, int]]:
    with serving() as place:
        yield place


def test_a_large_body_does_not_count_as_headers() -> None:
    with serving() as place:
        url = f"http://{place[0]}:{place[1]}{PREDICT}"
        large = scan_png() + bytes(2**20)
        with httpx.Client(timeout=LONG) as client:
            for _ in range(3):  # on one connection
                assert client.post(url, files=files(("a.png", large))).status_code == 422


def test_a_client_that_does_not_read_its_answer_is_left() -> None:
    engine = FakeEngine(card="x" * 2**25)
    with serving(engine, send_seconds=0.3) as place, connected(place) as deaf:
        deaf.sendall(b"GET /api/v1/model HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(1)
        assert post(place) == 200
        assert len(ended(deaf)) < len(engine.card)


def test_what_nobody_waits_for_any_longer_is_given_up() -> None:
    engine = FakeEngine(seconds=LONG)
    with serving(engine) as place:
        with connected(place) as client:
            client.sendall(_request())
            while not engine.asked:
                time.sleep(0.01)
        waiting_until = time.monotonic() + LONG / 2
        while not engine.ended and time.monotonic() < waiting_until:
            time.sleep(0.01)
        assert engine.ended == 1
        assert engine.waiting == 0


def test_more_connections_than_are_allowed_are_told_to_come_again() -> None:
    with serving(connections=2) as place, connected(place), connected(place):
        assert post(place) == 503


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with bound("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} of 127.0.0.1: address already in use"):
            bound("127.0.0.1", port).__enter__()


def test_a_host_that_there_is_not_is_told_in_one_line() -> None:
    with pytest.raises(InputError, match="no address"):
        bound("nowhere.invalid", 0).__enter__()


def test_a_folder_that_is_no_package_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"package\.json"):
        serve(tmp_path, port=0)


def test_the_command_hands_on_what_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[int, Any] = {}
    monkeypatch.setattr(
        "scanvote.serving.server.serve",
        lambda *told: asked.update(enumerate(told)),
    )
    told = ["--host", "::1", "--port", "0", "--model", str(tmp_path), "--no-token"]
    told += ["--runtime", "keras"]
    told += ["--name", "scans.lab", "--name", "scans.lab:8443", "--root-path", "/scanvote"]
    (tmp_path / "package.json").touch()
    result = CliRunner().invoke(cli.app, ["serve", *told])
    assert result.exit_code == 0, result.output
    options = ServeOptions(names=("scans.lab", "scans.lab:8443"), root_path="/scanvote")
    assert list(asked.values()) == [tmp_path, "::1", 0, options, EngineOptions("keras"), True]


def test_the_command_tells_a_mistake_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.app, ["serve", "--model", str(tmp_path), "--port", "0"])
    assert result.exit_code == 1
    assert result.output.startswith("scanvote: ")
    assert result.output.count("\n") == 1


def test_the_web_process_imports_no_networks() -> None:
    code = "import sys, scanvote.serving.server; print({'keras', 'tensorflow'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout == "set()\n"


def test_the_address_is_one_for_a_browser() -> None:
    with bound("127.0.0.1", 0) as listening:
        assert address(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("one", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_quietly(one: signal.Signals) -> None:
    command = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=-1, stderr=-1) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("scanvote: http://127.0.0.1:")
        process.send_signal(one)
        out, err = process.communicate(timeout=LONG)
    assert (process.returncode, out, err) == (0, "", "")


_SERVER = """
from contextlib import asynccontextmanager
from pathlib import Path
from scanvote.serving import server
from tests.serving import FakeEngine

@asynccontextmanager
async def start(*_):
    yield FakeEngine()

server.start_engine, server.read_metadata = start, lambda folder: None
server.serve(Path(), port=0)
"""


def _request() -> bytes:
    request = httpx.Request(
        "POST", f"http://localhost{PREDICT}", files=files(("a.png", scan_png()))
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"POST {PREDICT} HTTP/1.1\r\n{head}\r\n".encode() + request.read()


def test_of_a_client_that_goes_away_the_log_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    engine = FakeEngine(seconds=LONG)
    request = httpx.Request("POST", f"http://localhost{PREDICT}", files=files(("a", scan_png())))
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join([f"POST {PREDICT} HTTP/1.1", *lines, "", ""]).encode()
    with serving(engine) as place:
        with connected(place) as client:
            client.sendall(head + request.read())
            while not engine.asked:
                time.sleep(0.01)
        while not engine.ended:
            time.sleep(0.01)
    gc.collect()
    assert not caplog.records
