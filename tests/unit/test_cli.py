"""The command scanvote."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scanvote import tracking
from scanvote.cli import app
from scanvote.core.errors import InputError


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.output


def test_help_says_what_it_is_and_is_not_for() -> None:
    code, text = run("--help")
    assert code == 0
    assert "not for diagnosis" in " ".join(text.split())
    assert "ui" in text


def test_help_of_data_names_its_commands() -> None:
    code, text = run("data", "--help")
    assert code == 0
    assert "check" in text


def test_a_task_that_is_none_is_refused() -> None:
    assert run("data", "check", ".", "--task", "detection")[0] == 2


def test_ui_becomes_the_command_of_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    became = []
    monkeypatch.setattr(tracking, "ui_command", lambda port: ["/bin/mlflow", str(port)])
    monkeypatch.setattr(tracking, "ui_address", lambda port: f"http://127.0.0.1:{port}/#/x")
    monkeypatch.setattr("os.execv", lambda path, command: became.append((path, command)))
    code, said = run("ui", "--port", "5123")
    assert (code, said) == (0, "experiments side by side: http://127.0.0.1:5123/#/x\n")
    assert became == [("/bin/mlflow", ["/bin/mlflow", "5123"])]


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    assert run("ui", "--port", port)[0] == 2


def test_a_mistake_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(port: int) -> list[str]:
        raise InputError(f"port {port} is taken")

    monkeypatch.setattr(tracking, "ui_command", refuse)
    assert run("ui") == (1, "scanvote: port 5000 is taken\n")


def test_the_check_of_data_loads_no_reader_before_it_needs_one() -> None:
    code = "import sys, scanvote.commands.data_check_report; print(sorted(sys.modules))"
    path = str(Path(__file__).parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert "'scanvote.commands.data_check_report'" in done.stdout
    for heavy in ("SimpleITK", "gdcm", "h5py", "nibabel", "pydicom", "scipy", "skimage", "PIL"):
        assert f"'{heavy}'" not in done.stdout
