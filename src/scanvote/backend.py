"""Choose what Keras computes on, before anything imports Keras."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from scanvote.errors import InputError


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
    if name == "tensorflow":
        with _quiet_stderr():
            import tensorflow

        tensorflow.get_logger().setLevel("ERROR")
        tensorflow.config.experimental.enable_op_determinism()
    else:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()


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
