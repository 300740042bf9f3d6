"""The right Python for a stage, whatever the shell found first."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment without any package."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True, with_pip=False)
    return folder


def stage(python: Path, root: Path | str, *words: str) -> subprocess.CompletedProcess[str]:
    """`python -m stages.evaluate` as DVC would run it for the repository `root`."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.run(
        [str(python), "-m", "stages.evaluate", *words],
        cwd=ROOT,
        env=environment | {"DVC_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_without_requirements_and_environment_it_is_one_line(bare: Path, tmp_path: Path) -> None:
    python = bare / "bin" / "python"
    done = stage(python, tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"scanvote's requirements are not installed for {python}: run `make env`\n"
    )


def test_without_requirements_the_environment_takes_over(bare: Path, tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nfor word in "$0" "$@"; do echo "$word"; done\nexit 7\n')
    python.chmod(0o755)
    done = stage(bare / "bin" / "python", tmp_path, "a b", "--flag")
    assert done.stdout.splitlines() == [str(python), "-m", "stages.evaluate", "a b", "--flag"]
    assert done.returncode == 7


@pytest.mark.parametrize("name", ["python", "python3"])
def test_an_environment_that_lacks_them_too_does_not_start_itself_for_ever(
    tmp_path: Path, name: str
) -> None:
    venv.create(tmp_path / ".venv", symlinks=True, with_pip=False)
    done = stage(tmp_path / ".venv" / "bin" / name, tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "run `make env`" in done.stderr


def test_the_code_of_the_folder_runs_not_the_installed_one(bare: Path, tmp_path: Path) -> None:
    """A copy of a queued experiment has its own src, which goes first."""
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "__init__.py").write_text((ROOT / "stages/__init__.py").read_text())
    (tmp_path / "stages" / "which.py").write_text("import scanvote; print(scanvote.WHICH)")
    for package in ("scanvote", "typer", "keras"):
        (tmp_path / "src" / package).mkdir(parents=True)
        (tmp_path / "src" / package / "__init__.py").write_text("WHICH = 'the copy'")
    done = subprocess.run(
        [str(bare / "bin" / "python"), "-m", "stages.which"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.strip() == "the copy", done.stderr


@pytest.mark.parametrize("name", ["download", "deduplicate", "prepare", "evaluate", "report"])
def test_a_stage_starts_without_what_is_slow_to_import(name: str) -> None:
    """Each of these takes from a tenth of a second to five, and many stages take no longer."""
    slow = (
        "tensorflow",
        "keras",
        "jax",
        "mlflow",
        "dvc",
        "sklearn",
        "scipy.stats",
        "scipy.optimize",
    )
    slow += ("matplotlib", "skimage", "statsmodels", "requests", "h5py", "nibabel", "pydicom")
    code = f"import sys, stages.{name}; print([one for one in {slow} if one in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "[]\n", done.stderr
