"""A mistake of the user's is one line; a bug keeps its traceback."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from scanvote.core.errors import InputError, did_you_mean
from scanvote.core.terminal import one_line_errors, run_stage


def test_a_mistake_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    @one_line_errors
    def command() -> None:
        raise InputError("params.yaml: lr is missing")

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "scanvote: params.yaml: lr is missing\n")


def test_a_fault_of_the_machine_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    @one_line_errors
    def command() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "models/1.keras")

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == 1
    assert capsys.readouterr().err == (
        "scanvote: models/1.keras: no space left on device; make room, and run again:"
        " what is done is kept\n"
    )


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (
            "import missing_library.part",
            "missing_library is not installed, which this needs: pip install 'scanvote[cpu]'",
        ),
        (
            "__name__ = 'scanvote.serving.server'; import missing_library",
            "missing_library is not installed, which this needs: pip install 'scanvote[serve]'",
        ),
        (
            "__name__ = 'scanvote.core.cluster'; import missing_library",
            "missing_library is not installed, which this needs: pip install 'scanvote[cluster]'",
        ),
    ],
)
def test_a_library_that_is_not_installed_is_one_line(
    code: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @one_line_errors
    def command() -> None:
        exec(code, {})

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == 1
    assert capsys.readouterr().err == f"scanvote: {line}\n"


PRINTS = """
from scanvote.core.terminal import run_stage
def main(): print("a table")
run_stage(main)
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_table_that_does_not_fit_where_it_is_sent_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", PRINTS], stdout=full, stderr=subprocess.PIPE,
                              text=True, env={**os.environ, "PYTHONPATH": "src"})  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("scanvote: ")
    assert "no space left on device; make room" in line


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), KeyError("key"), ModuleNotFoundError("a bug", name="scanvote.x")]
)
def test_anything_else_passes(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    @one_line_errors
    def command() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        command()
    assert caught.value is error
    assert capsys.readouterr().err == ""


def test_a_command_keeps_its_arguments_result_and_name() -> None:
    @one_line_errors
    def command(one: int, *, two: int = 2) -> int:
        """Add."""
        return one + two

    assert command(1, two=4) == 5
    assert (command.__name__, command.__doc__) == ("command", "Add.")


def stage(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """The exit code of a stage with one argument, which is an odd number."""

    def main(number: int) -> None:
        """Take an odd NUMBER."""
        if number % 2 == 0:
            raise InputError(f"{number} is even")
        if number < 0:
            raise ValueError("a bug")

    monkeypatch.setattr(sys, "argv", ["stage", *words])
    with pytest.raises(SystemExit) as caught:
        run_stage(main)
    return caught.value.code


def test_a_stage_ends_as_its_command_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stage(monkeypatch, "3") == 0
    assert stage(monkeypatch, "4") == 1
    assert capsys.readouterr().err == "scanvote: 4 is even\n"
    assert stage(monkeypatch, "three") == 2
    assert stage(monkeypatch, "--help") == 0
    assert "Take an odd NUMBER." in capsys.readouterr().out
    with pytest.raises(ValueError, match="a bug"):
        stage(monkeypatch, "--", "-3")


def test_who_presses_ctrl_c_is_told_that_it_was_heard(capsys: pytest.CaptureFixture[str]) -> None:
    @one_line_errors
    def long() -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as ended:
        long()
    assert ended.value.exit_code == 130
    assert capsys.readouterr().err == "scanvote: stopped\n"


def test_a_hint_is_the_nearest_name_or_all_of_them() -> None:
    assert did_you_mean("phantm", ["lgg_mri", "phantom"]) == "; did you mean 'phantom'?"
    assert did_you_mean("zzz", ["b", "a"]) == "; known are a, b"
