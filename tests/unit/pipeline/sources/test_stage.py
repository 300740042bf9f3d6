"""What the stage `sources` writes and says of own data that change."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.core.files import sha256
from scanvote.datasets.own_paths import PUBLISHED
from scanvote.datasets.registry import known_sets
from scanvote.params import Params
from scanvote.pipeline.sources import survey
from scanvote.pipeline.sources.stage import sources, take_anew
from scanvote.pipeline.sources.taken import read_entries, write_taken

Look = Callable[..., str]
OUT, TAKEN = Path("data/sources"), Path("data/taken")
FOUND = OUT / "classification.json"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two files, which was taken."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("yes/1.png", "no/2.png"):
        (tmp_path / "own" / name).parent.mkdir(parents=True)
        (tmp_path / "own" / name).write_text(name)
    return tmp_path / "own"


@pytest.fixture
def look(params: Params, own: Path, capsys: pytest.CaptureFixture[str]) -> Look:
    """Runs the stage, and returns what it says; by default on `own`."""

    def run(*paths: Path, changed: str = "tell", take: bool = False) -> str:
        values = params.model_dump()
        values["classification"]["dataset"] = [str(path) for path in paths or (own,)]
        values["download"]["changed"] = changed
        chosen = Params.model_validate(values)
        sources(chosen, TAKEN, OUT)
        if take:
            write_taken("classification", chosen, TAKEN / "classification.json")
        return capsys.readouterr().err

    return run


def test_data_that_stay_are_silent_and_the_file_is_not_touched(look: Look, own: Path) -> None:
    assert look(take=True) == ""
    before, text = FOUND.stat(), FOUND.read_text()
    (own / "yes/1.png").touch()  # a new time says nothing of the content
    assert look() == ""
    assert FOUND.stat() == before
    assert str(own.parent) not in text
    assert "1.png" not in text
    assert (OUT / "segmentation.json").read_text() == "{}\n"  # the phantom


def test_a_change_is_told_until_it_is_taken(look: Look, own: Path, params: Params) -> None:
    look(take=True)
    before = FOUND.read_text()
    (own / "yes/1.png").write_text("yes/l.png")  # of the same size
    (own / "no/3.png").write_text("new")
    said = look()
    assert f"dataset {own} differs from what was taken on 20" in said
    assert ": 1 file changed (yes/1.png), 1 new, 0 gone; take it anew with `scanvote data" in said
    assert FOUND.read_text() == before
    values = params.model_dump()
    values["classification"]["dataset"] = [str(own)]
    chosen = Params.model_validate(values)
    (line,) = take_anew(["classification"], chosen)
    assert "`dvc repro` will take" in line
    assert FOUND.read_text() != before
    assert look(take=True) == ""  # download took it
    assert look() == ""
    (line,) = take_anew(["classification"], chosen)
    assert "has not changed" in line


def test_a_setting_takes_it_at_once(look: Look, own: Path) -> None:
    look(take=True)
    before = FOUND.read_text()
    (own / "no/2.png").unlink()
    assert look(changed="take") == ""
    assert FOUND.read_text() != before


def test_where_download_runs_anyway_nothing_is_asked(look: Look, own: Path) -> None:
    look(take=True)
    before = FOUND.read_text()
    (own / "no/2.png").unlink()
    lock = (
        "stages: {download@classification: {params: {params.yaml: {volumes.tiny: 1e-05, lr: 2}}}}"
    )
    Path("dvc.lock").write_text(lock)
    Path("params.yaml").write_text("volumes: {tiny: 0.00001}\nlr: 2")
    assert "differs" in look()
    Path("params.yaml").write_text("volumes: {tiny: 0.00001}\nlr: 3")
    assert look() == ""
    assert FOUND.read_text() != before


def test_data_whose_taking_failed_are_followed(look: Look, own: Path) -> None:
    look()
    before = FOUND.read_text()
    (own / "no/2.png").write_text("mended")
    assert look() == ""
    assert FOUND.read_text() != before


def test_a_path_that_is_gone_is_kept_if_it_was_taken(look: Look, own: Path) -> None:
    look(take=True)
    before = FOUND.read_text()
    own.rename(own.with_name("unplugged"))
    assert "is not there; what was taken of it is kept" in look()
    assert FOUND.read_text() == before
    with pytest.raises(InputError, match=r"classification\.dataset: .*other does not exist"):
        look(own.with_name("other"))


def test_without_memory_the_difference_is_told_in_numbers(look: Look, own: Path) -> None:
    look(take=True)
    for path in Path(".cache/sources").iterdir():
        path.unlink()
    (own / "no/3.png").write_text("new")
    assert "taken: 2 files of 17 bytes then, 3 of 20 bytes now;" in look()


def test_of_several_sets_the_one_that_changed_is_named(look: Look, own: Path) -> None:
    other = own.with_name("other")
    other.mkdir()
    (other / "a.png").write_text("a")
    look(own, other, take=True)
    (other / "a.png").write_text("b")
    said = look(own, other)
    assert f"dataset {other} differs" in said
    assert f"dataset {own} differs" not in said
    assert set(read_entries(FOUND)) == {"own", "other"}


def test_the_files_of_a_table_count_and_no_others(look: Look, own: Path) -> None:
    table = own / "list.csv"
    table.write_text("path,label,mask\nyes/1.png,yes,no/2.png\nmissing.png,yes,\n")
    look(table, take=True)
    (own / "yes/other.png").write_text("in no row")
    assert look(table) == ""
    (own / "no/2.png").write_text("a new mask")
    assert "1 file changed (no/2.png), 0 new, 0 gone" in look(table)
    table.write_text(table.read_text().replace("yes,no", "no,no"))
    assert "2 files changed (list.csv, no/2.png)" in look(table)


def test_links_are_followed_once_and_hidden_files_left_out(look: Look, own: Path) -> None:
    (own / "yes/back").symlink_to(own)
    (own / ".DS_Store").write_text("x")
    real = own.with_name("elsewhere")
    real.mkdir()
    (real / "3.png").write_text("3")
    (own / "maybe").symlink_to(real)
    look(take=True)
    (real / "3.png").write_text("4")
    assert "1 file changed (maybe/3.png), 0 new" in look()
    assert read_entries(FOUND)["own"]["files"] == 3


def test_only_what_differs_is_read(look: Look, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in own.rglob("*.png"):
        os.utime(path, (1, 1))  # older than a moment
    look(take=True)
    read: list[Path] = []
    monkeypatch.setattr(survey, "sha256", lambda path: read.append(path) or sha256(path))
    look()
    assert read == []
    (own / "no/2.png").write_text("no/3.png")
    look()
    assert read == [own / "no/2.png"]


def test_the_names_of_published_sets_are_those_of_the_registry() -> None:
    assert set(known_sets()) == PUBLISHED
