"""This checkout beside another commit, in turn, in one run on one machine.

    python benchmarks/against.py COMMIT [--images FOLDER] [--repro] [--tests] [--stage NAME]...

Always: the start of stages, from the process to the call of the stage's own function, with its
run in MLflow open, and of `scanvote --help`; and images/s of fingerprints, in one process, on
FOLDER, else on the JPEGs of SCANVOTE_MIRROR's 4-class set. `--repro` adds `make repro` with all
that it has to compute, and what its vote reached; `--tests` adds `make test`.

Both are worktrees in a temporary folder: COMMIT, and what Git tracks here, with changes that are
not committed. Both run with the interpreter of this command, each with PYTHONPATH at its own
`src`, and nothing is installed: a commit that needs other packages cannot be measured, and tests
that call the command `scanvote` call the one that is installed. What a commit lacks is "not
there". The ratio is ours over COMMIT's.
"""

import json
import os
import platform
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
SET = "brain-tumor-classification-mri.zip"
IMAGES = 1000
STAGES = ["download", "deduplicate", "prepare", "evaluate", "report"]
START = """
import runpy, sys, time
from contextlib import contextmanager
from scanvote import tracking
opened = tracking.stage_run
@contextmanager
def stage_run(*words, **named):
    with opened(*words, **named):
        print(time.time(), flush=True)
        sys.exit()
tracking.stage_run = stage_run
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
PRINTS = """
import sys, time
from pathlib import Path
from scanvote.pipeline.deduplicate.fingerprints import fingerprints
paths = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.is_file())
start = time.perf_counter()
fingerprints(paths, 1)
print(len(paths) / (time.perf_counter() - start))
"""
REACHED = {
    "vote, macro F1": ("vote_macro_f1", "vote_f1"),
    "best member, macro F1": ("best_macro_f1", "best_f1"),
}
"""What is read of `metrics/evaluate/classification.json`, under its names so far."""

Measures = dict[str, float]
"""By what was measured, with its unit."""


class Side(NamedTuple):
    """A checkout, which has its own `mlflow.db`."""

    name: str
    folder: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run in the checkout, with nothing set that a run of DVC or MLflow would obey."""
        alien = ("DVC_", "GIT_", "MLFLOW_", "PYTHON")
        plain = {key: value for key, value in os.environ.items() if not key.startswith(alien)}
        own = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{plain['PATH']}",
            "PYTHONPATH": str(self.folder / "src"),
        }
        return subprocess.run(
            command, cwd=self.folder, env=plain | own, capture_output=True, text=True
        )


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise typer.BadParameter(done.stderr.strip())
    return done.stdout.strip()


@contextmanager
def sides(commit: str) -> Iterator[list[Side]]:
    """Worktrees of the commit and of what is here, gone afterwards."""
    found = {
        commit: git("rev-parse", "--verify", f"{commit}^{{commit}}"),
        "here": git("stash", "create") or git("rev-parse", "HEAD"),
    }
    try:
        with tempfile.TemporaryDirectory() as place:
            made = [Side(name, Path(place, str(at))) for at, name in enumerate(found)]
            for side, revision in zip(made, found.values(), strict=True):
                git("worktree", "add", "--quiet", "--detach", str(side.folder), revision)
                (side.folder / ".venv").symlink_to(sys.prefix)
            yield made
    finally:
        git("worktree", "prune")  # what is gone


def processor_seconds() -> float:
    """Of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start_of(side: Side, stage: str) -> Measures:
    """The start of a stage, as DVC calls it."""
    words = stage_words(side.folder, stage)
    if words is None:
        return {}
    begun, used = time.time(), processor_seconds()
    done = side.run(sys.executable, "-c", START, f"stages.{stage}", *words)
    if done.returncode:
        print(f"{side.name}: {stage}: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return {}
    spent = processor_seconds() - used
    seconds = float(done.stdout.split()[-1]) - begun
    return {f"start of {stage}, s": seconds, f"start of {stage}, processor s": spent}


def stage_words(folder: Path, stage: str) -> list[str] | None:
    """What the stage's command is given, for its first item; None where it is not there."""
    known = YAML(typ="safe").load(folder / "dvc.lock")["stages"]
    commands = [one["cmd"] for name, one in known.items() if name.split("@")[0] == stage]
    return shlex.split(commands[0])[3:] if commands else None  # python3 -m stages.NAME


