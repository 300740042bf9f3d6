"""The layout of the code: what each stage watches, and which floor may import which."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from scanvote.params import Params, decides_results

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src"
STAGES = {
    name: stage.get("do", stage) | {"foreach": stage.get("foreach", {})}
    for name, stage in YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"].items()
}

DECIDES_NOTHING = {
    "__init__.py": "the version, which is in the run",
    "core/errors.py": "what is raised ends the stage without a result",
    "core/files.py": "how a file is written, not what",
    "core/home.py": "where libraries put their caches",
    "core/machine.py": "which line is printed when a stage ends without a result",
    "core/parallel.py": "how many processes work, not on what: tests of each stage that has some",
    "core/processors.py": "likewise",
    "core/runtimes.py": "names; the stage `package` holds each runtime against Keras",
    "params": "its values are watched one by one",
    "core/progress.py": "what a person sees meanwhile",
    "core/terminal.py": "likewise",
    "tracking": "what MLflow is told, but for `stage.py`, which writes the metrics",
}
"""Of `src/scanvote`, and why."""


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imported(path: Path) -> frozenset[Path]:
    """The files of ours that a file imports, at its start or in a function, but not for types."""
    return frozenset(_imported(parsed(path)))


def _imported(tree: ast.Module) -> Iterator[Path]:
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            for name in node.names:
                yield from files_of(name.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from files_of(node.module)
            for name in node.names:
                yield from files_of(f"{node.module}.{name.name}")


@cache
def files_of(module: str) -> tuple[Path, ...]:
    """That run when it is imported, those of its packages first."""
    words = module.split(".")
    if words[0] != "scanvote":
        return ()
    places = [SOURCES.joinpath(*words[: count + 1]) for count in range(len(words))]
    files = (file for one in places for file in (one / "__init__.py", one.with_suffix(".py")))
    return tuple(file for file in files if file.is_file())


def closure(stage: str) -> set[Path]:
    found, left = set(), [ROOT / f"stages/{stage}.py"]
    while left:
        path = left.pop()
        for one in imported(path):
            if one not in found and not decides_nothing(one):
                found.add(one)
                left.append(one)
    return found


def decides_nothing(path: Path) -> bool:
    listed = path.name != "stage.py" and any(
        path.is_relative_to(SOURCES / "scanvote" / one) for one in DECIDES_NOTHING
    )
    return listed or len(parsed(path).body) <= 1  # a docstring


def watched(stage: str) -> list[Path]:
    """Its dependencies, with those of each of its items."""
    matrix, each = STAGES[stage].get("matrix", {}), STAGES[stage]["foreach"].values()
    items = [{key: name} for key, names in matrix.items() for name in names] or [*each] or [{}]
    return [ROOT / filled(dep, item) for dep in STAGES[stage]["deps"] for item in items]


def filled(dep: str, item: dict[str, str]) -> str:
    for key, value in item.items():
        dep = dep.replace(f"${{item.{key}}}", value)
    return dep


@pytest.mark.parametrize("stage", STAGES)
def test_all_that_a_stage_imports_is_among_its_dependencies(stage: str) -> None:
    missing = {
        path.relative_to(ROOT).as_posix()
        for path in closure(stage)
        if not any(path.is_relative_to(dep) for dep in watched(stage))
    }
    assert not missing


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_depends_on_where_the_work_is_done(stage: str) -> None:
    params = STAGES[stage].get("params", [])
    assert all(isinstance(one, str) and decides_results(one) for one in params)


def test_the_report_which_tells_every_other_setting_depends_on_it() -> None:
    assert {*STAGES["report"]["params"]} == {*filter(decides_results, Params.model_fields)}


# -- floors ------------------------------------------------------------------------

FLOORS = (
    *("core", "params", "class_roles", "manifest", "arrays", "predictions", "images", "splits"),
    *("metrics", "models", "plots", "training", "tuning", "datasets", "inputs", "pipeline"),
    *("predict", "tracking", "serving", "commands", "cli"),
)
"""Each imports those before it only; the stages likewise, in the order of dvc.yaml."""
MODULES = [path for path in (SOURCES / "scanvote").rglob("*.py") if path.name != "__init__.py"]


def floor_of(path: Path) -> tuple[int, int]:
    """The place of a module among the floors, and among the stages."""
    first, *rest = path.relative_to(SOURCES / "scanvote").with_suffix("").parts
    stage = [*STAGES].index(rest[0]) if first == "pipeline" and rest[0] in STAGES else -1
    return FLOORS.index(first), stage


def test_nothing_imports_upward() -> None:
    upward = {
        (path.relative_to(SOURCES).as_posix(), one.relative_to(SOURCES).as_posix())
        for path in MODULES
        for one in imported(path)
        if one.name != "__init__.py" and floor_of(one) > floor_of(path)
    }
    assert not upward


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {path: {one for one in imported(path) if one != path} for path in MODULES}
    TopologicalSorter(graph).prepare()


def names_in(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [one.name for one in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_tracking_alone_imports_mlflow_and_dvc() -> None:
    found = {
        path.relative_to(SOURCES / "scanvote").parts[0]
        for path in MODULES
        for node in ast.walk(parsed(path))
        for name in names_in(node)
        if name.partition(".")[0] in ("mlflow", "dvc")
    }
    assert found == {"tracking"}


def test_few_modules_lie_at_the_root() -> None:
    assert len([*(SOURCES / "scanvote").glob("*.py")]) <= 6
