"""Registration of a package in MLflow's model registry, as champion or challenger."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import scanvote
from scanvote.core.digests import digest
from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.core.files import sha256
from scanvote.pipeline.package.champion import Verdict, choose_champion
from scanvote.pipeline.package.metadata import NAME, TEST, ModelMetadata, read_metadata
from scanvote.pipeline.package.reference_outputs import read_reference_outputs
from scanvote.predict.model_folder import ARTIFACT, CHAMPION
from scanvote.predict.quality import quality
from scanvote.tracking.package_log import MODEL_DIGEST, log_package
from scanvote.tracking.store import Store, as_default, store_lock
from scanvote.tracking.text import hide_password, root_cause

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion

REASON = "scanvote.reason"
_CONTENT, _TEST = "scanvote.content", "scanvote.test"
_DIGITS = 12
"""Digits of a test's digest in an alias."""


class Registered(NamedTuple):
    """A version of the registered model, and the reason for its alias."""

    version: str
    reason: str


def register_package(store: Store, run_id: str, folder: Path, name: str, seed: int) -> Registered:
    """Register the package in `folder` as a version of the model `name`.

    Packages that were tested on the same scans form a line: `choose_champion` compares them only
    with each other, and the best of a line keeps the alias of `line_alias`. `champion` is that of
    the line that was registered last, and `challenger` the last that did not win. A lock lets one
    process at a time look up and replace a champion. A champion that cannot be read is not
    compared: the new version is challenger, or champion if it is the same package. If a version
    with the same files and code exists already, that version is returned, and `champion` becomes
    the champion of its line.

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
            f" needs a model registry that answers: {hide_password(root_cause(error))}; run the"
            " same again then"
        ) from error


def line_alias(test: str) -> str:
    """Return the alias of the champion of all packages with this digest of the test scans."""
    return f"{CHAMPION}-{test[:_DIGITS]}"


@dataclass(frozen=True)
class _Package:
    """A package to register: its folder, its name in the registry, and what it is."""

    folder: Path
    name: str
    content: str
    contents: ModelMetadata


def _register(store: Store, run_id: str, folder: Path, name: str, seed: int) -> Registered:
    package = _Package(folder, name, _content(folder), read_metadata(folder))
    known = _known(store, package)
    if known is not None and REASON in known.tags:
        with store_lock():
            best = _champion_of(store, name, package.contents.test)
            moved = _name_champion(store, name, package.contents, best)
        return Registered(str(known.version), known.tags[REASON] + moved)
    # a version without a reason was left by a registration that a failure of the store ended
    logged = log_package(run_id, folder, package.contents) if known is None else None
    with store_lock():
        best = _champion_of(store, name, package.contents.test)
        verdict = _verdict(store, package, best, seed)
        version = str(known.version) if known else _create(store, run_id, package, logged)
        if verdict.alias != CHAMPION:
            store.client.set_registered_model_alias(name, verdict.alias, version)
        winner = version if verdict.alias == CHAMPION else best
        reason = verdict.reason + _name_champion(store, name, package.contents, winner)
        store.client.set_model_version_tag(name, version, REASON, reason)
    return Registered(version, reason)


def _create(store: Store, run_id: str, package: _Package, logged: Any) -> str:
    """Create a version of what was logged, a `ModelInfo`."""
    contents = package.contents
    created = store.client.create_model_version(
        package.name,
        logged.model_uri,
        run_id,
        tags={
            _CONTENT: package.content,
            _TEST: contents.test,
            MODEL_DIGEST: contents.digest,
            **_patients(contents),
        },
        description="\n\n".join(_description(contents)),
        model_id=logged.model_id,
    )
    return str(created.version)


def _verdict(store: Store, package: _Package, best: str | None, seed: int) -> Verdict:
    """Compare the package with the champion, version `best`."""
    smoke, new = package.contents.smoke, read_reference_outputs(package.folder / TEST)
    if best is None or smoke:
        return choose_champion(new, None, smoke, seed)
    try:
        return choose_champion(new, _test_of(package.name, best), smoke, seed)
    except Exception as error:
        # files that are gone, of an older format or on a server that is away must not stop the
        # pipeline: the new version is kept, and a person decides
        tags = store.client.get_model_version(package.name, best).tags
        if tags.get(_CONTENT) == package.content:
            return Verdict(CHAMPION, f"{CHAMPION}: the same as version {best}, which is unreadable")
        return Verdict(
            "challenger",
            f"challenger: not compared, as the {CHAMPION}, version {best}, cannot be read:"
            f" {hide_password(root_cause(error))}",
        )


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


def _known(store: Store, package: _Package) -> "ModelVersion | None":
    """Find a version with the same content, with its files; create the model if missing."""
    from mlflow.exceptions import MlflowException

    name = package.name
    try:
        store.client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        store.client.create_registered_model(name, description=DISCLAIMER)
    quote = '"' if "'" in name else "'"
    versions = store.client.search_model_versions(f"name = {quote}{name}{quote}")
    same = [one for one in versions if one.tags.get(_CONTENT) == package.content]
    return next((one for one in same if _has_files(name, str(one.version))), None)


def _has_files(name: str, version: str) -> bool:
    # whatever the place of the artifacts raises, they are of no use
    with suppress(Exception), _downloaded(name, version, NAME) as file:
        return file.is_file()
    return False


def _test_of(name: str, version: str) -> "pd.DataFrame":
    with _downloaded(name, version, TEST) as file:
        return read_reference_outputs(file)


@contextmanager
def _downloaded(name: str, version: str, file: str) -> Iterator[Path]:
    """Download a file of a version's package for the block."""
    from mlflow.artifacts import download_artifacts

    with TemporaryDirectory() as folder:
        uri = f"models:/{name}/{version}/artifacts/{ARTIFACT}/{file}"
        yield Path(download_artifacts(uri, dst_path=folder))
