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
from scanvote.pipeline.package.metadata import TEST, ModelMetadata, read_metadata
from scanvote.pipeline.package.reference_outputs import read_reference_outputs
from scanvote.predict.quality import quality
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
_CONTENT, _TEST = "scanvote.content", "scanvote.test"
_MODEL_DIGEST = "scanvote.model_digest"
_DIGITS = 12
"""Digits of a test's digest in an alias."""
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

    Packages that were tested on the same scans form a line: `choose_champion` compares them only
    with each other, and the best of a line keeps the alias of `line_alias`. `champion` is that of
    the line that was registered last, and `challenger` the last that did not win. A lock lets one
    process at a time look up and replace a champion. If a version with the same files and code
    exists already, that version is returned, and `champion` becomes the champion of its line.

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


def line_alias(test: str) -> str:
    """Return the alias of the champion of all packages with this digest of the test scans."""
    return f"{CHAMPION}-{test[:_DIGITS]}"


def _register(store: Store, run_id: str, folder: Path, name: str, seed: int) -> Registered:
    content, contents = _content(folder), read_metadata(folder)
    known = _known(store, name, content)
    if known is not None:
        with store_lock():
            best = _champion_of(store, name, contents.test)
            moved = _name_champion(store, name, contents, best)
        return Registered(str(known.version), known.tags[REASON] + moved)
    logged = _log(run_id, folder, contents)
    with store_lock():
        best = _champion_of(store, name, contents.test)
        present = None if best is None else _test_of(name, best)
        new = read_reference_outputs(folder / TEST)
        verdict = choose_champion(new, present, contents.smoke, seed)
        registered = store.client.create_model_version(
            name,
            logged.model_uri,
            run_id,
            tags={
                _CONTENT: content,
                _TEST: contents.test,
                _MODEL_DIGEST: contents.digest,
                **_patients(contents),
            },
            description="\n\n".join(_description(contents)),
            model_id=logged.model_id,
        )
        version = str(registered.version)
        if verdict.alias != CHAMPION:
            store.client.set_registered_model_alias(name, verdict.alias, version)
        winner = version if verdict.alias == CHAMPION else best
        reason = verdict.reason + _name_champion(store, name, contents, winner)
        store.client.set_model_version_tag(name, version, REASON, reason)
    return Registered(version, reason)


def _patients(contents: ModelMetadata) -> dict[str, str]:
    return {f"scanvote.patients.{task}": part.patients for task, part in contents.parts.items()}


def _description(contents: ModelMetadata) -> list[str]:
    """Return how good the model is, the doubts first, and the statements about patients."""
    claims = [f"Test of {task}: {part.patients}" for task, part in contents.parts.items()]
    return [*quality(contents), *claims, f"Model digest: {contents.digest}.", DISCLAIMER]


def _champion_of(store: Store, name: str, test: str) -> str | None:
    """Return the version that is champion of this line, if any."""
    aliases = store.client.get_registered_model(name).aliases
    if line_alias(test) in aliases:
        return str(aliases[line_alias(test)])
    # registered by a version of scanvote in which lines had no alias
    last = aliases.get(CHAMPION)
    return str(last) if last is not None and _line_of(store, name, last) == test else None


def _line_of(store: Store, name: str, version: str) -> str:
    return str(store.client.get_model_version(name, version).tags.get(_TEST, ""))


def _name_champion(store: Store, name: str, contents: ModelMetadata, best: str | None) -> str:
    """Make `best` the champion of its line and of all; return what this changed, in words."""
    if best is None:
        return ""
    aliases = store.client.get_registered_model(name).aliases
    before, own = aliases.get(CHAMPION), line_alias(contents.test)
    moved = ""
    if before is not None and (other := _line_of(store, name, before)) != contents.test:
        store.client.set_registered_model_alias(name, line_alias(other), before)
        moved = (
            f"; `{CHAMPION}` is now version {best}, and no longer version {before}, which was"
            f" tested on other scans and stays `{line_alias(other)}`"
        )
    for alias in (own, CHAMPION):
        if str(aliases.get(alias)) != best:
            store.client.set_registered_model_alias(name, alias, best)
    tested = store.client.get_model_version(name, best).description
    store.client.update_registered_model(name, f"Champion: version {best}.\n\n{tested}")
    return moved


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
        store.client.create_registered_model(name, description=DISCLAIMER)
    versions = store.client.search_model_versions(f"name = '{name}'")
    return next((one for one in versions if one.tags.get(_CONTENT) == content), None)


def _test_of(name: str, version: str) -> "pd.DataFrame":
    from mlflow.artifacts import download_artifacts

    uri = f"models:/{name}/{version}/artifacts/{ARTIFACT}/{TEST}"
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
        signature=_signature(contents),
        input_example=_example(),
        metadata={_MODEL_DIGEST: contents.digest},
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
        ColSpec(kinds.get(name, "string"), name) for name in row_columns(contents)
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
