"""The repository that a command works on, from where a person stands."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scanvote.cli import app
from scanvote.commands.model_option import default_model
from scanvote.commands.repository import in_repository
from scanvote.core.files import repository_root
from scanvote.tracking.store import store_lock

ROOT = Path(__file__).parents[3]
COMMANDS = (
    *("ui", "trials", "compare", "pool net", "recipe list", "recipe show first_look"),
    *("recipe run first_look", "data check own", "data card", "data take"),
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what a command looks for; the user stands in its `docs`."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    folder = tmp_path / "project"
    for name in (".dvc", "docs/sub", "models/package"):
        (folder / name).mkdir(parents=True)
    (folder / "models/package/package.json").write_text("{}")
    (folder / "recipes").symlink_to(ROOT / "recipes")
    (folder / "params.yaml").symlink_to(ROOT / "params.yaml")
    monkeypatch.chdir(folder / "docs")
    return folder


@pytest.mark.parametrize("place", [".", "docs", "docs/sub"])
def test_the_root_is_looked_for_upwards(
    place: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / place)
    assert repository_root() == project
    assert default_model() == str(project / "models/package")
    assert CliRunner().invoke(app, ["data", "take"]).exit_code == 0
    assert Path.cwd() == project / place


def test_a_repository_in_another_one_is_the_nearest(project: Path) -> None:
    Path(".dvc").mkdir()
    assert repository_root() == project / "docs"


def test_a_stage_in_a_copy_writes_into_the_main_repository(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert repository_root() == tmp_path


def test_paths_that_are_given_count_from_where_the_user_stands(project: Path) -> None:
    @in_repository
    def command(one: Path, other: Path | None, word: str) -> tuple[Path | None, ...]:
        return Path.cwd(), one, other, Path(word)

    assert command(one=Path("a/../b"), other=None, word="c") == (
        project,
        project / "docs/b",
        None,
        Path("c"),
    )
    os.chdir(project)
    assert command(one=Path("b"), other=Path("/x"), word="c")[1:3] == (Path("b"), Path("/x"))


@pytest.mark.parametrize("command", COMMANDS)
def test_outside_a_repository_all_say_one_line_and_make_nothing(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 1
    assert done.stderr == (
        "scanvote: params.yaml is missing; run from the root of the repository"
        " (no folder above has .dvc)\n"
    )
    assert not list(tmp_path.iterdir())


def test_another_dvc_repository_is_named(project: Path) -> None:
    (project / "params.yaml").unlink()
    said = CliRunner().invoke(app, ["recipe", "list"]).stderr
    assert f"({project} has .dvc alone)" in said


def test_a_store_elsewhere_is_not_locked_in_the_folder_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.chdir(tmp_path)
    with store_lock():
        assert not list(tmp_path.iterdir())
