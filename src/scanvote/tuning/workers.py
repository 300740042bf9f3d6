"""Train trials in workers, before what needs them asks for them.

A worker trains into the same cache as any training (`scanvote.training`), so what follows finds
every result there and is the same as without workers, to the byte.
"""

import pickle
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError
from scanvote.core.files import write_text
from scanvote.core.parallel import Answer, Files, Pool, open_pool, workers
from scanvote.core.progress import progress_bar

if TYPE_CHECKING:
    from scanvote.tuning.study import Study
    from scanvote.tuning.trials import Trial

WORKER = "worker"
"""File beside the result of a training: the name of the worker that made it."""
_REFRESH = 1.0
"""Seconds between two looks at what the workers do."""


@dataclass(frozen=True, eq=False)
class Job:
    """A trial to train.

    Attributes:
        rebuild: creates its study in another process; can be pickled.
        proposal: of the search, if it is one's.
    """

    trial: "Trial"
    rebuild: "Callable[[], Study]"
    proposal: Any = None


def train_search(study: "Study", inputs: Files) -> None:
    """Train the trials that a search will ask for.

    Args:
        study: of the search.
        inputs: what a worker without this disk needs to rebuild the study.

    Raises:
        InputError: a worker died, or a backbone or its weights are not available.
    """
    from scanvote.tuning.tuner import Proposals

    with tempfile.TemporaryDirectory() as folder:
        proposals = Proposals(
            study.space, study.cached_score, study.config, study.search_seed, study.top_k, folder
        )
        best: list[Trial] = []

        def more() -> Iterable[Job]:
            for proposal, point in proposals.take():
                yield Job(study.trial(*point), study.rebuild, proposal)

        def end(job: Job) -> None:
            proposals.end(job.proposal)
            best[:] = study.prune_models([*best, job.trial])

        total = study.config.max_trials
        train_jobs(f"Search {study.name}", study.params.backend, inputs, total, more, end)


def train_jobs(
    text: str,
    backend: str,
    inputs: Files,
    total: int,
    more: Callable[[], Iterable[Job]],
    end: Callable[[Job], None] = lambda job: None,
) -> None:
    """Train jobs in the workers that `compute` names.

    Args:
        text: label of the progress bar.
        backend: of Keras.
        inputs: what a worker without this disk needs to rebuild the studies.
        total: number of jobs to expect.
        more: returns the next jobs, asked after each that ended, until none is left.
        end: told of each job that has ended.
    """
    running: dict[Answer, Job] = {}
    count = 0
    with progress_bar(text) as progress, open_pool(workers() or 1) as pool:
        while True:
            for job in more():
                if _is_done(job.trial):
                    end(job)
                else:
                    running[_submit(pool, job, backend, inputs)] = job
            if not running:
                return
            done, _ = wait(running, _REFRESH, FIRST_COMPLETED)
            for answer in [one for one in running if one in done]:
                job = running.pop(answer)
                _check(job, answer)
                end(job)
            count += len(done)
            progress(count, total, pool.summary())


def _submit(pool: Pool, job: Job, backend: str, inputs: Files) -> Answer:
    values, cache = dict(job.trial.hyperparameters), job.trial.spec.cache_dir
    epochs = values.pop("epochs")
    # as bytes: unpickling it imports Keras, which must follow `use_backend` in the worker
    arguments = (backend, pickle.dumps(job.rebuild), values, epochs)
    files = inputs + Files(writes={f".cache/trials/{cache.name}": cache})
    return pool.submit(_train, *arguments, files=files, text=job.trial.name, training=True)


def _check(job: Job, answer: Answer) -> None:
    """Check that a worker trained what was asked for, and note its name."""
    cache = job.trial.spec.cache_dir
    if answer.result() != cache.name:
        raise InputError(
            f"the worker {answer.worker} trained {job.trial.name} of other data, code or weights"
            " than are here; see that it has the same, and run again"
        )
    if _is_done(job.trial):
        write_text(cache / WORKER, answer.worker)


def _is_done(trial: "Trial") -> bool:
    from scanvote.training import TrainingFailed, load_cached

    try:
        trial.trained = load_cached(trial.spec.cache_dir)
    except TrainingFailed:
        return True
    return trial.trained is not None


def _train(backend: str, rebuild: bytes, values: dict[str, Any], epochs: int) -> str:
    """Train a trial in a worker; return its digest.

    A lasting failure is cached; after any other, what needs the trial trains it again.
    """
    use_backend(backend)
    from scanvote.training import TrainingFailed, train

    trial = _study(rebuild).trial(values, epochs)
    with suppress(TrainingFailed):
        train(trial.network, trial.spec, lambda epoch, scores: None)
    return trial.spec.cache_dir.name


@lru_cache(maxsize=1)
def _study(rebuild: bytes) -> "Study":
    study: Study = pickle.loads(rebuild)()
    return study
