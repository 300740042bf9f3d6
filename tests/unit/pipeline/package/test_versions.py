"""Which libraries a package needs, and in which versions."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

from scanvote.pipeline.package.versions import ANSWERING, requirements, versions

ROOT = Path(__file__).parents[4]
OF_THE_SHELL = {"rich", "typer"}


def test_what_answers_is_what_is_installed_without_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = {re.split(r"[<>=]", line)[0] for line in project["dependencies"]}
    assert base == {*ANSWERING} | OF_THE_SHELL


def test_a_package_tells_what_built_it() -> None:
    found = versions("tensorflow")
    assert found["onnxruntime"] == version("onnxruntime")
    assert {"python", "keras", *ANSWERING} <= found.keys()
    assert found.keys() & {"tensorflow", "tensorflow-cpu"}


def test_graphs_need_no_keras_and_what_is_packaged_is_what_is_needed() -> None:
    packaged = {"python": "3.11.0", "keras": "3.15.0", "numpy": "2.0.1", "pandas": "2.3.0"}
    assert requirements(packaged, "jax", graphs=True).keys() == {*ANSWERING}
    needed = requirements(packaged, "jax", graphs=False)
    assert needed.keys() - {"jax"} == {*ANSWERING, "keras"}
    assert (needed["keras"], needed["numpy"]) == ("3.15.0", "2.0.1")
    assert needed["onnxruntime"] == version("onnxruntime")  # an older package does not name it
