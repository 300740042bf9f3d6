"""Select the Keras backend, before anything imports Keras."""

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

_SHARED_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""Environment in which neither backend takes most of a GPU at once, as trials may share one."""
_PREFETCHED = 2
"""Batches prepared while the network trains on another one."""
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # names of glibc's malloc.h


def use_backend(name: str) -> None:
    """Make `name` (``tensorflow`` or ``jax``) the backend, quiet and deterministic.

    Must run before the process first imports Keras, which reads the choice only then.

    Raises:
        InputError: the backend is not installed.
    """
    if importlib.util.find_spec(name) is None:
        raise InputError(f"backend: {name} is not installed here; install it, or choose another")
    os.environ["KERAS_BACKEND"] = name
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for setting, value in _SHARED_GPU.items():
        os.environ.setdefault(setting, value)
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
    """Let this process reuse freed memory instead of returning it.

    TensorFlow allocates each array of a step anew. glibc maps the large ones and unmaps them when
    they are freed, so the kernel has to clear every page each time: up to 40 % of the processor
    time of a training (`benchmarks/allocator.py`). In return, the process keeps its peak memory
    until it ends. Without glibc nothing changes.
    """
    if sys.platform != "linux" or not hasattr(libc := ctypes.CDLL(None), "mallopt"):
        return
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    libc.mallopt(_ARENA_MAX, 1)  # the arenas of other threads cannot hold large arrays


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Silence file descriptor 2: TensorFlow's libraries print there at any log level."""
    sys.stderr.flush()
    saved, devnull = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(devnull)


def as_dataset(batches: "keras.utils.PyDataset") -> Any:
    """Return the batches as a dataset for `fit`, without autotuning.

    `fit` then also needs the number of steps of an epoch. Keras would give TensorFlow a dataset
    that tunes itself, in a thread that sleeps 10 ms, then 20, 40… Once that thread runs, an epoch
    ends only when it next wakes: up to as long again as the epoch took. There is nothing to tune
    here.

    Args:
        batches: of arrays; all axes but the first have the same length in every batch. With
            another backend than TensorFlow they are returned as they are.
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
    dataset = tensorflow.data.Dataset.from_generator(
        lambda: (batches[number] for number in range(len(batches))), output_signature=signature
    )
    return dataset.prefetch(_PREFETCHED).with_options(options)


def peak_memory() -> int:
    """Return the peak memory of the first GPU in bytes.

    Without a GPU, it is the current memory of this process. Keras must have been imported.
    """
    import keras
    import psutil

    if keras.config.backend() == "jax":
        import jax

        stats = jax.devices()[0].memory_stats()  # None on a CPU
        if stats:
            return int(stats["peak_bytes_in_use"])
    elif keras.config.backend() == "tensorflow":
        import tensorflow

        if tensorflow.config.list_physical_devices("GPU"):
            return int(tensorflow.config.experimental.get_memory_info("GPU:0")["peak"])
    return int(psutil.Process().memory_info().rss)


def clear_session() -> None:
    """Free the memory that Keras keeps for networks no longer in use.

    Keras's optimizer sums the gradients over the replicas, of which there is one, by a function
    with a custom gradient. TensorFlow registers that function in each graph and never releases
    it, nor the graph with it: memory would grow from training to training.
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
    """Return the GPUs this process may use, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name not in ("", "-1")]
    folder = Path("/proc/driver/nvidia/gpus")
    return [str(number) for number in range(len(list(folder.iterdir())))] if folder.is_dir() else []
