"""The choice of the backend, with stand-ins for the frameworks."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError

ROOT = Path(__file__).parents[3]

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
from scanvote.core.backend import use_backend
use_backend(sys.argv[1])
print("keras" in sys.modules, os.environ["KERAS_BACKEND"], os.environ.get("XLA_FLAGS"))
print(sys.modules["tensorflow"].called if "tensorflow" in sys.modules else None)
print(os.environ["TF_FORCE_GPU_ALLOW_GROWTH"], os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"])
os.write(2, b"heard")
"""

FAULTS = """
import resource
from scanvote.core.backend import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytes(1) * (64 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
given_back = faults()
keep_freed_memory()
faults()
print(given_back, faults())
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
    first, second, _ = done.stdout.splitlines()
    assert first == "False tensorflow None"
    assert "deterministic" in second
    assert done.stderr == "heard", "only the import is silenced"


def test_jax_keeps_the_flags_that_were_set_and_imports_no_tensorflow(tmp_path: Path) -> None:
    first, second, _ = used("jax", tmp_path, XLA_FLAGS="--xla_a=1").stdout.splitlines()
    assert first == "False jax --xla_a=1 --xla_gpu_deterministic_ops=true"
    assert second == "None"


def test_a_gpu_can_be_shared_unless_its_user_says_otherwise(tmp_path: Path) -> None:
    assert used("jax", tmp_path).stdout.splitlines()[-1] == "true false"
    done = used("jax", tmp_path, XLA_PYTHON_CLIENT_PREALLOCATE="true")
    assert done.stdout.splitlines()[-1] == "true true"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc is set up")
def test_freed_memory_is_used_again_without_page_faults() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    given_back, kept = map(int, done.stdout.split())
    assert kept < 100 < given_back


def test_a_backend_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(InputError, match="backend: nowhere_installed is not installed"):
        use_backend("nowhere_installed")
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_every_epoch_is_fed_all_batches_in_its_own_order_and_nothing_tunes_itself():
    from scanvote.core.backend import as_dataset
    from scanvote.training.batches import Batches

    rows = np.arange(20, dtype=np.uint8).reshape(5, 2, 2)
    batches = Batches(rows, 2, rows[:, 0, 0].astype(np.float32))
    fed = as_dataset(batches)
    orders = []
    for seed in (1, 2):
        batches.start_epoch(seed)
        images, targets = zip(*([np.asarray(part) for part in one] for one in fed), strict=True)
        assert [len(one) for one in images] == [2, 2, 1]
        np.testing.assert_array_equal(np.concatenate(images), rows[batches.order])
        np.testing.assert_array_equal(np.concatenate(targets), 4 * batches.order)
        orders.append(list(batches.order))
    assert orders[0] != orders[1]
    assert fed.options().autotune.enabled is False


def test_an_epoch_that_is_fed_learns_each_batch_once_and_takes_no_step_beyond():
    import keras

    from scanvote.core.backend import as_dataset
    from scanvote.training.batches import Batches

    random = np.random.default_rng(1)
    rows = random.random((10, 3)).astype(np.float32)
    batches = Batches(rows, 4, rows.sum(axis=1, keepdims=True))

    def model():
        keras.utils.set_random_seed(1)
        one = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        one.compile(optimizer="adam", loss="mse")
        return one

    fitted, by_hand, fed = model(), model(), as_dataset(batches)
    for epoch in range(2):
        batches.start_epoch(epoch)
        fitted.fit(fed, steps_per_epoch=len(batches), verbose=0, shuffle=False)
        for number in range(len(batches)):
            by_hand.train_on_batch(*batches[number])
    assert int(fitted.optimizer.iterations) == 6
    for one, other in zip(fitted.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
