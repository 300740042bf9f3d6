"""Bodies of requests are bounded in size and in time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from scanvote.serving.body_limits import BodyLimitMiddleware
from scanvote.serving.http_errors import ApiError
from scanvote.serving.options import ServeOptions
from tests.clients import PREDICT, asking, files
from tests.serving import scan_png

CHUNK = bytes(2**10)


@pytest.mark.parametrize("length", [str(2**20 + 1), "9" * 5000])
def test_a_body_that_says_it_is_too_large_is_not_read(length: str) -> None:
    read = []

    def body() -> Iterator[bytes]:
        for _ in range(5):
            read.append(1)
            yield CHUNK

    headers = {"content-type": "multipart/form-data; boundary=B", "content-length": length}
    app = BodyLimitMiddleware(_never, ServeOptions(request_bytes=2**20))
    with pytest.raises(ApiError) as failed:
        asyncio.run(_send(app, headers, body()))
    assert failed.value.status_code == 413
    assert read == []


def test_a_body_that_comes_in_pieces_is_counted() -> None:
    def body() -> Iterator[bytes]:
        for _ in range(20):
            sent.append(1)
            yield CHUNK

    sent: list[int] = []
    with asking(request_bytes=10 * len(CHUNK)) as client:
        headers = {"content-type": "multipart/form-data; boundary=B"}
        preamble = b'--B\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        answer = client.post(PREDICT, content=_after(preamble, body()), headers=headers)
    assert answer.status_code == 413


def test_no_more_than_the_limit_is_held_of_a_body_without_end() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield CHUNK

    held = asyncio.run(_held(endless(), ServeOptions(request_bytes=10 * len(CHUNK))))
    assert held == 10 * len(CHUNK)


def test_all_bodies_together_are_bounded_and_room_is_made_again() -> None:
    form = files(("a.png", scan_png() + bytes(2**16)))
    with asking(held_bytes=2**16) as client:
        answer = client.post(PREDICT, files=form)
        assert answer.status_code == 429
        assert answer.headers["retry-after"]
        small = files(("a.png", scan_png()))
        for _ in range(2**16 // len(scan_png()) + 1):
            assert client.post(PREDICT, files=small).status_code == 200


def test_a_body_that_never_comes_ends_with_408() -> None:
    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    with pytest.raises(ApiError) as failed:
        asyncio.run(_held(nothing(), ServeOptions(body_seconds=0.01)))
    assert failed.value.status_code == 408
    assert failed.value.headers == {"Connection": "close"}


def test_a_body_that_drips_ends_with_408() -> None:
    async def drips() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.001)
            yield b"x"

    with pytest.raises(ApiError) as failed:
        asyncio.run(_held(drips(), ServeOptions(body_seconds=0.05, body_rate=10**6)))
    assert failed.value.status_code == 408


def test_a_large_body_has_more_time() -> None:
    async def steady() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.sleep(0.15)
            yield CHUNK

    options = ServeOptions(body_seconds=0.5, body_rate=len(CHUNK))  # a second for each chunk
    assert asyncio.run(_held(steady(), options)) == 4 * len(CHUNK)


async def _held(body: AsyncIterator[bytes], options: ServeOptions) -> int:
    """Bytes that an application was given of a body, as much of it as it got."""
    came = 0

    async def reads(scope: Any, receive: Any, send: Any) -> None:
        nonlocal came
        while (message := await receive()).get("more_body"):
            came += len(message["body"])

    async def receive() -> dict[str, Any]:
        try:
            return {"type": "http.request", "body": await anext(body), "more_body": True}
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}

    try:
        await BodyLimitMiddleware(reads, options)({"type": "http", "headers": []}, receive, None)  # type: ignore[arg-type]
    except ApiError as failed:
        if failed.status_code != 413:
            raise
    return came


async def _send(app: BodyLimitMiddleware, headers: dict[str, str], body: Iterator[bytes]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "headers": raw, "path": PREDICT, "method": "POST"}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": next(body), "more_body": True}

    await app(scope, receive, None)  # type: ignore[arg-type]


async def _never(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("the application was asked")


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
