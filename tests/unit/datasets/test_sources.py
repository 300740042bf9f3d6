"""Mirrors and public sources; a server on this machine stands for the public one."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from scanvote.core.errors import InputError
from scanvote.datasets import fetching
from scanvote.datasets.base import Archive
from scanvote.datasets.registry import find
from scanvote.datasets.sources import find_archive, unpack
from scanvote.params import Params

ARCHIVE = "set.tar.gz"
CONTENT = bytes(range(256)) * 4096


class Server(BaseHTTPRequestHandler):
    """Serves `CONTENT`, with ranges; the class attributes make it misbehave."""

    status = 200
    kind = "application/zip"
    tag = '"one"'
    cut: int | None = None
    busy = 0
    address = ""
    asked: list[str | None]

    def do_GET(self) -> None:
        given = self.headers["Range"]
        self.asked.append(given)
        if type(self).busy:
            type(self).busy -= 1
            self.send_error(503)
            return
        fresh = given and self.headers["If-Range"] == self.tag
        start = int(given.split("=")[1].rstrip("-")) if given and fresh else 0
        if start > len(CONTENT):
            self.send_response(416)
            self.end_headers()
            return
        self.send_response(206 if fresh and self.status == 200 else self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.send_header("ETag", self.tag)
        if fresh:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        self.wfile.write(CONTENT[start : self.cut])
        type(self).cut = None  # only the first answer breaks off

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Server]]:
    handler = type("Handler", (Server,), {"asked": []})
    serving = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
    thread.start()
    handler.address = f"http://127.0.0.1:{serving.server_port}"
    monkeypatch.setattr(fetching, "PAUSE", 0)
    yield handler
    serving.shutdown()
    thread.join()
    serving.server_close()


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SCANVOTE_MIRROR", raising=False)
    monkeypatch.setenv("KAGGLEHUB_CACHE", "")  # so that what is set is unset again
    monkeypatch.delenv("KAGGLEHUB_CACHE")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


def found(mirror: str | None = None, address: str = "", kaggle: str = "") -> Path:
    archive = Archive("some_set", ARCHIVE, address=f"{address}/{ARCHIVE}", kaggle=kaggle)
    return find_archive(archive, mirror, lambda done, total, note="": None)


def refusal(mirror: str | None = None, **source: str) -> str:
    with pytest.raises(InputError) as caught:
        found(mirror, **source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def mirror_of(folder: Path) -> Path:
    folder.mkdir()
    (folder / ARCHIVE).write_bytes(CONTENT)
    return folder


def test_the_archive_is_found_in_the_mirror(tmp_path: Path) -> None:
    assert found(str(mirror_of(tmp_path / "mirror"))) == tmp_path / "mirror" / ARCHIVE


def test_a_relative_mirror_counts_from_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror_of(tmp_path / "mirror")
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    assert found("mirror") == tmp_path / "mirror" / ARCHIVE


def test_the_environment_overrides_the_params(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror_of(tmp_path / "mine")
    monkeypatch.setenv("SCANVOTE_MIRROR", "mine")
    assert found("elsewhere") == tmp_path / "mine" / ARCHIVE


def test_a_missing_mirror_is_named(tmp_path: Path) -> None:
    assert f"the mirror {tmp_path / 'nowhere'} is no folder" in refusal("nowhere")


def test_a_mirror_without_the_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    assert f"has no {ARCHIVE}" in refusal("mirror")


def test_the_public_source_is_fetched_once(tmp_path: Path, server: type[Server]) -> None:
    for _ in range(2):
        archive = found(address=server.address)
        assert archive.is_relative_to(tmp_path / ".cache/downloads")
        assert archive.read_bytes() == CONTENT
    assert server.asked == [None]
    assert not list(archive.parent.glob("*.part*"))


def test_a_mirror_may_be_an_address(server: type[Server]) -> None:
    assert found(f"{server.address}/").read_bytes() == CONTENT


def test_a_broken_download_goes_on_where_it_stopped(server: type[Server]) -> None:
    server.cut = fetching.BLOCK + 1000  # only whole blocks are kept
    assert found(address=server.address).read_bytes() == CONTENT
    first, second = server.asked
    assert first is None
    assert second == f"bytes={fetching.BLOCK}-"


def broken_off(
    root: Path, server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Path]:
    """What a run leaves that lost its connection: the part of the file, and its tag."""
    server.cut = fetching.BLOCK + 1000
    with monkeypatch.context() as once:
        once.setattr(fetching, "ATTEMPTS", 1)
        refusal(address=server.address)
    server.asked.clear()
    (part,) = root.glob(".cache/downloads/**/*.part")
    (tag,) = root.glob(".cache/downloads/**/*.tag")
    return part, tag


def test_a_later_run_goes_on_where_a_killed_one_stopped(
    root: Path, server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_off(root, server, monkeypatch)
    assert found(address=server.address).read_bytes() == CONTENT
    assert server.asked == [f"bytes={fetching.BLOCK}-"]


@pytest.mark.parametrize("kept", ['"older"', 'W/"weak"', ""])
def test_the_rest_of_another_file_is_not_appended(
    root: Path, server: type[Server], monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    part, tag = broken_off(root, server, monkeypatch)
    part.write_bytes(b"of an older version")
    tag.write_text(kept)
    assert found(address=server.address).read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_fetched_anew(
    root: Path, server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    part, _ = broken_off(root, server, monkeypatch)
    part.write_bytes(CONTENT + b"more")
    assert found(address=server.address).read_bytes() == CONTENT


def test_another_source_of_the_same_name_is_another_file(server: type[Server]) -> None:
    found(f"{server.address}/partial")
    found(address=server.address)
    assert len(server.asked) == 2


def test_a_folder_that_cannot_be_written_is_one_line(root: Path, server: type[Server]) -> None:
    (root / ".cache").write_text("a file")
    assert "cannot be written" in refusal(address=server.address)


def test_a_refusal_says_how_to_use_a_mirror(server: type[Server]) -> None:
    server.status = 403
    said = refusal(address=server.address)
    assert "answers 403" in said
    assert "SCANVOTE_MIRROR" in said


def test_a_page_to_log_in_is_no_archive(tmp_path: Path, server: type[Server]) -> None:
    server.kind = "text/html; charset=utf-8"
    assert "with a page" in refusal(address=server.address)
    assert not (tmp_path / ".cache/downloads" / ARCHIVE).exists()


def test_a_busy_server_is_asked_again(server: type[Server]) -> None:
    server.busy = 2
    assert found(address=server.address).read_bytes() == CONTENT
    assert len(server.asked) == 3


def test_a_server_that_stays_busy_is_left(
    server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.busy = 99
    waited: list[float] = []
    monkeypatch.setattr(fetching, "PAUSE", 1.0)
    monkeypatch.setattr(fetching.time, "sleep", waited.append)
    assert "127.0.0.1 answers 503" in refusal(address=server.address)
    assert len(server.asked) == fetching.ATTEMPTS
    assert waited == [1, 2, 4]


def answered(status: int, reason: str) -> requests.HTTPError:
    response = requests.Response()
    response.status_code, response.reason = status, reason
    return requests.HTTPError("Client Error.\n\nPlease make sure …" + "x" * 200, response=response)


def refusing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    import kagglehub

    def refuse(handle: str) -> str:
        raise error

    monkeypatch.setattr(kagglehub, "dataset_download", refuse)


def test_kaggle_is_asked_by_its_own_library(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import kagglehub
    from kagglehub.config import get_cache_folder

    asked = []

    def download(handle: str) -> str:
        asked.append(handle)
        return get_cache_folder()

    monkeypatch.setattr(kagglehub, "dataset_download", download)
    assert found(kaggle="owner/set") == root / ".cache/kagglehub"
    assert asked == ["owner/set"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (requests.ConnectionError("Max retries\nexceeded"), "no connection to Kaggle"),
        (requests.ReadTimeout("timed out"), "no connection to Kaggle"),
        (answered(403, "Forbidden"), "Kaggle answers 403 Forbidden"),
        (RuntimeError("broken.\n\nYou don't have permission"), "broken. You don't have"),
        (ValueError(), "ValueError"),
    ],
)
def test_what_kaggle_refuses_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    refusing(monkeypatch, error)
    told = refusal(kaggle="owner/set")
    assert told.startswith(f"some_set: {said}")
    assert told.endswith("SCANVOTE_MIRROR")


def test_without_a_net_what_kagglehub_fetched_before_serves(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = root / ".cache/kagglehub/datasets/owner/set"
    for version in (3, 11, 12):
        (cache / f"versions/{version}").mkdir(parents=True)
    for whole in (3, 11):
        (cache / f"{whole}.complete").touch()
    refusing(monkeypatch, requests.ConnectionError())
    assert found(kaggle="owner/set") == cache / "versions/11"
    refusing(monkeypatch, answered(404, "Not Found"))
    assert "Kaggle answers 404 Not Found" in refusal(kaggle="owner/set")


def test_a_mirror_may_hold_the_archive_unpacked(tmp_path: Path, params: Params) -> None:
    tree = tmp_path / "mirror" / "set"
    for name in ("yes/1.jpg", "__MACOSX/yes/1.jpg", "yes/.DS_Store"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(b"as it is")
    (tree / "yes/link.jpg").symlink_to(tree / "yes/1.jpg")
    mirrored = params.download.model_copy(update={"mirror": "mirror"})
    unpack(
        Archive("some_set", ARCHIVE),
        tmp_path / "out",
        params.model_copy(update={"download": mirrored}),
    )
    assert [path.name for path in (tmp_path / "out").rglob("*.*")] == ["1.jpg"]
    few = mirrored.model_copy(update={"max_gigabytes": 1e-9})
    with pytest.raises(InputError, match="unpacks to more than"):
        unpack(
            Archive("some_set", ARCHIVE),
            tmp_path / "again",
            params.model_copy(update={"download": few}),
        )
    assert not (tmp_path / "again").exists()


def test_no_network_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PAUSE", 0)
    assert refusal(address="http://127.0.0.1:9") == (
        f"some_set: no connection to 127.0.0.1; put {ARCHIVE} in a folder of yours"
        " and name that folder in download.mirror or SCANVOTE_MIRROR"
    )


def test_an_unknown_data_set_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"classification.dataset: .*'brain_tumour'.*tumor_mri'"):
        find("brain_tumour", "classification")


def test_a_data_set_of_the_other_task_is_refused() -> None:
    with pytest.raises(InputError, match=r"ixi does not serve segmentation.*lgg_mri"):
        find("ixi", "segmentation")
