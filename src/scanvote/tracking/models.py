"""A Keras model as an MLflow model: told its signature and requirements, not asked for them."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from scanvote.tracking.store import Store, as_default


def log_keras_model(store: Store, run_id: str, path: Path, name: str) -> str:
    """Log the saved Keras model at `path` under `name`; returns its URI."""
    import keras
    import mlflow.keras
    from mlflow.models import Model

    model = keras.saving.load_model(path, compile=False)
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
    # told, because MLflow would load the model in a process of its own to find out
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in ("keras", "tensorflow", "tensorflow-cpu", "jax", "numpy"):
        with suppress(PackageNotFoundError):
            found.append(f"{name}=={version(name)}")
    return found
