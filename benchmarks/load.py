"""Many clients of one server: HTTP/1.1 by hand on sockets that are kept open, to be light.

`python benchmarks/load.py PORT FOLDER --clients 64 --seconds 10` sends the files of a folder, one a
request, each client the next as soon as it has its answer. What it prints is JSON: of each request
when it began, how many seconds it took, and its status, 0 where the connection broke.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

PATH = "/api/v1/predict"
BOUNDARY = "scanvote-load"
Reply = tuple[float, float, int]


def request(name: str, content: bytes, path: str = PATH) -> bytes:
    """A form with one file, as it goes over the wire."""
    disposition = f'Content-Disposition: form-data; name="files"; filename="{name}"'
    start = f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: application/octet-stream\r\n\r\n"
    body = start.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body; of a server that tells the length of what it sends."""
    head = await reader.readuntil(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").lower().split("\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith("content-length:"))
    return int(status.split()[1]), await reader.readexactly(length)


async def client(port: int, requests: Iterator[bytes], end: float, replies: list[Reply]) -> None:
    """One after the other until `end`, on the wall clock; what was begun is waited for."""
    connection = None
    while (begun := time.time()) < end:
        try:
            connection = connection or await asyncio.open_connection("127.0.0.1", port)
            reader, writer = connection
            writer.write(next(requests))
            status = (await answer(reader))[0]
        except (OSError, EOFError):
            status, connection = 0, None
            await asyncio.sleep(0.05)
        replies.append((begun, time.time() - begun, status))
    if connection:
        connection[1].close()


async def slow_client(port: int, whole: bytes, end: float) -> None:
    """One byte a second, and anew when the server has enough of it."""
    while time.time() < end:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for byte in whole:
                if time.time() >= end:
                    return
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
        except OSError:
            continue
        finally:
            writer.close()


async def load(
    port: int, files: Sequence[tuple[str, bytes]], clients: int, seconds: float, slow: int
) -> list[Reply]:
    requests = [request(*file) for file in files]
    end, replies = time.time() + seconds, list[Reply]()
    turns = (islice(cycle(requests), place, None) for place in range(clients))
    await asyncio.gather(
        *(client(port, own, end, replies) for own in turns),
        *(slow_client(port, requests[0], end) for _ in range(slow)),
    )
    return replies


def read_files(folder: Path) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted(folder.iterdir()) if path.is_file()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--slow", type=int, default=0)
    given = parser.parse_args()
    files = read_files(given.folder)
    print(
        json.dumps(asyncio.run(load(given.port, files, given.clients, given.seconds, given.slow)))
    )


if __name__ == "__main__":
    main()
