"""No half of a file is ever seen."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from scanvote.core import files
from scanvote.core.files import (
    atomic_write,
    from_root,
    repository_root,
    sha256,
    write_csv,
    write_json,
)


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "file.txt"
    with atomic_write(path) as beside:
        beside.write_text("new")
        assert beside.parent == path.parent, "a rename across file systems would copy"
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_the_old_file_is_whole_until_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with path.open() as reader, atomic_write(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
        assert reader.read() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("old", [None, "old"])
def test_an_exception_leaves_what_was_there(tmp_path: Path, old: str | None) -> None:
    path = tmp_path / "file.txt"
    if old:
        path.write_text(old)
    with pytest.raises(RuntimeError, match="stop"), atomic_write(path) as beside:  # noqa: PT012
        beside.write_text("half")
        raise RuntimeError("stop")
    assert [one.read_text() for one in tmp_path.iterdir()] == ([old] if old else [])


def test_a_block_that_writes_nothing_fails_and_keeps_the_old(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), atomic_write(path):
        pass
    assert path.read_text() == "old"


def left_by(process: int, name: str, folder: Path) -> Path:
    """A temporary file as that process would have made it."""
    with atomic_write(folder / name) as temporary:
        temporary.write_text("whole")
    left = folder / temporary.name.replace(f"-{os.getpid()}-", f"-{process}-")
    left.write_text("half")
    return left


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    swept, alive = tmp_path / "swept", tmp_path / "alive"
    left = left_by(int(dead), "a", swept)
    beside = left_by(os.getppid(), "a", alive)
    other = alive / f".{'0' * 8}-1-a"  # of another machine
    for path in (other, old := alive / f".{'0' * 8}-2-a", yours := alive / ".2024-01-02-notes"):
        path.write_text("half")
    os.utime(old, (0, 0))
    for folder in (swept, alive):
        files._swept.discard(folder)  # as in another process
        with atomic_write(folder / "b") as temporary:
            temporary.write_text("b")
    assert not left.exists()
    assert not old.exists()
    assert all(path.exists() for path in (beside, other, yours))


def test_json_keeps_order_and_words(tmp_path: Path) -> None:
    values = {"b": 1, "a": "Schärfe", "nested": {"x": 0.1}}
    write_json(tmp_path / "a.json", values)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "Schärfe" in text
    assert text.endswith("}\n")
    assert list(json.loads(text).items()) == list(values.items())


def test_tables_read_back_equal(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ["a,b", 'c"d', "é"], "value": [0.1, 1 / 3, 1e-300]})
    write_csv(frame, tmp_path / "a.csv")
    read = pd.read_csv(tmp_path / "a.csv", dtype=str)
    assert read["name"].tolist() == frame["name"].tolist()
    assert [float(value) for value in read["value"]] == frame["value"].tolist()
    assert b"\r" not in (tmp_path / "a.csv").read_bytes()


def test_sha256_is_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"scan" * 100_000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"scan" * 100_000).hexdigest()


def test_the_root_is_dvcs_where_dvc_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert repository_root() == tmp_path.resolve()
    (tmp_path / "main").mkdir()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    assert repository_root() == (tmp_path / "main").resolve()
    assert from_root(Path("a/b")) == (tmp_path / "main").resolve() / "a/b"
    assert from_root(tmp_path / "c") == tmp_path / "c"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert from_root(Path("~/d")) == tmp_path / "d"
