"""Choose what Keras computes on, before anything imports Keras."""

import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanvote.core.errors import InputError

if TYPE_CHECKING:
    import keras

_AHEAD = 2
"""Batches that are made ready while one is learnt."""
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # names of glibc's malloc.h


def use_backend(name: str) -> None:
    """Make `name` (``tensorflow`` or ``jax``) the backend, quiet and deterministic.

    Must run before the first import of Keras in the process, which reads the choice once.

    Raises:
        InputError: it is not installed.
    """
    if importlib.util.find_spec(name) is None:
        raise InputError(f"backend: {name} is not installed here; install it beside, or change it")
    os.environ["KERAS_BACKEND"] = name
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keep_freed_memory()
    if name == "tensorflow":
        with _quiet_stderr():
            import tensorflow

        tensorflow.get_logger().setLevel("ERROR")
        tensorflow.config.experimental.enable_op_determinism()
    else:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()


def keep_freed_memory() -> None:
    """Let this process use freed memory again instead of giving it back.

    TensorFlow allocates each array of a step anew. glibc maps large ones and unmaps them when
    they are freed, and the kernel clears every page of them again: up to 40 % of the processor
    time of a training (`benchmarks/allocator.py`). What a process held at most it now holds to
    its end. Without glibc nothing changes.
    """
    if sys.platform != "linux" or not hasattr(libc := ctypes.CDLL(None), "mallopt"):
        return
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    libc.mallopt(_ARENA_MAX, 1)  # the arenas of other threads cannot hold large arrays


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """TensorFlow's libraries greet on file descriptor 2, whatever its log level."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def as_dataset(batches: "keras.utils.PyDataset") -> Any:
    """What `fit` reads the batches through, if it is told how many steps an epoch has.

    Keras gives TensorFlow a dataset that tunes itself, in a thread that sleeps 10 ms, then 20, 40…
    Where that has begun, an epoch ends only when the thread next wakes: up to as long again as
    the epoch took. There is nothing to tune here.

    Args:
        batches: of arrays, of which all but the first axis are alike in each batch.
    """
    import keras

    if keras.config.backend() != "tensorflow":
        return batches
    import tensorflow

    options = tensorflow.data.Options()
    options.autotune.enabled = False
    signature = tuple(
        tensorflow.TensorSpec((None, *array.shape[1:]), array.dtype) for array in batches[0]
    )
    read = tensorflow.data.Dataset.from_generator(
        lambda: (batches[number] for number in range(len(batches))), output_signature=signature
    )
    return read.prefetch(_AHEAD).with_options(options)


def peak_memory() -> int:
    """Bytes: the most that the first GPU held so far, or what this process holds where none is.

    Keras must have been imported.
    """
    import keras
    import psutil

    if keras.config.backend() == "jax":
        import jax

        held = jax.devices()[0].memory_stats()  # None on a processor
        if held:
            return int(held["peak_bytes_in_use"])
    elif keras.config.backend() == "tensorflow":
        import tensorflow

        if tensorflow.config.list_physical_devices("GPU"):
            return int(tensorflow.config.experimental.get_memory_info("GPU:0")["peak"])
    return int(psutil.Process().memory_info().rss)


def clear_session() -> None:
    """Free what Keras holds of the networks of this process, none of which is in use.

    Keras's optimizer sums the gradients over the replicas, of which there is one, by a function
    with a gradient of its own. TensorFlow registers that in each graph, for good, and the
    graph with it: memory would grow from training to training.
    """
    import keras

    keras.utils.clear_session()
    if keras.config.backend() == "tensorflow":
        from tensorflow.python.framework import ops

        registered = ops.gradient_registry._registry
        for name in [name for name in registered if name.startswith("CustomGradient-")]:
            del registered[name]
        keras.utils.clear_session()  # collects the garbage


def visible_gpus() -> list[str]:
    """The names by which CUDA_VISIBLE_DEVICES knows the GPUs that this process may use."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.split(",") if name not in ("", "-1")]
    found = Path("/proc/driver/nvidia/gpus")
    return [str(number) for number in range(len(list(found.iterdir())))] if found.is_dir() else []
