"""Trials in several processes: what the search will ask for, trained before it asks.

A worker trains into the memory that any training has (`training`), so the search that
follows finds all done and is the same as without workers, to the byte. `workers` may be
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
from scanvote.core.progress import Progress, progress_bar

if TYPE_CHECKING:
    from scanvote.tuning.study import Study
    from scanvote.tuning.trials import Trial


def train_in_workers(study: "Study") -> None:
    """Train in `workers` processes the trials that the search will run.

    Raises:
        InputError: a worker died, or what it was to train cannot be.
    """
    with progress_bar(f"Search {study.name}") as progress, _workers(study) as workers:
        try:
            _train_all(study, workers, progress)
        except BrokenProcessPool:
            raise InputError(
                f"a process of {study.config.workers} that train {study.name} died, most likely"
                " for want of memory; set fewer workers"
            ) from None


def _train_all(study: "Study", workers: Executor, progress: Progress) -> None:
    given: dict[str, Trial] = {}
    running: set[Future[None]] = set()
    how = study.config
    while True:
        if len(running) < how.workers:
            for trial in _wanted(study):
                if trial.spec.cache_dir.name not in given:
                    running.add(workers.submit(_train, trial.hyperparameters))
                    given[trial.spec.cache_dir.name] = trial
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for one in done:
            one.result()
        _forget_the_worse(study, given.values())
        progress(len(given) - len(running), how.max_trials, f"{len(running)} at work")


def _wanted(study: "Study") -> "list[Trial]":
    """The trials that the search will ask for and that are not done."""
    from scanvote.tuning.tuner import predictable_points

    how = study.config
    points = predictable_points(study.space, study.cached_score, how, study.search_seed)
    return [trial for trial in (study.trial(*point) for point in points) if not _is_done(trial)]


def _is_done(trial: "Trial") -> bool:
    from scanvote.training import TrainingFailed, load_cached

    try:
        trial.trained = load_cached(trial.spec.cache_dir)
    except TrainingFailed:
        return True
    return trial.trained is not None


def _forget_the_worse(study: "Study", trials: "Iterable[Trial]") -> None:
    study.prune_models([trial for trial in trials if _is_done(trial)])


@contextmanager
def _workers(study: "Study") -> Iterator[Executor]:
    """As many processes as `workers`, spread over the GPUs."""
    context = multiprocessing.get_context("spawn")
    turns = context.Queue()
    count, cards = study.config.workers, visible_gpus()
    for turn in range(count):
        turns.put(cards[turn % len(cards)] if cards else "")
    anew = pickle.dumps(study.rebuild)  # for when the backend is chosen
    arguments = (turns, study.params.backend, anew)
    with ProcessPoolExecutor(count, context, _begin, arguments) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()  # what it trained so far is in its checkpoint
            raise


_study: "Study"  # of this worker


def _begin(turns: Any, backend: str, anew: bytes) -> None:
    global _study
    threading.Thread(target=_end_with_parent, daemon=True).start()
    card = turns.get()
    if card:
        os.environ["CUDA_VISIBLE_DEVICES"] = card  # before the backend looks
    use_backend(backend)
    _study = pickle.loads(anew)()


def _end_with_parent() -> None:
    """A parent that is killed cannot tell its workers."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for([parent.sentinel])
    os._exit(1)


def _train(values: dict[str, Any]) -> None:
    from scanvote.training import TrainingFailed, train

    epochs = values.pop("epochs")
    trial = _study.trial(values, epochs)
    with suppress(TrainingFailed):  # the search will be told, and lists it
        train(trial.network, trial.spec, lambda epoch, scores: None)
