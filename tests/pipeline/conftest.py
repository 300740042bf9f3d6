"""A copy of the repository with a tiny phantom, and DVC run in it as a person runs it."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from ruamel.yaml import YAML

from tests.clusters import Scheduler, can_hide, scheduler
from tests.pipeline import forked

ROOT = Path(__file__).parents[2]
VENV = Path(sys.prefix)
HANGS = 500
"""Seconds after which a command is taken to hang: before pytest ends the test, and unheard."""
MADE = (  # by DVC
    *("data/sources", "data/taken", "data/raw", "data/dedup", "data/prep"),
    *("models", "metrics", "dvc.lock"),
)

TINY = """
phantom:
  image_size: 64
  classification: {patients: 24, slices: 1}
  segmentation: {patients: 8, slices: 4}
prepare:
  classification: {image_size: 32, copies: 0}
  segmentation: {image_size: 32, copies: 0}
search: {max_trials: 2, epochs: 1, schedule: constant}
ann: {dense_layers: [0, 1], units: [8]}
cnn: {convolutions: [1], filters: [4, 8], dense_layers: [0]}
transfer: {backbones: [backbone.keras], thaw: null, units: [0]}
unet: {filters: 2, prior: 0.5, epochs: 1, batch_size: 16, sample: all}
explain: {scans: 4, samples: 30}
evaluate: {gallery: 4}
"""


@dataclass(frozen=True)
class Workspace:
    """A Git and DVC repository to run commands in."""

    folder: Path

    def __truediv__(self, path: str) -> Path:
        return self.folder / path

    def start(self, *command: object, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(word) for word in command],
            cwd=self.folder,
            env=_environment() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # killed as a whole
        )

    def run(self, *command: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run to the end, whatever the end is."""
        process = self.start(*command, **environment)
        out, err = process.communicate(timeout=HANGS)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def dvc(self, *words: object, **environment: str) -> str:
        """The output of a `dvc` command that must succeed."""
        done = self.run("dvc", *words, **environment)
        assert done.returncode == 0, f"dvc {words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def start_stages(self, *stages: Sequence[object], **environment: str) -> subprocess.Popen[str]:
        """Stages one after the other, without DVC."""
        words = (shlex.join(["python3", "-m", *map(str, stage)]) for stage in stages)
        return self.start("sh", "-c", " && ".join(words), **environment)

    def run_stages(self, *stages: Sequence[object], **environment: str) -> None:
        process = self.start_stages(*stages, **environment)
        _, err = process.communicate(timeout=HANGS)
        assert process.returncode == 0, err[-3000:]

    def ran(self, *targets: str, force: bool = False) -> set[str]:
        """The stages that `dvc repro --dry` would run, by DVC in this process: half the time.

        But for `sources`, which always runs.
        """
        with chdir(self.folder), Repo() as repo:
            stages = repo.reproduce(list(targets), dry=True, force=force)
            return {stage.name for stage in stages} - {"sources"}

    def change(self, changes: str) -> None:
        """Merge `changes`, in YAML, into params.yaml."""
        yaml = YAML()
        values = yaml.load(self / "params.yaml")
        # plain values: a list in brackets, put in one that had a comment, makes invalid YAML
        _merge(values, YAML(typ="safe").load(changes))
        yaml.dump(values, self / "params.yaml")

    def commit(self) -> None:
        for words in (["add", "--all"], ["commit", "--quiet", "--message", "as tested"]):
            done = self.run("git", "-c", "user.name=test", "-c", "user.email=test@test", *words)
            assert done.returncode == 0, done.stderr

    def copy(self, folder: Path) -> "Workspace":
        """The same again, outputs and cache included; the runs in MLflow stay behind."""
        shutil.copytree(
            self.folder,
            folder,
            symlinks=True,
            ignore=shutil.ignore_patterns("mlflow.db*", "mlartifacts"),
        )
        return Workspace(folder)


