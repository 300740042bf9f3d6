"""The choice of the backend, with stand-ins for the frameworks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scanvote.backend import use_backend
from scanvote.errors import InputError

ROOT = Path(__file__).parents[2]

TENSORFLOW = """
import os
os.write(2, b"a greeting of the C++ library")
called = []
class logger: setLevel = staticmethod(called.append)
def get_logger(): return logger
class config:
    class experimental:
        enable_op_determinism = staticmethod(lambda: called.append("deterministic"))
"""

SCRIPT = """
import os, sys
from scanvote.backend import use_backend
use_backend(sys.argv[1])
print("keras" in sys.modules, os.environ["KERAS_BACKEND"], os.environ.get("XLA_FLAGS"))
print(sys.modules["tensorflow"].called if "tensorflow" in sys.modules else None)
os.write(2, b"heard")
"""


def used(name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`use_backend(name)` in a process that finds the stand-ins first."""
    (folder / "tensorflow.py").write_text(TENSORFLOW)
    (folder / "jax.py").write_text("")
    path = os.pathsep.join([str(folder), str(ROOT / "src")])
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, name],
        env={"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        check=True,
    )


def test_tensorflow_is_quiet_and_deterministic(tmp_path: Path) -> None:
    done = used("tensorflow", tmp_path, KERAS_BACKEND="jax")
    first, second = done.stdout.splitlines()
    assert first == "False tensorflow None"
    assert "deterministic" in second
    assert done.stderr == "heard", "only the import is silenced"


def test_jax_keeps_the_flags_that_were_set_and_imports_no_tensorflow(tmp_path: Path) -> None:
    first, second = used("jax", tmp_path, XLA_FLAGS="--xla_a=1").stdout.splitlines()
    assert first == "False jax --xla_a=1 --xla_gpu_deterministic_ops=true"
    assert second == "None"


def test_a_backend_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(InputError, match="backend: nowhere_installed is not installed"):
        use_backend("nowhere_installed")
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
