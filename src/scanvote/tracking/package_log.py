"""A package logged as a model of MLflow, with its code, signature and an example."""

import base64
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import scanvote
from scanvote.pipeline.package.metadata import ModelMetadata
from scanvote.predict.model_folder import ARTIFACT
from scanvote.predict.rows import row_columns

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models.model import ModelInfo

MODEL_DIGEST = "scanvote.model_digest"
"""Key of the model digest in MLflow."""
_MODEL = Path(__file__).with_name("package_model.py")
_EXAMPLE_SIDE = 64
_READERS = ("nibabel", "pillow", "pydicom")
"""Distributions that read files, beside those that run the networks of a package."""
_KINDS = {
    "agreement": "double",
    "area_pixels": "long",
    "area_mm2": "double",
    "distance": "double",
    "outside": "boolean",
    "mask_distance": "double",
    "mask_outside": "boolean",
    "called": "boolean",
}
"""MLflow types of the output columns that are not strings."""


def log_package(run_id: str, folder: Path, contents: ModelMetadata) -> "ModelInfo":
    """Log the package in `folder` as a model of a run, with the code of scanvote."""
    import mlflow.pyfunc
    from mlflow.models import Model

    info: ModelInfo = Model.log(
        artifact_path=None,
        name=ARTIFACT,
        flavor=mlflow.pyfunc,
        run_id=run_id,
        python_model=str(_MODEL),
        artifacts={ARTIFACT: str(folder)},
        code_paths=[str(Path(scanvote.__file__).parent)],
        pip_requirements=_requirements(contents),
        signature=_signature(contents),
        input_example=_example(),
        metadata={MODEL_DIGEST: contents.digest},
    )
    return info


def _requirements(contents: ModelMetadata) -> list[str]:
    # explicit: to infer them, MLflow would load the model in a separate process
    packaged = {name: one for name, one in contents.versions.items() if name != "python"}
    installed = {name: version(name) for name in ("mlflow", *_READERS)}
    return [f"{name}=={one}" for name, one in (installed | packaged).items()]


def _signature(contents: ModelMetadata) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    kinds = _KINDS | {f"p_{label}": "double" for label in contents.labels}
    outputs: list[Any] = [
        ColSpec(kinds.get(name, "string"), name, required=False)
        for name in [*row_columns(contents), "error"]
    ]
    return ModelSignature(Schema([ColSpec("string", "image")]), Schema(outputs))


def _example() -> "pd.DataFrame":
    """Input example, a scan of noise, which shows no patient."""
    import cv2
    import pandas as pd

    from scanvote.core.seeds import rng

    shape = (_EXAMPLE_SIDE, _EXAMPLE_SIDE)
    noise = rng(0, "example").integers(0, 256, shape, "uint8")
    content = cv2.imencode(".png", noise)[1].tobytes()
    return pd.DataFrame({"image": [base64.b64encode(content).decode()]})
