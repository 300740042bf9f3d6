"""Registration of a package in MLflow's model registry, as champion or challenger."""

import base64
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import scanvote
from scanvote.core.digests import digest
from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.core.files import sha256
from scanvote.pipeline.package.champion import choose_champion
from scanvote.pipeline.package.metadata import TEST, Classifiers, ModelMetadata, read_metadata
from scanvote.pipeline.package.reference_outputs import read_reference_outputs
from scanvote.predict.rows import row_columns
from scanvote.tracking.store import Store, as_default, hide_password, root_cause, store_lock

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models.model import ModelInfo

CHAMPION = "champion"
ARTIFACT = "package"
"""Name of the package's folder inside the MLflow model."""
REASON = "scanvote.reason"
_CONTENT = "scanvote.content"
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


class Registered(NamedTuple):
    """A version of the registered model, and the reason for its alias."""

    version: str
    reason: str


def register_package(store: Store, run_id: str, folder: Path, name: str, seed: int) -> Registered:
    """Register the package in `folder` as a version of the model `name`.

    It becomes `champion` or `challenger` by `choose_champion`; a lock lets one process at a time
    look up and replace the champion. If a version with the same files and code exists already,
    that version is returned.

    Args:
        store: the MLflow store.
        run_id: the run that owns the model.
        folder: the package, a folder with the name of the artifact, ``package``.
        name: name in the registry.
        seed: seed of the comparison.

    Raises:
        InputError: the store has no registry, or refuses the registration.
    """
    try:
        with as_default(store):
            return _register(store, run_id, folder, name, seed)
    except InputError:
        raise
    except Exception as error:
        # whatever a server throws, the user can act on one thing only: which one it is
        raise InputError(
            f"package.name: {name} cannot be registered at {hide_password(store.uri)}, which"
            f" needs a model registry: {hide_password(root_cause(error))}"
        ) from error


def _register(store: Store, run_id: str, folder: Path, name: str, seed: int) -> Registered:
    content = _content(folder)
    known = _known(store, name, content)
    if known is not None:
        return Registered(str(known.version), known.tags[REASON])
    contents = read_metadata(folder)
    logged = _log(run_id, folder, contents)
    with store_lock():
        new, champion = read_reference_outputs(folder / TEST), _champions_test(store, name)
        verdict = choose_champion(new, champion, contents.smoke, seed)
        tags = {_CONTENT: content, REASON: verdict.reason, "scanvote.test": contents.test}
        claims: dict[str, str] = contents.patients.model_dump()
        registered = store.client.create_model_version(
            name,
            logged.model_uri,
            run_id,
            tags=tags | {f"scanvote.patients.{task}": claim for task, claim in claims.items()},
            description="\n\n".join(f"Test of {task}: {claim}" for task, claim in claims.items()),
            model_id=logged.model_id,
        )
        store.client.set_registered_model_alias(name, verdict.alias, registered.version)
    return Registered(str(registered.version), verdict.reason)


def _content(folder: Path) -> str:
    """Digest of the package's files and of the code of scanvote."""
    code = Path(scanvote.__file__).parent
    files = [path for path in folder.rglob("*") if path.is_file()]
    listed = [(path.relative_to(folder).as_posix(), sha256(path)) for path in sorted(files)]
    sources = [(path.relative_to(code).as_posix(), sha256(path)) for path in code.rglob("*.py")]
    return digest(listed, sorted(sources))


def _known(store: Store, name: str, content: str) -> "ModelVersion | None":
    """Find the version with this content; create the model if missing."""
    from mlflow.exceptions import MlflowException

    try:
        store.client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        text = f"The vote on the class of a scan, and the U-Net. {DISCLAIMER}"
        store.client.create_registered_model(name, description=text)
    versions = store.client.search_model_versions(f"name = '{name}'")
    return next((one for one in versions if one.tags.get(_CONTENT) == content), None)


def _champions_test(store: Store, name: str) -> "pd.DataFrame | None":
    from mlflow.artifacts import download_artifacts

    champion = store.client.get_registered_model(name).aliases.get(CHAMPION)
    if champion is None:
        return None
    uri = f"models:/{name}/{champion}/artifacts/{ARTIFACT}/{TEST}"
    with TemporaryDirectory() as folder:
        return read_reference_outputs(Path(download_artifacts(uri, dst_path=folder)))


def _log(run_id: str, folder: Path, contents: ModelMetadata) -> "ModelInfo":
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
        signature=_signature(contents.classifiers),
        input_example=_example(),
    )
    return info


def _requirements(contents: ModelMetadata) -> list[str]:
    # explicit: to infer them, MLflow would load the model in a separate process
    packaged = {name: one for name, one in contents.versions.items() if name != "python"}
    installed = {name: version(name) for name in ("mlflow", *_READERS)}
    return [f"{name}=={one}" for name, one in (installed | packaged).items()]


def _signature(classifiers: Classifiers) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    kinds = _KINDS | {f"p_{label}": "double" for label in classifiers.labels}
    outputs: list[Any] = [
        ColSpec(kinds.get(name, "string"), name) for name in row_columns(classifiers)
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
