"""segmentation: training and prediction of U-Nets, and the memory that they take.

    python benchmarks/segmentation.py train [--backend jax] [--encoder FILE] [--slices N]
    python benchmarks/segmentation.py predict [--backend jax] [--encoder FILE]
    python benchmarks/segmentation.py memory [--backend jax]

Slices are noise with a disc. What is compared takes turns, and medians are compared. Prints
Markdown.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import pandas as pd
from measure import peak_memory
from training import Log, turns

from scanvote.arrays import write_shards
from scanvote.core.backend import use_backend
from scanvote.manifest import COLUMNS, write_manifest
from scanvote.params import Params, load_params

ROOT = Path(__file__).parents[1]
BATCH = 16
SIZES = (250, 1000, 4000)
"""Slices to train on, of which the peak memory is compared."""


def generated(folder: Path, sizes: Mapping[str, int], side: int) -> None:
    """Shards and manifest of colour slices, ten a patient, two of three with a disc."""
    random, rows = np.random.default_rng(1), []
    for split, count in sizes.items():
        names = [f"{split}-{number:05}" for number in range(count)]
        slices = (drawn(name, n, side, random) for n, name in enumerate(names))
        write_shards(folder, split, slices)
        owners = [f"{split}-{number // 10}" for number in range(count)]
        rows += [
            {"scan_id": name, "patient": who, "series": who, "group": who, "split": split}
            for name, who in zip(names, owners, strict=True)
        ]
    frame = pd.DataFrame(rows).reindex(columns=[*COLUMNS, "group", "split"], fill_value="")
    frame = frame.assign(
        width=side, height=side, mask_pixels=1, pixel_height=1, pixel_width=1, pixel_unit="px"
    )
    write_manifest(frame, folder / "manifest.csv")


def drawn(name: str, number: int, side: int, random: np.random.Generator) -> dict[str, Any]:
    mask = np.zeros((side, side), np.uint8)
    if number % 3:
        cv2.circle(mask, tuple(random.integers(side // 4, 3 * side // 4, 2)), side // 8, 1, -1)
    image = random.integers(0, 60, (side, side, 3), np.uint8) + 120 * mask[..., None]
    return {"images": image, "scan_ids": np.array(name), "masks": mask}


def settings(side: int, **unet: Any) -> Params:
    """params.yaml with one U-Net, for colour slices without copies."""
    params = load_params(ROOT / "params.yaml")
    values = params.model_dump()
    values["prepare"]["segmentation"] |= {"image_size": side, "channels": 3, "copies": 0}
    values["unet"] |= {"batch_size": BATCH, "epochs": 1, "warm_up": 0, "folds": 1, **unet}
    return Params.model_validate(values)


def train(folder: Path, encoder: str | None, slices: int, repeats: int) -> None:
    """An epoch on one batch that lies in memory, and as the loop of a training fits it."""
    from scanvote.pipeline.unet.study import UnetStudy
    from scanvote.training.batches import Batches, Change

    side = 128
    generated(folder, {"train": slices, "validation": 10, "test": 10}, side)
    params = settings(side, encoder=encoder, context=1)
    alone = UnetStudy(folder, settings(side, encoder=encoder))
    beside = UnetStudy(folder, params)
    print("| network | epoch | slices/s | ratio | ratio of processor time |\n|---|---|---|---|---|")
    for study, bounds in ((alone, None), (alone, params), (beside, params)):
        values = {name: getattr(params.unet, name)[0] for name in GRID}
        spec, model = study.training_spec(values, 1), study.build_or_fail(values)
        model.compile(optimizer="adam", loss=spec.loss)
        change = Change(bounds.prepare.augment) if bounds else None
        batches = Batches(spec.train[0], BATCH, spec.train[1], change=change)
        taken = turns(ways(model, batches), repeats)
        wall, busy = (
            {way: median(t[i] for t in all_) for way, all_ in taken.items()} for i in (0, 1)
        )
        words = ", ".join(["augmented"] * bool(bounds) + ["3 slices deep"] * (study is beside))
        for way, seconds in wall.items():
            print(
                f"| {model.name} {study.input_spec.shape} | {way} {words} | {slices / seconds:.1f}"
                f" | {wall['one resident batch'] / seconds:.2f}"
                f" | {busy['one resident batch'] / busy[way]:.2f} |"
            )


GRID = ("filters", "normalisation", "block", "attention", "dropout", "loss")


def ways(model: Any, batches: Any) -> dict[str, Callable[[], object]]:
    import keras

    from scanvote.core.backend import as_dataset

    fed, batch = as_dataset(batches), tuple(map(keras.ops.convert_to_tensor, batches[0]))

    def resident() -> None:
        for _ in range(len(batches)):
            model.train_on_batch(*batch)

    def fit() -> None:
        batches.start_epoch(1)
        model.fit(fed, steps_per_epoch=len(batches), verbose=0, shuffle=False)

    return {"one resident batch": resident, "from the file": fit}


def predict(folder: Path, encoder: str | None, repeats: int) -> None:
    """Slices a second, one at a time and 32 at once."""
    from scanvote.pipeline.unet.study import UnetStudy
    from scanvote.training.batches import predict as predicted

    count = 64
    generated(folder, {"train": 10, "validation": 10, "test": count}, 128)
    params = settings(128, encoder=encoder)
    study = UnetStudy(folder, params)
    model = study.build_or_fail({name: getattr(params.unet, name)[0] for name in GRID})
    found = turns(
        {
            f"batches of {size}": lambda size=size: predicted(model, study.test_images(), size)
            for size in (1, 32)
        },
        repeats,
    )
    print("| network | way | slices/s |\n|---|---|---|")
    for way, taken in found.items():
        seconds = median(wall for wall, _ in taken)
        print(f"| {model.name} {study.input_spec.shape} | {way} | {count / seconds:.1f} |")


def memory(backend: str) -> None:
    """Peak memory of the whole stage against the number of slices, in a process each."""
    print("| slices to train on | as arrays, MiB | peak memory, MiB | seconds |\n|---|---|---|---|")
    for count in SIZES:
        command = [sys.executable, __file__, "stage", "--slices", str(count), "--backend", backend]
        seconds, peak = peak_memory(command)
        print(f"| {count} | {count * 128 * 128 * 4 >> 20} | {peak >> 20} | {seconds:.0f} |")


def stage(folder: Path, slices: int) -> None:
    from scanvote.pipeline.unet.stage import train_unet

    generated(folder, {"train": slices, "validation": slices // 5, "test": slices // 5}, 128)
    train_unet(folder, settings(128, filters=2), folder / "out", Log())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["train", "predict", "memory", "stage"])
    parser.add_argument("--backend", default="tensorflow", choices=["tensorflow", "jax"])
    parser.add_argument("--encoder")
    parser.add_argument("--slices", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DVC_ROOT"] = folder
        use_backend(asked.backend)
        prepared = Path(folder) / "prepared"
        if asked.what == "train":
            train(prepared, asked.encoder, asked.slices, asked.repeats)
        elif asked.what == "predict":
            predict(prepared, asked.encoder, asked.repeats)
        elif asked.what == "memory":
            memory(asked.backend)
        else:
            stage(prepared, asked.slices)


if __name__ == "__main__":
    main()
