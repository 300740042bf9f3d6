"""The model that `--model` names: what needs no registry."""

from pathlib import Path

import pytest

from scanvote.commands.model_option import default_model, package_folder
from scanvote.core.errors import InputError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, of no repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


def package(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "package.json").touch()
    return folder


def test_a_folder_is_taken_as_it_is(here: Path) -> None:
    assert package_folder(str(package(here / "own"))) == here / "own"
    inside = package(here / "model" / "artifacts" / "package")
    assert package_folder(str(here / "model")) == inside


def test_by_default_it_is_the_package_of_the_repository(here: Path) -> None:
    assert default_model() == "champion"
    (here / ".dvc").mkdir()
    folder = package(here / "models" / "package")
    assert Path(default_model()).resolve() == folder


def test_who_looks_for_a_model_makes_no_database(here: Path) -> None:
    with pytest.raises(InputError, match=r"mlflow\.db is missing; give --model a folder"):
        package_folder("champion")
    assert list(here.iterdir()) == []


def test_the_hint_is_what_works_there(here: Path) -> None:
    (here / "dvc.yaml").touch()
    with pytest.raises(InputError, match=r"or make models/package by `dvc pull` or `dvc repro`"):
        package_folder("champion")
    package(here / "models" / "package")  # pulled
    told = r"--model models/package, which is there, .* `dvc repro --force --single-item package`"
    with pytest.raises(InputError, match=told):
        package_folder("champion")


@pytest.mark.parametrize(("model", "reason"), [("no", "is no folder"), (".", "has no package")])
def test_a_folder_that_is_none_is_one_line(here: Path, model: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        package_folder(model)
