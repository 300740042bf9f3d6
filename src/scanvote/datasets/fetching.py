"""Download one file over HTTP; resume a partial download.

The target file appears only when it is complete.
"""

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
"""Seconds to wait for the connection, and for the next bytes."""
PAUSE = 1.0
"""Seconds before the second attempt; each further pause is twice as long."""
BUSY = {429, 500, 502, 503, 504}
"""Status codes of a server that may succeed a moment later."""
BLOCK = 1 << 18


class _Busy(Exception):
    """The server reports a temporary failure."""


class Unreachable(Exception):
    """The file is not available; the message gives a short reason."""


def fetch(address: str, target: Path, progress: Progress) -> None:
    """Download `address` to `target`, unless `target` exists.

    Received bytes stay in ``<target>.part``; a later call resumes after them if the server
    still has the same file.

    Raises:
        Unreachable: no connection, a refusal, or fewer bytes than announced.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):  # two experiments may fetch it at the same time
        if target.exists():
            return
        part = target.with_name(f"{target.name}.part")
        _fetch_with_retries(address, part, progress)
        os.replace(part, target)
        _etag_path(part).unlink(missing_ok=True)


def _fetch_with_retries(address: str, part: Path, progress: Progress) -> None:
    host = urlsplit(address).hostname
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            if _fetch_once(address, part, progress):
                return
            reason = f"{host} sent fewer bytes than announced"
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            reason = f"no connection to {host}"
            if not part.exists() and attempt:
                break  # no byte ever arrived, so there is no network
        except _Busy as error:
            reason = str(error)
        except requests.Timeout:
            reason = f"{host} does not answer"
        except requests.RequestException as error:
            reason = f"{address} cannot be fetched ({type(error).__name__})"
            break
    raise Unreachable(reason)


def _fetch_once(address: str, part: Path, progress: Progress) -> bool:
    """Download the missing rest of `part`; return whether it is complete."""
    headers = _resume_headers(part)
    with requests.get(address, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:  # `part` is longer than the file on the server
            part.unlink(missing_ok=True)
            return False
        _check_response(response)
        start = _resume_offset(response)
        if start is None:
            part.unlink(missing_ok=True)
        total = (start or 0) + int(response.headers.get("Content-Length", 0))
        _etag_path(part).write_text(response.headers.get("ETag", ""), encoding="utf-8")
        with part.open("ab") as file:
            for block in response.iter_content(BLOCK):
                file.write(block)
                progress(file.tell(), total)
    return "Content-Length" not in response.headers or part.stat().st_size == total


def _resume_headers(part: Path) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}  # lengths must be those of the file
    tag = _etag_path(part).read_text(encoding="utf-8") if _etag_path(part).exists() else ""
    # only a strong ETag shows that the rest belongs to the same file
    if part.exists() and tag and not tag.startswith("W/"):
        headers |= {"Range": f"bytes={part.stat().st_size}-", "If-Range": tag}
    return headers


def _resume_offset(response: requests.Response) -> int | None:
    """Return the offset of the first byte; None for the whole file."""
    if response.status_code != 206:
        return None
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _check_response(response: requests.Response) -> None:
    host = urlsplit(response.url).hostname
    if response.status_code in BUSY:
        raise _Busy(f"{host} answers {response.status_code} {response.reason}")
    if not response.ok:
        raise Unreachable(f"{host} answers {response.status_code} {response.reason}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise Unreachable(f"{host} answers with a page, not with the archive")


def _etag_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")
