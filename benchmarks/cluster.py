"""Work spread by Dask, beside processes of this machine and one process, in turn in one run.

    python benchmarks/cluster.py trials [--seconds 10]
    python benchmarks/cluster.py trainings [--epochs 200]
    python benchmarks/cluster.py fingerprints FOLDER [--images 20000]
    python benchmarks/cluster.py scheduler [--workers 1 2 4 8] [--calls 100 1000 10000]

A scheduler and its workers of one thread are started as processes with working folders of their
own. With `--hidden` (as root) a disk in memory lies over the folder of the work in each worker, so
that nothing is shared and all files travel. `trials` are calls that sleep, which other work on
the machine hardly changes, and `trainings` real ones of a small ANN. Markdown on standard output.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' helpers

from scanvote.core.parallel import LocalPool, Pool, open_pool, use_compute
from tests.clusters import Scheduler, computing
from tests.clusters import scheduler as scheduler_in

TRIALS, LONGEST = 20, 65


@contextmanager
def cluster(workers: int, hidden: Path | None = None) -> Iterator[Scheduler]:
    """Start a scheduler and workers, each with the process that makes its calls.

    Args:
        workers: their number.
        hidden: a folder that they do not see.
    """
    made = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with made as folder, scheduler_in(Path(folder)) as at:
        for number in range(workers):
            at.worker(f"w{number}", hidden)
        with computing(at):
            await_workers(workers)
        yield at


def await_workers(count: int) -> None:
    with open_pool(1) as pool:
        while pool.size < count:
            time.sleep(0.1)
        calls(pool, count, 0.5)


# -- what is measured -----------------------------------------------------------


@dataclass
class Taken:
    """Seconds that passed and of the processors, the load and the result of a round."""

    wall: float
    processor: float
    load: float
    result: object


def taken(work: Callable[[], object]) -> Taken:
    start, before = time.perf_counter(), _processor_seconds()
    result = work()
    wall = time.perf_counter() - start
    return Taken(wall, _processor_seconds() - before, os.getloadavg()[0], result)


def _processor_seconds() -> float:
    """Of this process and all below it, those that have ended included."""
    total, root = 0.0, psutil.Process()
    for one in [root, *root.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            total += sum(one.cpu_times()[:4])
    return total


def side_by_side(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[Taken]]:
    """Let the ways take turns, each time in the opposite order."""
    found: dict[str, list[Taken]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: 1 if number % 2 == 0 else -1]:
            found[name].append(one := taken(ways[name]))
            say(f"round {number + 1}, {name}: {one.wall:.2f} s, of processors {one.processor:.2f}")
    return found


def print_table(what: str, found: dict[str, list[Taken]]) -> None:
    """Print medians, and the median of the ratios to `processes` round by round."""
    print("| what | way | s | ratio | processor s | ratio | load |")
    print("|---|---|---|---|---|---|---|")
    for name, rounds in found.items():
        pairs = list(zip(rounds, found["processes"], strict=True))
        wall = statistics.median(one.wall / other.wall for one, other in pairs)
        cpu = statistics.median(one.processor / max(other.processor, 1e-9) for one, other in pairs)
        s, p = (statistics.median(getattr(one, k) for one in rounds) for k in ("wall", "processor"))
        loads = [one.load for one in rounds]
        print(
            f"| {what} | {name} | {s:.2f} | {wall:.3f} | {p:.2f} | {cpu:.2f} "
            f"| {min(loads):.1f} to {max(loads):.1f} |",
            flush=True,
        )
    results = [one.result for rounds in found.values() for one in rounds]
    print(f"\n{'The same results.' if results.count(results[0]) == len(results) else '**OTHER**'}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def calls(pool: Pool, count: int, seconds: float) -> None:
    """Let calls sleep in the workers, submitted at once as a grid search does."""
    made = [pool.submit(time.sleep, seconds, text="sleeps", training=True) for _ in range(count)]
    for answer in made:
        answer.result()


def spread(count: int, seconds: float) -> None:
    with open_pool(2) as pool:
        calls(pool, count, seconds)


# -- trials, trainings, fingerprints --------------------------------------------


def on_processes(work: Callable[[], object]) -> object:
    use_compute("processes", 2)
    return work()


def on_dask(at: Scheduler, work: Callable[[], object]) -> object:
    with computing(at):
        return work()


def ways_of(
    at: Scheduler, work: Callable[[], object], serial: Callable[[], object] | None
) -> dict[str, Callable[[], object]]:
    ways = {"serial": serial} if serial else {}
    return ways | {"processes": partial(on_processes, work), "Dask": partial(on_dask, at, work)}


def trials(args: argparse.Namespace) -> None:
    work = partial(spread, TRIALS, args.seconds)
    with cluster(2) as at:
        found = side_by_side(ways_of(at, work, None), args.rounds)
    print_table(f"{TRIALS} sleeps of {args.seconds:g} s", found)


def trainings(args: argparse.Namespace) -> None:
    """Train the 20 points of a grid, each time from an empty cache."""
    from scanvote.core.backend import use_backend

    use_backend("tensorflow")
    from scanvote.pipeline.search.study import ClassifierStudy
    from scanvote.tuning.inputs import study_files
    from scanvote.tuning.workers import _train, train_search
    from tests.searching import tiny_params, tree, write_prepared

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # so that the shards have a relative path
        params = tiny_params(
            search={"max_trials": TRIALS, "epochs": args.epochs, "patience": args.epochs},
            ann={"shrink": 1, "dense_layers": [1], "units": [*range(8, 8 + TRIALS)]},
        )
        prepared = write_prepared(Path("prepared"))

        def fresh() -> ClassifierStudy:
            root = Path(tempfile.mkdtemp(dir=folder))
            os.environ["DVC_ROOT"] = str(root)
            return ClassifierStudy("ann", prepared, params)

        def serial() -> object:
            import pickle

            study = fresh()
            for units in params.ann.units:
                values = {"dense_layers": 1, "units": units}
                _train("tensorflow", pickle.dumps(study.rebuild), values, args.epochs)
            return models()

        def spread_search() -> object:
            train_search(fresh(), study_files(prepared, params, []))
            return models()

        def models() -> object:
            made = tree(Path(os.environ["DVC_ROOT"]) / ".cache" / "trials")
            return len({name.split("/")[0] for name in made}), scores(made)

        with cluster(2, Path(folder) if args.hidden else None) as at:
            ways = ways_of(at, spread_search, serial if args.serial else None)
            found = side_by_side(ways, args.rounds)
        print_table(f"{TRIALS} trainings of {args.epochs} epochs{shared(args)}", found)
        os.chdir("/")


def scores(made: dict[str, bytes]) -> object:
    """The contents of the cache but for the worker's name and what took time."""
    return {name: data for name, data in made.items() if name.endswith("curves.csv")}


