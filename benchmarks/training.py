"""training: the input pipeline, a frozen backbone, and the memory from trial to trial.

    python benchmarks/training.py pipeline [--backend jax] [--lite0 FILE] [--scans N]
    python benchmarks/training.py frozen --lite0 FILE --scans 480
    python benchmarks/training.py memory [--backend jax]

Scans are noise. What is compared takes turns, and medians are compared. Prints Markdown.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import psutil

from scanvote.arrays import Shard, memmap_split, write_shards
from scanvote.core.backend import use_backend
from scanvote.manifest import COLUMNS, write_manifest
from scanvote.params import Params, load_params

ROOT = Path(__file__).parents[1]
CLASSES = ["glioma", "meningioma", "no_tumor", "pituitary"]
BATCH = 32
CNN = {"convolutions": 3, "filters": 32, "dense_layers": 1}
SHOWN = (1, 10, 20, 30, 40, 50)
"""Trials after which the memory is printed."""


def generated(folder: Path, sizes: Mapping[str, int], shape: tuple[int, int, int]) -> None:
    """Shards and manifest of scans whose class is their brightness."""
    random, rows = np.random.default_rng(1), []
    for split, count in sizes.items():
        names = [f"{split}-{number}" for number in range(count)]
        write_shards(folder, split, (scan(name, n, shape, random) for n, name in enumerate(names)))
        rows += [{"scan_id": name, "label": CLASSES[n % 4]} for n, name in enumerate(names)]
    frame = pd.DataFrame(rows).reindex(columns=list(COLUMNS), fill_value="")
    size = {"height": shape[0], "width": shape[1]}
    write_manifest(frame.assign(**size, mask_pixels=0), folder / "manifest.csv")


def scan(
    name: str, number: int, shape: tuple[int, int, int], random: np.random.Generator
) -> dict[str, Any]:
    image = random.integers(0, 60, shape, "uint8") + np.uint8(60 * (number % 4))
    return {"images": image, "scan_ids": np.array(name), "labels": np.int64(number % 4)}


def one_hot(shard: Shard) -> np.ndarray:
    return np.asarray(np.eye(len(CLASSES), dtype=np.float32)[shard["labels"]])


def network(shape: tuple[int, int, int], params: Params, lite0: str | None) -> Any:
    """The CNN, or the saved backbone with a head on it, frozen."""
    from scanvote.models import cnn, transfer
    from scanvote.models.input_spec import InputSpec

    brief = InputSpec(shape, len(CLASSES))
    if lite0 is None:
        return cnn.build(CNN, brief, params.cnn)
    values = {"backbone": lite0, "pooling": "average", "units": 0, "dropout": 0.25}
    return transfer.build(values, brief, params.transfer)


# ---- the input pipeline ---------------------------------------------------------------


def pipeline(folder: Path, params: Params, scans: int, repeats: int, lite0: str | None) -> None:
    from scanvote.models import transfer

    shape = (128, 128, 3) if lite0 else (96, 96, 1)
    generated(folder, {"train": scans}, shape)
    model = network(shape, params, lite0)
    if lite0:
        transfer.unfreeze(model, "all")
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    ways = epochs(model, memmap_split(folder, "train"), params)
    taken = turns(ways, repeats)
    wall, busy = ({way: median(t[i] for t in all_) for way, all_ in taken.items()} for i in (0, 1))
    print("| network | epoch | images/s | ratio | ratio of processor time |\n|---|---|---|---|---|")
    for way in ways:
        print(
            f"| {model.name}, {shape} | {way} | {scans / wall[way]:.0f}"
            f" | {wall['one resident batch'] / wall[way]:.2f}"
            f" | {busy['one resident batch'] / busy[way]:.2f} |"
        )


def epochs(model: Any, train: Shard, params: Params) -> dict[str, Callable[[], object]]:
    """An epoch on one batch that lies in memory, and as the loop of a training fits it."""
    import keras

    from scanvote.core.backend import as_dataset
    from scanvote.training.batches import Batches, Change

    images, targets = train["images"], one_hot(train)
    steps = len(images) // BATCH
    batch = tuple(keras.ops.convert_to_tensor(part[:BATCH]) for part in (images, targets))

    def resident() -> None:
        for _ in range(steps):
            model.train_on_batch(*batch)

    def fit(batches: Batches) -> Callable[[], None]:
        fed = as_dataset(batches)

        def epoch() -> None:
            batches.start_epoch(1)
            model.fit(fed, steps_per_epoch=len(batches), verbose=0, shuffle=False)

        return epoch

    return {
        "one resident batch": resident,
        "from the file": fit(Batches(images, BATCH, targets)),
        "from the file, augmented": fit(
            Batches(images, BATCH, targets, change=Change(params.prepare.augment))
        ),
    }


def turns(
    ways: Mapping[str, Callable[[], object]], repeats: int
) -> dict[str, list[tuple[float, float]]]:
    """Seconds, and seconds of the processor, of each way; they take turns, the first uncounted."""
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(repeats + 1):
        for way, run in ways.items():
            wall, busy = time.perf_counter(), time.process_time()
            run()
            taken[way].append((time.perf_counter() - wall, time.process_time() - busy))
    return {way: all_[1:] for way, all_ in taken.items()}


# ---- a frozen backbone ----------------------------------------------------------------


def frozen(folder: Path, params: Params, scans: int, lite0: str) -> None:
    shape = (160, 160, 3)
    generated(folder, {"train": scans, "validation": scans // 5}, shape)
    splits = {split: memmap_split(folder, split) for split in ("train", "validation")}
    begun: dict[str, list[float]] = {"once": [], "each epoch": []}
    lasted: dict[str, list[float]] = {"once": [], "each epoch": []}
    for turn in range(3):
        for way, count in (("each epoch", 3), ("once", 12)):
            memory = folder / f"{way}-{turn}"
            first, others = trained(splits, shape, params, lite0, memory, count, way == "once")
            begun[way].append(first)
            lasted[way] += others
    print("| features | first epoch, s | an epoch after it, s | ratio |\n|---|---|---|---|")
    for way, all_ in lasted.items():
        print(
            f"| computed {way} | {median(begun[way]):.1f} | {median(all_):.3f}"
            f" | {median(lasted['each epoch']) / median(all_):.1f} |"
        )


def trained(
    splits: dict[str, Shard],
    shape: tuple[int, int, int],
    params: Params,
    lite0: str,
    memory: Path,
    count: int,
    once: bool,
) -> tuple[float, list[float]]:
    """Seconds of the first epoch with all that precedes it, and of each of those after it."""
    from scanvote.metrics.classification import quick_scores
    from scanvote.models.transfer import FROZEN
    from scanvote.training import Schedule, TrainingSpec, train

    model = network(shape, params, lite0)
    if not once:
        model.get_layer(FROZEN).name = "features"  # by that name the loop knows what it may keep
    how = params.search.model_copy(update={"epochs": count, "patience": None}).training()
    truth = splits["validation"]["labels"]
    job = TrainingSpec(
        train=(splits["train"]["images"], one_hot(splits["train"])),
        validation=splits["validation"]["images"],
        loss="categorical_crossentropy",
        score=lambda predicted: quick_scores(truth, predicted),
        schedule=Schedule(params.lr, how, "macro_f1"),
        seed=1,
        cache_dir=memory,
    )
    ends = [time.perf_counter()]
    train(lambda: model, job, lambda epoch, scores: ends.append(time.perf_counter()))
    seconds = np.diff(ends).tolist()
    return seconds[0], seconds[1:]


# ---- the memory from trial to trial ---------------------------------------------------


class Log:
    """Notes the memory of this process when a trial ends."""

    def __init__(self) -> None:
        self.resident: list[int] = []

    @contextmanager
    def __call__(self, name: str, values: Mapping[str, Any]) -> Iterator["Log"]:
        yield self

    def epoch(self, step: int, scores: Mapping[str, float]) -> None: ...

    def result(self, metrics: Mapping[str, float]) -> None:
        self.resident.append(psutil.Process().memory_info().rss)


def memory(folder: Path, params: Params, backend: str) -> None:
    from scanvote.pipeline.search.stage import search

    generated(folder, {"train": 256, "validation": 64, "test": 64}, (32, 32, 1))
    update = {"algorithm": "random", "max_trials": SHOWN[-1], "epochs": 2, "patience": None}
    grid = {"filters": list(range(8, 24)), "convolutions": [1, 2], "dense_layers": [0, 1]}
    changed = params.model_copy(
        update={
            "search": params.search.model_copy(update=update),
            "cnn": params.cnn.model_copy(update=grid),
        }
    )
    log = Log()
    search("cnn", folder, changed, folder / "out", log)
    print("| backend | resident memory, MiB, after trial " + " | ".join(map(str, SHOWN)) + " |")
    print("|---" * (len(SHOWN) + 1) + "|")
    held = (f"{log.resident[trial - 1] >> 20}" for trial in SHOWN)
    print(f"| {backend} | " + " | ".join(held) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description="What a training costs beside the network.")
    parser.add_argument("what", choices=["pipeline", "frozen", "memory"])
    parser.add_argument("--backend", choices=["tensorflow", "jax"], default="tensorflow")
    parser.add_argument("--lite0", help="saved backbone, thawed at 128 px, or frozen at 160 px")
    parser.add_argument("--scans", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=9, help="epochs of each kind, of pipeline")
    chosen = parser.parse_args()
    use_backend(chosen.backend)
    params = load_params(ROOT / "params.yaml")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DVC_ROOT"] = folder
        if chosen.what == "pipeline":
            pipeline(Path(folder), params, chosen.scans, chosen.repeats, chosen.lite0)
        elif chosen.what == "frozen":
            frozen(Path(folder), params, chosen.scans, chosen.lite0)
        else:
            memory(Path(folder), params, chosen.backend)


if __name__ == "__main__":
    main()
