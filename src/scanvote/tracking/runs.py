"""MLflow runs of the pipeline: nested runs of execution, stages and trials.

Clients get the store explicitly, and no run is MLflow's active run: a library that logs by itself
cannot reach them.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from scanvote.core.flatten import flatten, select_sections
from scanvote.tracking import provenance
from scanvote.tracking.data_sets import data_sets
from scanvote.tracking.execution import PARENT, open_execution, source_tags
from scanvote.tracking.journal import Journal, one_line_failures, open_journal
from scanvote.tracking.models import log_keras_model
from scanvote.tracking.process_id import this_process
from scanvote.tracking.sqlite import now
from scanvote.tracking.store import Store, http_limits, open_store

if TYPE_CHECKING:
    from scanvote.tracking.registry import Registered

T = TypeVar("T")


@dataclass
class _Log:
    """The log of one run.

    Attributes:
        run_id: None until the store has created the run.
    """

    store: Store
    journal: Journal
    run_id: str | None = None

    def create(
        self, kind: str, name: str, tags: Mapping[str, str], params: Mapping[str, object]
    ) -> None:
        start = now()

        def call() -> None:
            self.run_id = self.store.create(kind, name, tags, params, start)

        self.journal.add(call)

    def metrics(self, values: Mapping[str, object], step: int = 0) -> None:
        metrics = self.store.metrics(values, step)
        self._add(lambda run_id: self.store.log_metrics(run_id, metrics))

    def tag(self, key: str, value: str) -> None:
        self._add(lambda run_id: self.store.client.set_tag(run_id, key, value))

    def file(self, path: Path, folder: str = "") -> None:
        path.stat()  # a missing file is no failure of the store
        self._add(lambda run_id: self.store.log_file(run_id, path, folder))

    def end(self, error: BaseException | None = None) -> None:
        at = now()

        def call(run_id: str) -> None:
            client = self.store.client
            if error is not None:
                client.set_tag(run_id, "scanvote.error", _line(error))
            client.set_terminated(run_id, _status(error), at)

        self._add(call)

    def model(self, path: Path, name: str) -> str | None:
        path.stat()
        return self._add(lambda run_id: log_keras_model(self.store, run_id, path, name))

    def _add(self, call: Callable[[str], T]) -> T | None:
        # the store may have refused to create the run
        return self.journal.add(lambda: None if self.run_id is None else call(self.run_id))


class Trial:
    """The run of one trial.

    Call it, or `epoch`, after each epoch, and `result` at the end.
    """

    def __init__(self, log: _Log) -> None:
        self._log = log

    def epoch(self, step: int, metrics: Mapping[str, object]) -> None:
        self._log.metrics(metrics, step)

    __call__ = epoch

    def tag(self, name: str, value: str) -> None:
        self._log.tag(f"scanvote.{name}", value)

    def result(self, metrics: Mapping[str, object]) -> None:
        self._log.metrics(metrics)


class StageRun:
    """The run of one stage, open while its block runs.

    If the store fails in the block, what is logged is kept, and written when it answers again.
    """

    def __init__(self, log: _Log, parent: _Log, name: str) -> None:
        self._log = log
        self._parent = parent
        self._name = name

    def log_metrics(self, metrics: Mapping[str, object], step: int = 0) -> None:
        """Log the numbers in `metrics`, nested names joined with slashes.

        NaN is logged, because MLflow shows it; infinities and other values are left out.
        """
        self._log.metrics(metrics, step)

    def log_file(self, path: Path, into: str = "") -> None:
        self._log.file(path, into)

    def log_folder(self, folder: Path, patterns: Sequence[str] = ("*",), into: str = "") -> None:
        """Log the files below `folder` that match one of `patterns`."""
        matches = {path for pattern in patterns for path in folder.rglob(pattern)}
        for path in sorted(path for path in matches if path.is_file()):
            place = (Path(into) / path.parent.relative_to(folder)).as_posix()
            self.log_file(path, "" if place == "." else place)

    @contextmanager
    def trial(self, name: str, hyperparameters: Mapping[str, object]) -> Iterator[Trial]:
        """Open a run below the stage's for one trial of a search."""
        tags = {PARENT: str(self._log.run_id), **provenance.dvc_tags()}
        log = _Log(self._log.store, self._log.journal)
        log.create("trial", name, {**tags, **this_process().tags()}, hyperparameters)
        with _ended(log):
            yield Trial(log)

    def log_model(self, path: Path, name: str) -> str | None:
        """Log the saved Keras model at `path` under `name`, with layers of Keras alone.

        Returns:
            Its URI for `mlflow.keras.load_model`; None if the store does not answer now.
        """
        return self._log.model(path, name)

    def register(self, package: Path, name: str, seed: int) -> "Registered":
        """Register `package` as a version of the model `name`; see `register_package`."""
        from scanvote.tracking.registry import register_package  # slow to import

        return register_package(self._log.store, str(self._log.run_id), package, name, seed)

    def log_on_parent(self, metrics: Mapping[str, object], artifacts: Iterable[Path] = ()) -> None:
        """Log on the run of the whole execution, where experiments are compared.

        The artifacts go into a folder with the stage's name, because several stages may have a
        `confusion.png`.
        """
        self._parent.metrics(metrics)
        for path in artifacts:
            self._parent.file(path, self._name)


