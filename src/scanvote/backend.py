"""Choose what Keras computes on, before anything imports Keras."""

import os


def use_backend(name: str) -> None:
    """Make `name` (``tensorflow`` or ``jax``) the backend, quiet and deterministic.

    Must run before the first import of Keras in the process, which reads the choice once.
    """
    os.environ["KERAS_BACKEND"] = name
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if name == "tensorflow":
        import tensorflow

        tensorflow.get_logger().setLevel("ERROR")
        tensorflow.config.experimental.enable_op_determinism()
    else:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
