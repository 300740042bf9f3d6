"""MLflow's server, as a lab has it: it restarts while a stage trains, and goes away."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from dvc.repo import Repo

ROOT = Path(__file__).parents[2]
PIPELINE = """
stages:
  search: {cmd: python train.py search, outs: [search.txt]}
  ensemble: {cmd: python train.py ensemble, deps: [search.txt], outs: [ensemble.txt]}
"""
TRAIN = """
import sys, time
from pathlib import Path
from pydantic import BaseModel
from scanvote import tracking
from scanvote.core.terminal import run_stage

class Settings(BaseModel):
    lr: float = 0.1

def main(name: str) -> None:
    with tracking.stage_run(name, params=Settings()) as run:
        with run.trial("small", {"units": 4}) as trial:
            trial.epoch(0, {"loss": 1.0})
            Path("training").touch()
            while not Path("go").exists():
                time.sleep(0.05)
            trial.epoch(1, {"loss": 0.5})
        Path(f"{name}.txt").write_text("trained")
        run.log_file(Path(f"{name}.txt"))

run_stage(main)
"""


class Server:
    """`mlflow server` on a free port, with its database and artifacts in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        words = ["server", "--backend-store-uri", "sqlite:///mlflow.db", "--workers", "1"]
        words += ["--artifacts-destination", "artifacts", "--port", str(self.port)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *words],
            cwd=self._folder,
            env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for _ in range(1200):
            assert self._process.poll() is None
            with suppress(OSError), urlopen(f"{self.uri}/health", timeout=5):
                return
            time.sleep(0.1)
        raise TimeoutError(self.uri)

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "server"
    folder.mkdir()
    made = Server(folder)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "lab"
    root.mkdir()
    (root / "dvc.yaml").write_text(PIPELINE)
    (root / "train.py").write_text(TRAIN)
    Repo.init(str(root), no_scm=True).close()
    return root


def start(root: Path, server: Server, *words: str) -> "subprocess.Popen[str]":
    alien = ("DVC_", "GIT_", "MLFLOW_")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(alien)}
    own = {
        "MLFLOW_TRACKING_URI": server.uri,
        "NO_PROXY": "127.0.0.1",
        "PATH": f"{Path(sys.executable).parent}:{plain['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", *words],
        cwd=root,
        env=plain | own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def runs(server: Server, root: Path) -> list[tuple[str, str, str, int]]:
    """Kind, name and status of each run, and how many losses it has; as the server says."""
    from mlflow import MlflowClient

    client = MlflowClient(server.uri)
    experiment: Any = client.get_experiment_by_name("scanvote")
    found = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
    return [
        (
            run.data.tags["scanvote.kind"],
            run.info.run_name,
            run.info.status,
            len(client.get_metric_history(run.info.run_id, "loss")),
        )
        for run in found
    ]


@pytest.mark.slow
def test_a_server_that_restarts_loses_nothing_and_one_that_is_gone_is_a_line(
    repository: Path, server: Server
) -> None:
    training = start(repository, server)
    while not (repository / "training").exists():
        assert training.poll() is None
        time.sleep(0.05)
    server.stop()
    (repository / "go").touch()
    time.sleep(1)  # in which the stage meets no server
    server.start()
    _, told = training.communicate(timeout=300)
    assert training.returncode == 0, told
    assert told.count("the MLflow store cannot be reached") == 1
    assert told.count("answers again") == 1
    first = [
        *(("execution", "repro", "FINISHED", 0), ("stage", "search", "FINISHED", 0)),
        *(("trial", "small", "FINISHED", 2), ("stage", "ensemble", "FINISHED", 0)),
        ("trial", "small", "FINISHED", 2),
    ]
    assert runs(server, repository) == first

    again = start(repository, server, "--force", "--single-item", "search")
    _, told = again.communicate(timeout=300)
    assert again.returncode == 0, told
    assert runs(server, repository) == first + first[:3]

    server.stop()
    alone = start(repository, server, "--force", "--single-item", "search")
    _, told = alone.communicate(timeout=300)
    assert alone.returncode != 0
    assert "Traceback" not in told
    (line,) = [line for line in told.splitlines() if line.startswith("scanvote: ")]
    assert line.startswith(f"scanvote: MLFLOW_TRACKING_URI={server.uri}: the MLflow store cannot")
