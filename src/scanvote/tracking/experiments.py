"""DVC experiments, commits and the workspace, and their files."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from scanvote.core.errors import InputError, did_you_mean
from scanvote.core.flatten import flatten
from scanvote.core.overrides import override_value
from scanvote.params import decides_results, load_values, parse_values
from scanvote.tracking.provenance import git

if TYPE_CHECKING:
    from dvc.api import DVCFileSystem

WORKSPACE = "workspace"
LOCK, PARAMS = "dvc.lock", "params.yaml"


@dataclass(frozen=True)
class Experiment:
    """Results of the pipeline: an experiment, a commit, or the workspace.

    Attributes:
        name: the one to show; ``name@1a2b3c4`` if experiments of several commits have that name.
        revision: the commit that holds it; None for the workspace.
        baseline: the commit that it started from.
    """

    name: str
    revision: str | None
    baseline: str = ""

    def read(self, path: str) -> bytes:
        """Read a file, of Git or an output of DVC.

        Raises:
            InputError: there is none, or it is an output that is not in DVC's cache.
        """
        try:
            return _read(self.revision, path)
        except OSError:
            raise InputError(self._missing(path)) from None

    def _missing(self, path: str) -> str:
        if self.revision is None:
            return f"{path} is missing; run `dvc repro`, or `dvc pull` what another machine made"
        if path not in (LOCK, PARAMS) and _is_output(self.lock(), path):
            return (
                f"{path} is not in DVC's cache; `dvc pull` it if it was pushed, or run the"
                " experiment again"
            )
        return f"{path} is not part of it; run it again"

    def lock(self) -> Mapping[str, Any]:
        """Return dvc.lock; empty before the first run."""
        try:
            text = _read(self.revision, LOCK).decode("utf-8")
        except OSError:
            return {}
        # DVC writes YAML 1.2, in which 1e-09 is a number
        return parse_values(text, f"{LOCK} of {self.name}")

    def params(self) -> dict[str, object]:
        """Return the settings that its results were made with, by dotted key.

        They stand in dvc.lock: params.yaml may have been changed since. Here and below, those of
        where the work is done are left out.
        """
        return self.written_params() | self.recorded_params()

    def written_params(self) -> dict[str, object]:
        """Return the settings in params.yaml, by dotted key."""
        text = self.read(PARAMS).decode("utf-8")
        return _deciding(parse_values(text, f"{PARAMS} of {self.name}"))

    def recorded_params(self) -> dict[str, object]:
        """Return the settings in dvc.lock, by dotted key."""
        stages = self.lock().get("stages") or {}
        # `report` has all of them; a stage that ran later knows its own better
        ordered = sorted(stages, key=lambda name: name != "report")
        found: dict[str, object] = {}
        for name in ordered:
            found |= _deciding(stages[name].get("params", {}).get(PARAMS) or {})
        return found


def experiments() -> list[Experiment]:
    """List the finished experiments of all commits under the names that they were given.

    Several commits may have one name. Those of the commit that is checked out come first.

    Raises:
        InputError: this is no DVC repository.
    """
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.repo import Repo
    from dvc.repo.experiments.utils import exp_refs
    from dvc.scm import NoSCM

    head = git("rev-parse", "HEAD")
    try:
        with Repo() as repo:
            if isinstance(repo.scm, NoSCM):
                raise InputError(
                    "there are no experiments without Git; run `git init`, without no_scm in .dvc"
                )
            # not `experiments.ls`, which waits for DVC's lock: an experiment may be running here
            found = [
                Experiment(ref.name, repo.scm.get_ref(str(ref)), ref.baseline_sha)
                for ref in exp_refs(repo.scm)
            ]
    except NotDvcRepoError:
        raise InputError("this is no DVC repository; run from its root") from None
    except DvcException as error:
        reason = " ".join(str(error).split())
        raise InputError(f"DVC cannot open this repository: {reason}") from None
    return sorted(found, key=lambda one: (one.baseline != head, one.name, one.baseline))


def all_experiments() -> list[Experiment]:
    """List the finished experiments of all commits under names of their own.

    Those of the commit that is checked out come first.

    Raises:
        InputError: this is no DVC repository.
    """
    found = experiments()
    counts = Counter(one.name for one in found)
    return [
        replace(one, name=f"{one.name}@{one.baseline[:7]}") if counts[one.name] > 1 else one
        for one in found
    ]


def find_experiments(names: Sequence[str]) -> list[Experiment]:
    """Find experiments and commits by name.

    Args:
        names: ``workspace``, experiments, or branches, tags and commits of Git. An experiment's
            name that several commits have stands for all of them, ``name@1a2b3c4`` for one.

    Raises:
        InputError: this is no DVC repository, or there is nothing of that name.
    """
    known = all_experiments()
    found = [one for name in names for one in _named(name, known)]
    return list(dict.fromkeys(found))


def unfinished_experiments() -> dict[str, list[str]]:
    """List the experiments that are queued, run or failed, by that word."""
    from dvc.repo import Repo

    found: dict[str, list[str]] = {}
    with Repo() as repo:
        if not (Path(repo.tmp_dir or "") / "exps" / "celery").is_dir():
            return {}  # never queued: asking the queue takes seconds
        for one in repo.experiments.celery_queue.status():
            if one["status"] != "Success":
                found.setdefault(one["status"].lower(), []).append(one["name"] or one["rev"][:7])
    return {status: sorted(names) for status, names in sorted(found.items())}


def overridden_params(overrides: list[str]) -> dict[str, object]:
    """Return the settings of params.yaml as `dvc exp run -S` would change them, by dotted key.

    Raises:
        InputError: DVC refuses an override.
    """
    return _deciding(changed_params(overrides))


def changed_params(overrides: list[str]) -> dict[str, Any]:
    """Return params.yaml as `dvc exp run -S` would change it.

    Raises:
        InputError: DVC refuses an override.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides

    with TemporaryDirectory() as folder:
        copy = Path(folder) / PARAMS
        copy.write_bytes(Path(PARAMS).read_bytes())
        try:
            apply_overrides(copy, overrides)
        except DvcException as error:
            raise InputError(f"-S: {' '.join(str(error.__cause__ or error).split())}") from None
        return load_values(copy)


