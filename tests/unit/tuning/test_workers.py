"""Trials in processes of their own: the same bytes, and nothing left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras
import pandas as pd
import psutil
import pytest

import scanvote
from scanvote.core import parallel
from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError
from scanvote.pipeline.search.stage import search
from scanvote.training import loop
from tests.searching import ROOT, Log, tiny_params, tree, write_prepared

use_backend("tensorflow")

SECONDS = 20  # that a process may take to end


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return write_prepared(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def fitted(monkeypatch):
    """Trainings of this very process."""
    fits, fit = [], loop._fit

    def noted(model, spec, on_epoch):
        fits.append(spec.cache_dir)
        return fit(model, spec, on_epoch)

    monkeypatch.setattr(loop, "_fit", noted)
    return fits


def _search(family, prepared, root, monkeypatch, **changes):
    """Outputs, metrics and log of a search in a repository of its own."""
    monkeypatch.setenv("DVC_ROOT", str(root))
    log, params = Log(), tiny_params(**changes)
    monkeypatch.setattr(parallel, "_workers", params.compute.workers)
    metrics = search(family, prepared, params, root / "out", log)
    return tree(root / "out"), metrics, {name: told["epochs"] for name, told in log.trials.items()}


SEARCHES = {
    # three convolutions do not fit on 16 pixels
    "grid of which one fails": (
        "cnn",
        {
            "search": {"algorithm": "grid"},
            "cnn": {"convolutions": [3, 1], "filters": [2], "dense_layers": [0, 1]},
        },
    ),
    # whose second rung depends on the scores of the first
    "hyperband": ("ann", {"search": {"algorithm": "hyperband", "epochs": 4, "max_trials": 5}}),
}


def _changes(name, workers):
    family, changes = SEARCHES[name]
    return family, {**changes, "compute": {"workers": workers}}


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHES)
def test_two_workers_are_as_one_and_leave_nothing_to_train(
    prepared, tmp_path, monkeypatch, fitted, workers, name
):
    family, changes = _changes(name, 1)
    alone = _search(family, prepared, tmp_path / "alone", monkeypatch, **changes)
    assert fitted
    fitted.clear()
    family, changes = _changes(name, 2)
    together = _search(family, prepared, tmp_path / "together", monkeypatch, **changes)
    assert fitted == []
    assert together == alone
    trials = pd.read_csv(tmp_path / "together" / "out" / "trials.csv")
    assert trials["problem"].notna().any() == (name == "grid of which one fails")
    assert not workers()


def _children(pid):
    """The living processes below, but for the tracker, which lives as long as its parent."""
    below = _alive(psutil.Process(pid).children(recursive=True))
    return [one for one in below if "resource_tracker" not in " ".join(one.cmdline())]


@pytest.fixture
def workers():
    """Those of this process; other tests may have left a server that forks."""
    before = _children(os.getpid())
    return lambda: [one for one in _children(os.getpid()) if one not in before]


def _alive(processes):
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


# ---- processes that end ---------------------------------------------------------------

# a search that would take days; it must be a file, which the workers import
SCRIPT = """
import sys
from pathlib import Path
import scanvote
from scanvote.core.backend import use_backend
from scanvote.core.parallel import use_compute
from tests.searching import Log, tiny_params

if __name__ == "__main__":
    use_backend("tensorflow")
    from scanvote.pipeline.search.stage import search
    long = {"epochs": 10_000_000, "patience": None, "families": [sys.argv[1]]}
    backbones = {"backbones": ["tiny.keras", "MobileNetV2"], "weights": "text.h5", "units": [0]}
    params = tiny_params(compute={"workers": 2}, search=long, transfer=backbones)
    search(sys.argv[1], Path("prepared"), params, Path("out"), Log())
"""


def _begin(root, family):
    (root / "long.py").write_text(SCRIPT)
    write_prepared(root / "prepared")
    paths = os.pathsep.join([str(Path(scanvote.__file__).parents[1]), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": paths, "DVC_ROOT": str(root)}
    with (root / "said.txt").open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "long.py", family], cwd=root, env=environment, stderr=said
        )


def _wait(until, seconds):
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if until():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def running(tmp_path):
    """A search in a process of its own, both of its workers at a training."""
    parent = _begin(tmp_path, "ann")
    workers = []
    try:
        begun = _wait(lambda: len(list(tmp_path.rglob("checkpoint.npz"))) == 2, 120)
        assert begun, (tmp_path / "said.txt").read_text()
        workers = psutil.Process(parent.pid).children(recursive=True)
        yield parent, workers
    finally:
        parent.kill()
        parent.wait()
        for one in _alive(workers):
            one.kill()


def test_workers_end_when_their_parent_is_killed(running):
    parent, workers = running
    assert len(workers) >= 2
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert _wait(lambda: not _alive(workers), SECONDS), _alive(workers)


def test_a_worker_that_dies_is_one_line(prepared, tmp_path, monkeypatch, workers):
    """As by the kernel, for want of memory."""

    def kill():
        started = _wait(lambda: list(tmp_path.rglob("checkpoint.npz")), 120)
        if started:
            workers()[0].kill()

    killer = threading.Thread(target=kill)
    killer.start()
    changes = {"compute": {"workers": 2}, "search": {"epochs": 10_000_000, "patience": None}}
    with pytest.raises(
        InputError, match=r"^one of the 2 processes that share the work died"
    ) as refused:
        _search("ann", prepared, tmp_path, monkeypatch, **changes)
    killer.join()
    assert str(refused.value).isprintable()
    assert _wait(lambda: not workers(), SECONDS)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_an_error_of_one_worker_does_not_wait_for_the_other(tmp_path):
    inputs = keras.Input((None, None, 3))
    keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs)).save(tmp_path / "tiny.keras")
    (tmp_path / "text.h5").write_text("no weights")  # which only a training finds out
    parent = _begin(tmp_path, "transfer")
    ended = _wait(lambda: parent.poll() is not None, 120)
    if not ended:
        for one in [*_children(parent.pid), parent]:
            one.kill()
    assert ended, "it waits for a training that takes days"
    assert "transfer.backbones: MobileNetV2 refuses" in (tmp_path / "said.txt").read_text()


def test_what_cannot_be_is_told_before_a_worker_starts(prepared, tmp_path, monkeypatch, workers):
    changes = {"compute": {"workers": 2}, "search": {"output": "sigmoid"}}
    with pytest.raises(InputError, match=r"^search\.output: "):
        _search("ann", prepared, tmp_path, monkeypatch, **changes)
    assert not workers()
