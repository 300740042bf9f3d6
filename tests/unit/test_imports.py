"""What the commands that answer import: the start of Python is most of what one file takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OF_THE_PIPELINE = ("dvc", "h5py", "keras", "mlflow", "onnx", "pandas", "sklearn", "tensorflow")
LATE = ("SimpleITK", "gdcm", "matplotlib", "nibabel", "pydicom", "scipy", "skimage")
"""What single formats and methods need, and the pipeline."""
NOT_AT_A_TERMINAL = ("rich",)


def loaded(*modules: str) -> set[str]:
    """All modules in memory after these were imported."""
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        (
            ("scanvote.cli", "scanvote.predict.run", "scanvote.commands.model_option"),
            (*OF_THE_PIPELINE, *LATE, *NOT_AT_A_TERMINAL, "fastapi", "scanvote.tracking"),
        ),
        (("scanvote.serving.server",), (*OF_THE_PIPELINE, *LATE)),
    ],
    ids=["predict", "serve"],
)
def test_what_answers_loads_nothing_of_the_pipeline(
    modules: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    found = loaded(*modules)
    assert set(modules) < found
    assert found.isdisjoint(absent), found & set(absent)