def _deciding(values: Mapping[str, object]) -> dict[str, object]:
    """Return the settings by dotted key, without those of where the work is done."""
    return {key: value for key, value in flatten(values, ".").items() if decides_results(key)}


def setting_text(settings: Mapping[str, object], key: str) -> str:
    """Format the value of a dotted key, as for -S."""
    return override_value(settings[key]) if key in settings else "not set"


def differing_settings(
    one: Mapping[str, object], other: Mapping[str, object]
) -> list[tuple[str, str, str]]:
    """List the dotted keys with different values, with the text of both values."""
    pairs = [
        (key, setting_text(one, key), setting_text(other, key))
        for key in sorted(one.keys() | other.keys())
    ]
    return [(key, first, second) for key, first, second in pairs if first != second]


def origins(lock: Mapping[str, Any], results: Sequence[str], setting: str) -> dict[str, str]:
    """Return the digests of the data and code that some files were made of.

    They are those of the inputs of all stages before the files, but for outputs that depend on
    `setting`.

    Args:
        lock: dvc.lock.
        results: files, or folders.
        setting: a dotted key of params.yaml.
    """
    stages: Mapping[str, Any] = lock.get("stages") or {}
    before = _stages_before(stages, results)
    divided = {
        name
        for name in before
        if setting in flatten(stages[name].get("params", {}).get(PARAMS) or {}, ".")
    }
    while more := {
        name
        for name in before - divided
        if any(_makes(stages[one], dep) for dep in _deps(stages[name]) for one in divided)
    }:
        divided |= more
    return {
        path: md5
        for name in before
        for path, md5 in _deps(stages[name]).items()
        if not any(_makes(stages[one], path) for one in divided)
    }


def _stages_before(stages: Mapping[str, Any], results: Sequence[str]) -> set[str]:
    """Return the stages that make the results, and all that these depend on."""
    todo, found = list(results), set[str]()
    while todo:
        path = todo.pop()
        for name in stages.keys() - found:
            if _makes(stages[name], path):
                found.add(name)
                todo += _deps(stages[name])
    return found


def _deps(stage: Mapping[str, Any]) -> dict[str, str]:
    return {dep["path"]: str(dep.get("md5")) for dep in stage.get("deps") or []}


def _makes(stage: Mapping[str, Any], path: str) -> bool:
    return any(_touch(out["path"], path) for out in stage.get("outs") or [])


def _touch(one: str, other: str) -> bool:
    """Tell if two paths are equal, or one lies in the other."""
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first.is_relative_to(second) or second.is_relative_to(first)


def _named(name: str, known: Sequence[Experiment]) -> Iterator[Experiment]:
    if name == WORKSPACE:
        yield Experiment(WORKSPACE, None)
        return
    found = [one for one in known if name in (one.name, one.name.partition("@")[0])]
    yield from found
    if not found:
        revision = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if not revision:
            raise InputError(
                f"there is no experiment or commit {name!r}"
                f"{did_you_mean(name, [WORKSPACE, *(one.name for one in known)])}"
            )
        own = [one for one in known if one.revision == revision]
        yield from own or [Experiment(name, revision, revision)]


def _is_output(lock: Mapping[str, Any], path: str) -> bool:
    """Tell if a path is an output of a stage, or lies in one."""
    stages = (lock.get("stages") or {}).values()
    outs = {out["path"] for stage in stages for out in stage.get("outs") or []}
    return bool(outs & {path, *(parent.as_posix() for parent in PurePosixPath(path).parents)})


@cache
def _files(revision: str, repository: Path) -> "DVCFileSystem":
    from dvc.api import DVCFileSystem

    return DVCFileSystem(repository, rev=revision)


def _read(revision: str | None, path: str) -> bytes:
    """Read a file.

    Raises:
        OSError: it is missing.
    """
    from dvc_data.index import DataIndexDirError

    if revision is None:
        return Path(path).read_bytes()
    try:
        with _files(revision, Path.cwd()).open(path) as file:
            return bytes(file.read())
    except DataIndexDirError as error:  # the list of a folder's files is not in the cache
        raise FileNotFoundError(str(error)) from None