@contextmanager
def stage_run(
    stage: str,
    *,
    item: str | None = None,
    params: BaseModel,
    sections: Sequence[str] = (),
    inputs: Sequence[Path] = (),
    system_metrics: bool = False,
) -> Iterator[StageRun]:
    """Open a stage's run, below the run of this pipeline execution.

    Args:
        stage: name of the stage, unless DVC gives it in DVC_STAGE.
        item: the item of a stage that is a matrix, as in `search@cnn`.
        params: all of params.yaml, for the parent run.
        sections: the keys of `params` that the stage depends on, `cnn` or `prepare.augment`.
        inputs: paths whose md5 in DVC becomes a tag `dvc.md5.<path>`; their data sets become data
            sets of the stage's run and of the parent run.
        system_metrics: sample processor, memory and accelerator every two seconds.

    Raises:
        InputError: the store cannot be opened, or has not taken all that was logged.
    """
    values = flatten(params.model_dump(mode="json"), ".")
    name = os.environ.get("DVC_STAGE") or (f"{stage}@{item}" if item else stage)
    store = open_store()
    own, known = select_sections(values, sections), provenance.known_digests(inputs)
    digests = provenance.input_digests(inputs, known)
    used = data_sets(store.entities, values, digests, known)
    with (
        http_limits(),
        open_journal(store.uri) as journal,
        open_execution(store, journal, values) as parent_id,
    ):
        tags = {PARENT: parent_id, **source_tags(), "DVC_STAGE": name, **_digest_tags(digests)}
        with one_line_failures(store.uri):
            run_id = store.create("stage", name, {**tags, **this_process().tags()}, own)
        log, parent = (_Log(store, journal, one) for one in (run_id, parent_id))
        with _ended(log), _sampling(store, run_id) if system_metrics else nullcontext():
            with one_line_failures(store.uri):
                for one in (parent_id, run_id):
                    store.client.log_inputs(one, datasets=used)
            yield StageRun(log, parent, name)


@contextmanager
def _ended(log: _Log) -> Iterator[None]:
    """End the run with the block, as the block ends."""
    try:
        yield
    except BaseException as error:
        log.end(error)
        raise
    log.end()


def _status(error: BaseException | None) -> str:
    if error is None:
        return "FINISHED"
    if isinstance(error, KeyboardInterrupt):
        return "KILLED"
    return "FINISHED" if isinstance(error, SystemExit) and not error.code else "FAILED"


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:1000]


@contextmanager
def _sampling(store: Store, run_id: str) -> Iterator[None]:
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor: Any = SystemMetricsMonitor(  # type: ignore[no-untyped-call]
        run_id, sampling_interval=2, samples_before_logging=1, tracking_uri=store.uri
    )
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()


def _digest_tags(digests: Mapping[str, str]) -> dict[str, str]:
    return {f"dvc.md5.{path}": md5 for path, md5 in digests.items()}
