"""Mirrors and public sources; a server on this machine stands for Kaggle."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scanvote.datasets import fetching, find, sources
from scanvote.datasets.brain_tumor_mri import BRAIN_TUMOR_MRI
from scanvote.datasets.sources import find_archive
from scanvote.errors import InputError

ARCHIVE = BRAIN_TUMOR_MRI.archive
CONTENT = bytes(range(256)) * 4096


class Kaggle(BaseHTTPRequestHandler):
    """Serves `CONTENT`, with ranges; the class attributes make it misbehave."""

    status = 200
    kind = "application/zip"
    tag = '"one"'
    cut: int | None = None
    asked: list[str | None]

    def do_GET(self) -> None:
        given = self.headers["Range"]
        self.asked.append(given)
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
def kaggle(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Kaggle]]:
    handler = type("Handler", (Kaggle,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setattr(sources, "KAGGLE", f"http://127.0.0.1:{server.server_port}/api")
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SCANVOTE_MIRROR", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


def found(mirror: str | None = None) -> Path:
    return find_archive(BRAIN_TUMOR_MRI, mirror, lambda done, total: None)


def refusal(mirror: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        found(mirror)
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


def test_the_public_source_is_fetched_once(tmp_path: Path, kaggle: type[Kaggle]) -> None:
    for _ in range(2):
        archive = found()
        assert archive == tmp_path / ".cache/downloads" / ARCHIVE
        assert archive.read_bytes() == CONTENT
    assert kaggle.asked == [None]
    assert not list(archive.parent.glob("*.part*"))


def test_a_mirror_may_be_an_address(kaggle: type[Kaggle]) -> None:
    assert found(f"{sources.KAGGLE}/").read_bytes() == CONTENT


def test_a_broken_download_goes_on_where_it_stopped(kaggle: type[Kaggle]) -> None:
    kaggle.cut = fetching.BLOCK + 1000  # only whole blocks are kept
    assert found().read_bytes() == CONTENT
    first, second = kaggle.asked
    assert first is None
    assert second == f"bytes={fetching.BLOCK}-"


def test_a_later_run_goes_on_where_a_killed_one_stopped(
    tmp_path: Path, kaggle: type[Kaggle]
) -> None:
    part = tmp_path / ".cache/downloads" / f"{ARCHIVE}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    part.with_name(f"{part.name}.tag").write_text(kaggle.tag)
    assert found().read_bytes() == CONTENT
    assert kaggle.asked == ["bytes=1000-"]


@pytest.mark.parametrize("tag", ['"older"', 'W/"weak"', ""])
def test_the_rest_of_another_file_is_not_appended(
    tmp_path: Path, kaggle: type[Kaggle], tag: str
) -> None:
    part = tmp_path / ".cache/downloads" / f"{ARCHIVE}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"of an older version")
    part.with_name(f"{part.name}.tag").write_text(tag)
    assert found().read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_fetched_anew(tmp_path: Path, kaggle: type[Kaggle]) -> None:
    part = tmp_path / ".cache/downloads" / f"{ARCHIVE}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT + b"more")
    part.with_name(f"{part.name}.tag").write_text(kaggle.tag)
    assert found().read_bytes() == CONTENT


def test_a_refusal_says_how_to_use_a_mirror(kaggle: type[Kaggle]) -> None:
    kaggle.status = 403
    said = refusal()
    assert "answers 403" in said
    assert "SCANVOTE_MIRROR" in said


def test_a_page_to_log_in_is_no_archive(tmp_path: Path, kaggle: type[Kaggle]) -> None:
    kaggle.kind = "text/html; charset=utf-8"
    assert "with a page" in refusal()
    assert not (tmp_path / ".cache/downloads" / ARCHIVE).exists()


def test_no_network_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "KAGGLE", "http://127.0.0.1:9/api")
    monkeypatch.setattr(fetching, "ATTEMPTS", 2)
    assert refusal() == (
        f"brain_tumor_mri: no connection to 127.0.0.1; put {ARCHIVE} in a folder of yours"
        " and name that folder in download.mirror or SCANVOTE_MIRROR"
    )


def test_an_unknown_data_set_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"classification.dataset: .*'brain_tumour'.*tumor_mri'"):
        find("brain_tumour", "classification")


def test_a_data_set_of_the_other_task_is_refused() -> None:
    with pytest.raises(InputError, match=r"lgg_mri does not serve classification.*brain_tumor"):
        find("lgg_mri", "classification")