def fingerprints(args: argparse.Namespace) -> None:
    from scanvote.pipeline.deduplicate.fingerprints import fingerprints as made

    with tempfile.TemporaryDirectory(dir=args.folder.parent) as folder:
        linked(args.folder, Path(folder), args.images)
        os.chdir(folder)
        paths = sorted(Path(".").iterdir())

        def work(processes: int) -> object:
            return made(paths, processes).hashes.tobytes()

        with cluster(2, Path(folder) if args.hidden else None) as at:
            serial = partial(work, 1) if args.serial else None
            found = side_by_side(ways_of(at, partial(work, 2), serial), args.rounds)
        size = sum(path.stat().st_size for path in paths) / len(paths) / 1024
        print_table(f"{len(paths):,} fingerprints, {size:.0f} KiB each{shared(args)}", found)
        os.chdir("/")


def shared(args: argparse.Namespace) -> str:
    return ", nothing shared" if args.hidden else ", shared disk"


def linked(images: Path, folder: Path, count: int) -> None:
    """Give the images so many names."""
    files = sorted(path for path in images.rglob("*") if path.suffix in {".jpg", ".jpeg", ".png"})
    for number in range(count):
        file = files[number % len(files)]
        os.link(file, folder / f"{number:06}{file.suffix}")


# -- the scheduler's cost alone ---------------------------------------------------


def scheduler(args: argparse.Namespace) -> None:
    print("| sleep, s | workers | calls | way | s | ideal, s | ms a call", end=" ")
    print("| processor ms a call | scheduler, MiB | client, MiB | load |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for workers in args.workers:
        if args.local:
            with pool_of(workers) as pool:
                for seconds, count in lengths(args, workers):
                    print_row(seconds, workers, count, "processes", pool, None)
        with cluster(workers) as at, computing(at), open_pool(1) as pool:
            for seconds, count in lengths(args, workers):
                print_row(seconds, workers, count, "Dask", pool, at)


@contextmanager
def pool_of(workers: int) -> Iterator[Pool]:
    pool = LocalPool(workers)
    try:
        calls(pool, workers, 0.5)
        yield pool
    finally:
        pool.close()


def lengths(args: argparse.Namespace, workers: int) -> Iterator[tuple[float, int]]:
    for seconds in args.sleeps:
        for count in args.calls:
            if -(-count // workers) * seconds <= args.longest:
                yield seconds, count


def print_row(
    seconds: float, workers: int, count: int, way: str, pool: Pool, at: Scheduler | None
) -> None:
    one = taken(partial(calls, pool, count, seconds))
    ideal = -(-count // workers) * seconds
    each = (one.wall - ideal) / (count / workers) * 1000
    theirs = psutil.Process(at.process.pid).memory_info().rss / 2**20 if at else 0
    ours = psutil.Process().memory_info().rss / 2**20
    print(
        f"| {seconds:g} | {workers} | {count:,} | {way} | {one.wall:.2f} | {ideal:.2f} "
        f"| {each:.1f} | {1e3 * one.processor / count:.1f} | {theirs:.0f} | {ours:.0f} "
        f"| {one.load:.1f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["trials", "trainings", "fingerprints", "scheduler"])
    parser.add_argument("folder", type=Path, nargs="?", help="of images, for fingerprints")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serial", action="store_true", help="one process, too")
    parser.add_argument("--local", action="store_true", help="scheduler: processes, too")
    parser.add_argument("--hidden", action="store_true", help="workers without this disk")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--calls", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--sleeps", type=float, nargs="+", default=[0, 0.05, 1])
    parser.add_argument("--longest", type=float, default=LONGEST, help="ideal seconds of a row")
    args = parser.parse_args()
    globals()[args.what](args)


if __name__ == "__main__":
    main()
