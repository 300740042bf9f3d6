"""Libraries find a folder to write to where there is no home."""

import os
from pathlib import Path

import pytest

from scanvote.core.home import use_writable_home

NAMES = ("KERAS_HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME")


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory and a temporary folder of its own, no variables."""
    for name in (*NAMES, "DVC_ROOT"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "at").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path / "at")


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_a_home_that_can_be_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    use_writable_home()
    assert os.environ["HOME"] == str(tmp_path)
    assert not set(NAMES) & set(os.environ)


@pytest.mark.parametrize("unknown", [True, False])
def test_in_a_repository_it_lies_below_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unknown: bool
) -> None:
    if unknown:
        monkeypatch.setattr(Path, "home", no_home)
    (tmp_path / "at/.dvc").mkdir()
    use_writable_home()
    home = tmp_path / "at/.cache/home"
    assert os.environ["HOME"] == str(home)
    assert [os.environ[name] for name in NAMES] == [
        str(home / one) for one in ("keras", "matplotlib", "cache")
    ]
    assert (home / "matplotlib").is_dir()


def test_elsewhere_it_is_a_folder_of_the_users_own(tmp_path: Path) -> None:
    use_writable_home()
    home = Path(os.environ["HOME"])
    assert home == tmp_path / f"tmp/scanvote-{os.getuid()}"
    assert home.stat().st_mode & 0o077 == 0
    assert list((tmp_path / "at").iterdir()) == []


def test_a_link_that_another_user_laid_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / f"tmp/scanvote-{os.getuid()}").symlink_to(tmp_path / "theirs")
    use_writable_home()
    assert Path(os.environ["HOME"]).parent == tmp_path / "tmp"
    assert list((tmp_path / "theirs").iterdir()) == []


def test_a_home_that_is_read_only_stays_home_and_keeps_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home/.keras").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MPLCONFIGDIR", "chosen")
    monkeypatch.setattr(os, "access", lambda path, mode: "home" not in Path(path).name)
    use_writable_home()
    assert os.environ["HOME"] == str(tmp_path / "home")
    assert os.environ["MPLCONFIGDIR"] == "chosen"
    assert "KERAS_HOME" not in os.environ
    assert os.environ["XDG_CACHE_HOME"].startswith(str(tmp_path / "tmp"))
