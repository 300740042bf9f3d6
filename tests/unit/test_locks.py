"""The locked requirements: what answers is a part of what trains, in the same versions."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@cache
def locked(extra: str) -> dict[str, str]:
    """The version of each distribution, by its name."""
    text = (ROOT / f"requirements-{extra}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, re.MULTILINE))


@cache
def declared() -> dict[str, list[str]]:
    """The requirements of each extra; those without one are of "base"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {"base": project["dependencies"], **project["optional-dependencies"]}


def names(extra: str) -> set[str]:
    own = (re.split(r"[^A-Za-z0-9-]", line)[0] for line in declared()[extra])
    return {name for name in own if name != "scanvote"}


def test_what_answers_is_locked_in_the_versions_of_what_trains() -> None:
    serve, cpu = locked("serve"), locked("cpu")
    assert names("base") | names("serve") | names("build") <= serve.keys()
    assert serve.items() <= cpu.items()


def test_what_answers_needs_nothing_of_what_trains() -> None:
    heavy = names("pipeline") - names("serve")
    assert {"dvc", "keras", "mlflow", "pandas"} <= heavy
    assert locked("serve").keys().isdisjoint(heavy | names("cpu"))


@pytest.mark.parametrize("extra", ["cpu", "gpu"])
def test_what_trains_has_everything(extra: str) -> None:
    parts = ("base", "serve", "pipeline", "build", "dev", extra)
    assert set().union(*map(names, parts)) <= locked(extra).keys()


@pytest.mark.parametrize("extra", ["cpu", "gpu", "serve"])
def test_a_lock_names_no_index(extra: str) -> None:
    assert "://" not in (ROOT / f"requirements-{extra}.txt").read_text()