def start_of_help(side: Side) -> Measures:
    code = "from scanvote.cli import app; app()"
    begun = time.perf_counter()
    done = side.run(sys.executable, "-c", code, "--help")
    return {"scanvote --help, s": time.perf_counter() - begun} if done.returncode == 0 else {}


def fingerprints(side: Side, images: Path) -> Measures:
    done = side.run(sys.executable, "-c", PRINTS, str(images))
    if done.returncode:
        print(f"{side.name}: fingerprints: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return {}
    return {"fingerprints, images/s": float(done.stdout)}


def made(side: Side, target: str) -> Measures:
    """`make TARGET` without the set-up, which is this interpreter's."""
    begun, used = time.perf_counter(), processor_seconds()
    done = side.run("make", "--old-file", "env", target)
    name = f"make {target}"
    print(f"{side.name}: {name}: {_last(done)}", file=sys.stderr)
    if done.returncode and target == "repro":
        return {}
    wall, spent = time.perf_counter() - begun, processor_seconds() - used
    return {f"{name}, s": wall, f"{name}, processor s": spent}


def _last(done: subprocess.CompletedProcess[str]) -> str:
    """The last line that a command said, and how it ended where it failed."""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return (lines[-1] if lines else "") + (f" (exit {done.returncode})" if done.returncode else "")


def repro(side: Side) -> Measures:
    found = made(side, "repro")
    return found | reached(side.folder) if found else {}


def reached(folder: Path) -> Measures:
    path = folder / "metrics" / "evaluate" / "classification.json"
    told: Mapping[str, float] = json.loads(path.read_text()) if path.is_file() else {}
    names = {what: next((n for n in names if n in told), None) for what, names in REACHED.items()}
    return {what: told[name] for what, name in names.items() if name}


@contextmanager
def jpegs(folder: Path | None) -> Iterator[Path | None]:
    """A folder of images: the given one, or some of the mirror's unpacked; None without."""
    archive = Path(os.environ.get("SCANVOTE_MIRROR", ""), SET)
    if folder or not archive.is_file():
        yield folder
        return
    with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(archive) as packed:
        names = [one for one in packed.namelist() if one.lower().endswith((".jpg", ".jpeg"))]
        for number, name in enumerate(sorted(names)[:IMAGES]):
            with packed.open(name) as one, Path(place, f"{number:04}.jpg").open("wb") as out:
                shutil.copyfileobj(one, out)
        yield Path(place)


def table(commit: str, theirs: Mapping[str, list[float]], ours: Mapping[str, list[float]]) -> None:
    """The medians of both, and their ratio."""
    print(f"| what | {commit} | here | ratio |\n|---|---|---|---|")
    for what in dict.fromkeys([*theirs, *ours]):
        both = [statistics.median(one[what]) if what in one else None for one in (theirs, ours)]
        ratio = f"{both[1] / both[0]:.2f}" if None not in both and both[0] else ""
        shown = ["not there" if one is None else f"{one:,.3g}" for one in both]
        print(f"| {what} | {shown[0]} | {shown[1]} | {ratio} |", flush=True)


def main(
    commit: str,
    images: Annotated[Path | None, typer.Option(help="A folder of images.")] = None,
    stage: Annotated[list[str], typer.Option(help="Stages whose start is measured.")] = STAGES,
    rounds: Annotated[int, typer.Option(min=1, help="Of all but --repro and --tests.")] = 5,
    repro_too: Annotated[bool, typer.Option("--repro", help="And `make repro`.")] = False,
    tests_too: Annotated[bool, typer.Option("--tests", help="And `make test`.")] = False,
) -> None:
    """Measure COMMIT and this checkout in turn; Markdown on standard output."""
    found: dict[str, dict[str, list[float]]] = {}

    def note(side: Side, measures: Measures) -> None:
        for what, value in measures.items():
            found.setdefault(side.name, {}).setdefault(what, []).append(value)

    with sides(commit) as both, jpegs(images) as folder:
        for side in both:
            start_of(side, "report")  # makes the database, and Python's bytecode
        for _ in range(rounds):
            for side in both:
                for name in stage:
                    note(side, start_of(side, name))
                note(side, start_of_help(side))
                if folder:
                    note(side, fingerprints(side, folder))
        for side in both:
            if repro_too:
                note(side, repro(side))
        for side in both:
            if tests_too:
                note(side, made(side, "test"))
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    table(commit, found.get(commit, {}), found.get("here", {}))


if __name__ == "__main__":
    typer.run(main)
