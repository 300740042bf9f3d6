"""What asks a server in the tests, and what watches it."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from scanvote.serving.app import make_app
from scanvote.serving.engine_api import Engine
from scanvote.serving.options import ServeOptions
from tests.serving import FakeEngine

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have another client
    from starlette.testclient import TestClient

HERE = "http://localhost"
PREDICT = "/api/v1/predict"
EXPLAIN = "/api/v1/explain"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_watched: list[list[str]] = []


@contextmanager
def asking(engine: Engine | None = None, **options: Any) -> Iterator[TestClient]:
    """Someone who asks a server around `engine`, from this machine."""
    app = make_app(lambda: nullcontext(engine or FakeEngine()), ServeOptions(**options))
    with TestClient(app, base_url=HERE, follow_redirects=False) as client:
        yield client


def files(*named: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    """A form with such files."""
    return [("files", one) for one in named]


@contextmanager
def watched_disk() -> Iterator[list[str]]:
    """What this process opens to write, or makes on the disk, meanwhile."""
    seen: list[str] = []
    _watched.append(seen)
    try:
        yield seen
    finally:
        _watched.remove(seen)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched and (event in _MAKING or (event == "open" and _writes(arguments[2]))):
        for seen in _watched:
            seen.append(f"{event} {arguments[0]}")


def _writes(flags: int | None) -> bool:
    return flags is not None and bool(flags & _WRITING)


_MAKING = {"tempfile.mkstemp", "tempfile.mkdtemp", "os.mkdir", "os.rename", "os.link", "os.symlink"}
sys.addaudithook(_watch)  # never to be taken off again: it looks away unless a test watches
