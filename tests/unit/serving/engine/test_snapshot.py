"""A server answers with what it started with, whatever becomes of the folder."""

import asyncio
import errno
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.inputs.scan import Limits
from scanvote.pipeline.package import ModelMetadata, read_metadata
from scanvote.pipeline.package.identity import check_files
from scanvote.pipeline.package.metadata import write_metadata
from scanvote.serving.engine import EngineOptions, snapshot, start_engine
from scanvote.serving.engine import engine as engines
from scanvote.serving.engine.snapshot import OTHER, PREFIX
from scanvote.serving.engine_api import Engine, Upload
from tests.asking import write_package
from tests.serving import contents
from tests.toys import load_named

LONG = 60.0


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies lie."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path: Path, temporary: Path) -> Path:
    return write_package(tmp_path / "package")


def replace(folder: Path) -> str:
    """Put another model in place of the one in the folder, in the folder's own files."""
    (folder / "unet" / "1.keras").write_text("of another training")
    (folder / "card.md").write_text("of another training")
    whole = contents().model_copy(update={"test": "e" * 64})
    return write_again(folder, whole)


def write_again(folder: Path, whole: ModelMetadata) -> str:
    write_metadata(whole, folder)
    return read_metadata(folder).digest


async def notes(engine: Engine) -> list[str]:
    async with asyncio.timeout(LONG):
        return (await engine.predict(Upload("a", b"a")))[0].finding.notes


async def killed(engine: engines.WorkerEngine) -> None:
    small = engine.lanes[0]
    losses, (pid,) = small.losses, small.pids
    os.kill(pid, signal.SIGKILL)
    while small.losses == losses or not engine.ready:
        await asyncio.sleep(0.01)


def test_a_replaced_worker_answers_with_the_same_model(
    folder: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "load_packaged", load_named)

    async def replaced() -> None:
        async with start_engine(folder, Limits(), EngineOptions(timeout=LONG)) as engine:
            before, card, contents = await notes(engine), engine.card, engine.contents
            assert engine.newer() is None
            assert engine.newer() != replace(folder) == engine.newer()
            shutil.rmtree(folder)
            assert engine.newer() is None
            await killed(engine)
            assert await notes(engine) == before
            assert (engine.card, engine.contents) == (card, contents)

    asyncio.run(replaced())
    assert list(temporary.glob(f"{PREFIX}*")) == []


def test_the_copy_is_whole(folder: Path) -> None:
    whole = read_metadata(folder)
    members = [one.model_copy(update={"onnx": "1.onnx"}) for one in whole.classifiers.members]
    classifiers = whole.classifiers.model_copy(update={"members": members})
    (folder / "1.onnx").write_text("a graph")
    digest = write_again(folder, whole.model_copy(update={"classifiers": classifiers}))
    with snapshot.snapshot(folder) as taken:
        check_files(taken.contents.files, taken.folder)
        assert (taken.folder / "1.onnx").read_text() == "a graph"
        assert read_metadata(taken.folder).digest == taken.contents.digest == digest


def test_it_tells_of_another_model_and_of_none_while_there_is_none(folder: Path) -> None:
    with snapshot.snapshot(folder) as taken:
        text = (folder / "package.json").read_text()
        (folder / "package.json").unlink()
        assert taken.newer() is None
        (folder / "package.json").write_text("{}")
        assert taken.newer() == OTHER
        (folder / "package.json").write_text(text)
        assert taken.newer() is None
        digest = replace(folder)
        assert taken.newer() == digest != taken.contents.digest


def test_a_package_that_is_not_whole_is_not_served(folder: Path, temporary: Path) -> None:
    (folder / "vote.json").write_text("{}")
    with (
        pytest.raises(InputError, match=r"vote\.json is not as it was packaged"),
        snapshot.snapshot(folder),
    ):
        pass
    assert list(temporary.glob(f"{PREFIX}*")) == []


def test_no_room_for_the_copy_is_one_line(
    folder: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(snapshot, "copy_package", full)
    with (
        pytest.raises(InputError, match=r"No space left on device; another folder .* TMPDIR"),
        snapshot.snapshot(folder),
    ):
        pass
    assert list(temporary.glob(f"{PREFIX}*")) == []


def test_copies_of_killed_servers_are_deleted_and_those_of_running_ones_are_not(
    folder: Path, temporary: Path
) -> None:
    abandoned, new, other = (temporary / name for name in (f"{PREFIX}a", f"{PREFIX}b", "other"))
    for one in (abandoned, new, other):
        one.mkdir()
        (one / "file").touch()
    with snapshot.snapshot(folder) as running:
        for one in (abandoned, other, running.folder.parent):
            os.utime(one, (0, 0))
        with snapshot.snapshot(folder) as second:
            left = {abandoned, new, other, running.folder.parent} & set(temporary.iterdir())
            assert left == {new, other, running.folder.parent}
            assert second.folder.is_dir()
