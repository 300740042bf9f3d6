"""Fetching one file over http: resumed where it was cut off, in place only when whole."""

import os
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests
from filelock import FileLock

from scanvote.core.progress import Progress

ATTEMPTS = 4
TIMEOUT = (15, 60)
"""Seconds to connect, and to wait for the next bytes."""
PAUSE = 1.0
"""Seconds before the second attempt; each further pause is twice as long."""
BUSY = {429, 500, 502, 503, 504}
"""Answers of a server that may do better a moment later."""
BLOCK = 1 << 18


class _Busy(Exception):
    """The server asks to come back."""


class Unreachable(Exception):
    """The file cannot be had; the message says in a few words why."""


def fetch(address: str, target: Path, progress: Progress) -> None:
    """Download `address` to `target`, unless it is there.

    What arrives is kept in ``<target>.part``; a later call goes on after it, if the server
    still has the same file.

    Raises:
        Unreachable: no connection, a refusal, or fewer bytes than announced.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):  # two experiments may want it at once
        if target.exists():
            return
        part = target.with_name(f"{target.name}.part")
        _attempts(address, part, progress)
        os.replace(part, target)
        _tag(part).unlink(missing_ok=True)


def _attempts(address: str, part: Path, progress: Progress) -> None:
    host = urlsplit(address).hostname
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            if _attempt(address, part, progress):
                return
            reason = f"{host} sent fewer bytes than announced"
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            reason = f"no connection to {host}"
            if not part.exists() and attempt:
                break  # nothing ever came: there is no network
        except _Busy as error:
            reason = str(error)
        except requests.Timeout:
            reason = f"{host} does not answer"
        except requests.RequestException as error:
            reason = f"{address} cannot be fetched ({type(error).__name__})"
            break
    raise Unreachable(reason)


def _attempt(address: str, part: Path, progress: Progress) -> bool:
    """Fetch what is missing of `part`; whether it is whole."""
    with requests.get(address, headers=_resume(part), stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:  # what we have reaches beyond what there is
            part.unlink(missing_ok=True)
            return False
        _check(response)
        start = _start(response)
        if start is None:
            part.unlink(missing_ok=True)
        total = (start or 0) + int(response.headers.get("Content-Length", 0))
        _tag(part).write_text(response.headers.get("ETag", ""), encoding="utf-8")
        with part.open("ab") as file:
            for block in response.iter_content(BLOCK):
                file.write(block)
                progress(file.tell(), total)
    return "Content-Length" not in response.headers or part.stat().st_size == total


def _resume(part: Path) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}  # lengths are those of the file
    tag = _tag(part).read_text(encoding="utf-8") if _tag(part).exists() else ""
    # without a strong tag nobody knows whether the rest belongs to the same file
    if part.exists() and tag and not tag.startswith("W/"):
        headers |= {"Range": f"bytes={part.stat().st_size}-", "If-Range": tag}
    return headers


def _start(response: requests.Response) -> int | None:
    """Where the answer goes on; None if it begins anew."""
    if response.status_code != 206:
        return None
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _check(response: requests.Response) -> None:
    host = urlsplit(response.url).hostname
    if response.status_code in BUSY:
        raise _Busy(f"{host} answers {response.status_code} {response.reason}")
    if not response.ok:
        raise Unreachable(f"{host} answers {response.status_code} {response.reason}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise Unreachable(f"{host} answers with a page, not with the archive")


def _tag(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")
