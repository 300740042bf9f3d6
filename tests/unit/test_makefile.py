"""The Python that `make` takes for the virtual environment."""

import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKE = shutil.which("make")

WORKS = "exit 0"
FAILS = "echo 'pyenv: command not found' >&2; exit 127"
NO_VENV = 'case "$*" in *ensurepip*) exit 1; esac'

Made = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.skipif(MAKE is None, reason="no make")


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """`make -n env` where the only commands are the `pythons`, each of one line of shell."""

    def make(*words: str, **pythons: str) -> subprocess.CompletedProcess[str]:
        commands = tmp_path / "bin"
        commands.mkdir()
        for name, line in pythons.items():
            script = commands / name.replace("_", ".")
            script.write_text(f"#!/bin/sh\n{line}\n")
            script.chmod(0o755)
        for name in ("Makefile", "pyproject.toml", "requirements-cpu.txt"):
            shutil.copy(ROOT / name, tmp_path)
        return subprocess.run(
            [str(MAKE), "-n", "env", *words],
            cwd=tmp_path,
            env={"PATH": str(commands)},
            capture_output=True,
            text=True,
        )

    return make


def taken(done: subprocess.CompletedProcess[str]) -> str:
    """The command that makes the virtual environment."""
    (line,) = [line for line in done.stdout.splitlines() if line.endswith(" -m venv .venv")]
    return line.split()[0]


def test_the_newest_is_taken(made: Made) -> None:
    assert taken(made(python3_11=WORKS, python3_12=WORKS, python3_13=WORKS)) == "python3.13"


def test_one_that_fails_or_makes_no_environment_is_passed_over(made: Made) -> None:
    assert taken(made(python3_11=WORKS, python3_12=NO_VENV, python3_13=FAILS)) == "python3.11"


def test_another_can_be_named(made: Made) -> None:
    assert taken(made("PYTHON=/opt/python", python3_13=WORKS)) == "/opt/python"


@pytest.mark.parametrize(
    ("pythons", "said"),
    [
        ({}, "install one (Debian and Ubuntu: the package python3-venv)"),
        ({"python3_13": FAILS, "python3_10": WORKS}, "none of python3.13 python3.12 python3.11"),
        ({"python3_13": FAILS, "python3_12": NO_VENV}, "install the package python3.12-venv"),
    ],
)
def test_without_any_it_is_one_line(made: Made, pythons: dict[str, str], said: str) -> None:
    done = made(**pythons)
    assert done.returncode != 0
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_environment_that_is_there_needs_none(made: Made, tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    done = made()
    assert done.returncode == 0
    assert "venv .venv" not in done.stdout


def test_the_versions_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = [
        line.rsplit(maxsplit=1)[1] for line in project["classifiers"] if "Python :: 3." in line
    ]
    versions = " ".join(f"python{version}" for version in reversed(known))
    assert f"PYTHONS := {versions}\n" in (ROOT / "Makefile").read_text()
    oldest, newest = known[0], int(known[-1].removeprefix("3."))
    assert project["requires-python"] == f">={oldest},<3.{newest + 1}"
