"""Logging of Keras models to MLflow, with explicit signature and requirements."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from scanvote.tracking.store import Store, as_default


def log_keras_model(store: Store, run_id: str, path: Path, name: str) -> str:
    """Log the saved Keras model at `path` under `name`, made portable; return its URI."""
    import keras
    import mlflow.keras
    from mlflow.models import Model

    from scanvote.tracking.portable import portable

    model = portable(keras.saving.load_model(path, compile=False))
    with as_default(store):
        info = Model.log(
            artifact_path=None,
            name=name,
            flavor=mlflow.keras,
            run_id=run_id,
            model=model,
            signature=_signature(model),
            pip_requirements=_requirements(),
        )
    return str(info.model_uri)


def _signature(model: Any) -> Any:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Schema, TensorSpec

    def schema(tensors: Iterable[Any]) -> Any:
        sizes = [
            (np.dtype(one.dtype), [-1 if n is None else n for n in one.shape]) for one in tensors
        ]
        return Schema([TensorSpec(kind, tuple(shape)) for kind, shape in sizes])

    return ModelSignature(inputs=schema(model.inputs), outputs=schema(model.outputs))


def _requirements() -> list[str]:
    # explicit: to infer them, MLflow would load the model in a separate process
    from importlib.metadata import PackageNotFoundError, version

    requirements = []
    for name in ("keras", "tensorflow", "tensorflow-cpu", "jax", "numpy"):
        with suppress(PackageNotFoundError):
            requirements.append(f"{name}=={version(name)}")
    return requirements
