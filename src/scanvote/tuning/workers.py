"""Train a search's trials in worker processes before the search itself runs.

A worker trains into the same cache as any training (`scanvote.training`), so the search that
follows finds every result there and is the same as without workers, to the byte. The pool may be
any `Executor`: that of a Dask cluster has the same interface.
"""

import multiprocessing
import os
import pickle
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait as wait_for
from typing import TYPE_CHECKING, Any

from scanvote.core.backend import use_backend, visible_gpus
from scanvote.core.errors import InputError
from scanvote.core.parallel import have_semaphores
from scanvote.core.progress import Progress, progress_bar

if TYPE_CHECKING:
    from scanvote.tuning.study import Study
    from scanvote.tuning.trials import Trial


def train_in_workers(study: "Study") -> None:
    """Train, in `compute.workers` processes, the trials that the search will ask for.

    Raises:
        InputError: a worker died, or a backbone or its weights are not available.
    """
    if not have_semaphores():
        return  # the search itself trains whatever it asks for
    with progress_bar(f"Search {study.name}") as progress, _worker_pool(study) as pool:
        try:
            _train_all(study, pool, progress)
        except BrokenProcessPool:
            raise InputError(
                f"one of the {study.params.compute.workers or 1} processes that train {study.name}"
                " died, most likely for want of memory; set fewer workers"
            ) from None


def _train_all(study: "Study", pool: Executor, progress: Progress) -> None:
    submitted: dict[str, Trial] = {}
    running: set[Future[None]] = set()
    config = study.config
    while True:
        if len(running) < (study.params.compute.workers or 1):
            for trial in _next_trials(study):
                if trial.spec.cache_dir.name not in submitted:
                    running.add(pool.submit(_train, trial.hyperparameters))
                    submitted[trial.spec.cache_dir.name] = trial
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        _prune_models(study, submitted.values())
        progress(len(submitted) - len(running), config.max_trials, f"{len(running)} at work")


def _next_trials(study: "Study") -> "list[Trial]":
    """Return the untrained trials that the search will propose, whatever the unknown scores are.

    The last of them may be a wrong guess, see `predictable_points`.
    """
    from scanvote.tuning.tuner import predictable_points

    points = predictable_points(
        study.space, study.cached_score, study.config, study.search_seed, study.top_k
    )
    return [trial for trial in (study.trial(*point) for point in points) if not _is_done(trial)]


def _is_done(trial: "Trial") -> bool:
    from scanvote.training import TrainingFailed, load_cached

    try:
        trial.trained = load_cached(trial.spec.cache_dir)
    except TrainingFailed:
        return True
    return trial.trained is not None


def _prune_models(study: "Study", trials: "Iterable[Trial]") -> None:
    study.prune_models([trial for trial in trials if _is_done(trial)])


@contextmanager
def _worker_pool(study: "Study") -> Iterator[Executor]:
    """Start the worker processes, spread over the GPUs."""
    context = multiprocessing.get_context("spawn")
    gpu_queue = context.Queue()
    count, gpus = study.params.compute.workers or 1, visible_gpus()
    for worker in range(count):
        gpu_queue.put(gpus[worker % len(gpus)] if gpus else "")
    # as bytes: unpickling it imports Keras, which must follow `use_backend` in the worker
    rebuild = pickle.dumps(study.rebuild)
    arguments = (gpu_queue, study.params.backend, rebuild)
    with ProcessPoolExecutor(count, context, _start_worker, arguments) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()  # its progress is in its checkpoint
            raise


_study: "Study"  # of this worker


def _start_worker(gpu_queue: Any, backend: str, rebuild: bytes) -> None:
    global _study
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    gpu = gpu_queue.get()
    if gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # must be set before the backend starts
    use_backend(backend)
    _study = pickle.loads(rebuild)()


def _exit_with_parent() -> None:
    """Exit when the parent ends: a parent that is killed cannot stop its workers itself."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for([parent.sentinel])
    os._exit(1)


def _train(values: dict[str, Any]) -> None:
    from scanvote.training import TrainingFailed, train

    epochs = values.pop("epochs")
    trial = _study.trial(values, epochs)
    # a lasting failure is cached; after any other the search trains the trial again
    with suppress(TrainingFailed):
        train(trial.network, trial.spec, lambda epoch, scores: None)