def kill(process: subprocess.Popen[str]) -> None:
    """All of its group, so that it cannot do anything more, and wait for its end."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _environment() -> dict[str, str]:
    """This one's without settings of a run; first the `python3` that forks, then the commands."""
    alien = ("DVC_", "GIT_", "MLFLOW_", "SCANVOTE_", "KERAS_", "PYTHON")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(alien)}
    return plain | {
        "PATH": os.pathsep.join([str(forked.commands()), str(VENV / "bin"), plain["PATH"]]),
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def _merge(values: dict, changes: dict) -> None:
    for key, value in changes.items():
        assert key in values, f"params.yaml has no {key}"
        if isinstance(value, dict):
            _merge(values[key], value)
        else:
            values[key] = value


def _tracked() -> list[str]:
    """What Git would commit of the working tree, new files included."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in listed.split("\0") if path and (ROOT / path).is_file()]


def write_template(folder: Path) -> Workspace:
    """A fresh copy of the repository, tiny, committed, nothing run yet."""
    template = Workspace(folder)
    for path in _tracked():
        if not path.startswith(("tests/", *MADE)) or path.endswith(".gitignore"):
            target = template / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, target)
    template.change(TINY)
    _backbone(template / "backbone.keras")
    template.run("git", "init", "--quiet")
    (template / ".git/info/exclude").write_text(".venv\n")
    (template / ".venv").symlink_to(VENV)
    template.commit()
    return template


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Callable[[str], Workspace]:
    """Makes such copies."""
    template = write_template(tmp_path_factory.mktemp("template") / "scanvote")

    def make(name: str) -> Workspace:
        return template.copy(tmp_path_factory.mktemp(name) / "scanvote")

    return make


@pytest.fixture(scope="session")
def repro(checkout) -> Workspace:
    """After one `dvc repro`, its outputs committed; tests leave it as they find it."""
    workspace = checkout("repro")
    workspace.dvc("repro")
    workspace.commit()
    return workspace


@pytest.fixture(scope="session")
def twin(repro, checkout, tmp_path_factory) -> Workspace:
    """After the same commands elsewhere, which knew nothing of the first but its dvc.lock.

    Its trials are trained by workers of Dask that do not see its files, if this machine can hide
    them; one of the workers is killed in its first training, and another one joins.
    """
    workspace = checkout("twin")
    lock = YAML(typ="safe").load(repro / "dvc.lock")
    words = [shlex.split(stage["cmd"]) for stage in lock["stages"].values()]
    assert all(one[:2] == ["python3", "-m"] for one in words)
    with scheduler(tmp_path_factory.mktemp("dask")) as dask:
        apart = workspace.folder if can_hide() else None
        first = dask.worker("first", apart=apart)
        killer = Thread(target=_replace, args=(dask, first, workspace, apart), daemon=True)
        killer.start()
        workspace.run_stages(*(one[2:] for one in words), SCANVOTE_SCHEDULER=dask.address)
    assert first.poll() is not None, "a worker was killed"
    shutil.copy(repro / "dvc.lock", workspace / "dvc.lock")
    # which also holds what DVC has not run here, or `dvc status` would miss it
    workspace.dvc("config", "--local", "cache.dir", repro / ".dvc/cache")
    return workspace


def _replace(
    dask: Scheduler, worker: subprocess.Popen[bytes], work: Workspace, apart: Path | None
) -> None:
    """Kill a worker at its first training, and start two others."""
    folder, pattern = (work.folder, ".cache/trials/*") if apart is None else (dask.folder, "kept-*")
    while not any(folder.rglob(pattern)):
        time.sleep(0.05)
    worker.kill()
    for name in ("second", "third"):
        dask.worker(name, apart=apart)


@pytest.fixture(scope="session")
def experiment(repro, tmp_path_factory) -> Iterator[tuple[Workspace, subprocess.Popen[str]]]:
    """`dvc exp run -S lr=1e-4` at work in a copy, beside the tests that follow."""
    workspace = repro.copy(tmp_path_factory.mktemp("experiment") / "scanvote")
    process = workspace.start("dvc", "exp", "run", "-S", "lr=1e-4", "--name", "slower")
    yield workspace, process
    if process.poll() is None:
        kill(process)


@pytest.fixture(scope="session")
def downstream(repro) -> Callable[[set[str]], set[str]]:
    """Says which stages `dvc repro --force --downstream` of some would run.

    By DVC's plan of the graph, made once: reading dvc.lock takes a second each time, and no
    param changes the graph.
    """
    with chdir(repro.folder), Repo() as whole:
        graph = whole.index.graph

    def planned(stages: set[str]) -> set[str]:
        chosen = [stage for stage in graph if stage.name in stages]
        return {stage.name for stage in plan_repro(graph, chosen, downstream=True)}

    return planned


@pytest.fixture
def done(repro, tmp_path) -> Workspace:
    """A copy of `repro`, to change and run."""
    return repro.copy(tmp_path / "scanvote")


def _backbone(path: Path) -> None:
    """A saved feature extractor of a few weights, such as a mirror's EfficientNet is of many."""
    import keras

    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(inputs)
    keras.Model(inputs, x).save(path)
