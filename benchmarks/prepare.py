"""prepare: against decoding alone, against Keras's augmentations, and its memory as scans grow.

    python benchmarks/prepare.py [--mirror FOLDER] > benchmarks/prepare.md

Scans are generated; with --mirror those of the 4-class brain MRI set in it are taken for
the speed and the disk. Every time is the best of some repeats. Prints Markdown.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from measure import peak_memory, timed

from scanvote.core.parallel import parallel_map
from scanvote.images.augment import augment
from scanvote.images.decode import decode_image
from scanvote.manifest import COLUMNS, read_manifest, write_manifest
from scanvote.params import AugmentParams, Params, load_params
from scanvote.pipeline.prepare.stage import prepare

ROOT = Path(__file__).parents[1]
SIDE = 150
"""Pixels a side of what is prepared, in three channels, as published systems on the set do."""
PUBLISHED = AugmentParams(rotation=15, shift=0.05, shear=5, zoom=0.1, flip="both", brightness=0.15)
N = 500
"""Scans of 256 x 256 pixels, of which the memory is measured, and of 4 and 16 times as many."""


def generated(root: Path, count: int) -> None:
    """JPEGs of noisy heads of four classes, four a patient, with the manifest that is kept."""
    rows = []
    for number in range(count):
        random = np.random.default_rng(number)
        image = np.zeros((256, 256), np.uint8)
        axes = tuple(int(length) for length in random.integers(70, 110, 2))
        cv2.ellipse(image, (128, 128), axes, 0, 0, 360, 1, -1)
        image *= cv2.resize(random.integers(60, 250, (64, 64), np.uint8), (256, 256))
        path = root / "raw" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
        rows.append({"path": path.name, "label": "abcd"[number // 4 % 4]})
    write_manifest(kept(pd.DataFrame(rows), 1), root / "manifest.csv")


def kept(frame: pd.DataFrame, times: int) -> pd.DataFrame:
    """The manifest of scans that are all kept, each under `times` names."""
    frame = pd.concat([frame] * times, ignore_index=True)
    for name in (*COLUMNS, "duplicate_of", "relatives"):
        frame[name] = frame.get(name, "")
    numbers = pd.Series(range(len(frame)))
    return frame.assign(
        scan_id=numbers.astype(str),
        sha256=numbers.astype(str),
        patient=(numbers // 4).astype(str),
        kept=True,
        conflict=False,
        width=256,
        height=256,
        mask_pixels=0,
    )


def from_mirror(root: Path, mirror: Path) -> None:
    from scanvote.pipeline.download.stage import download

    os.environ["SCANVOTE_MIRROR"] = str(mirror)
    params = load_params(ROOT / "params.yaml")
    task = params.classification.model_copy(update={"dataset": ["brain_tumor_mri"]})
    download("classification", params.model_copy(update={"classification": task}), root / "raw")
    frame = read_manifest(root / "raw" / "manifest.csv").assign(kept=True, conflict=False)
    frame[["duplicate_of", "relatives"]] = ""
    write_manifest(frame, root / "manifest.csv")


def settings(copies: int) -> Params:
    """Crop, stretch to 150 x 150 x 3, and the published list for the copies."""
    params = load_params(ROOT / "params.yaml")
    how = params.prepare.classification.model_copy(
        update={"image_size": SIDE, "channels": 3, "copies": copies}
    )
    section = params.prepare.model_copy(update={"classification": how, "augment": PUBLISHED})
    return params.model_copy(update={"prepare": section})


def run(root: Path, times: int, copies: int, processes: int) -> None:
    """Prepare the scans in `root`, each `times`."""
    if times > 1:
        frame = read_manifest(root / "manifest.csv")
        write_manifest(kept(frame, times), root / "many" / "manifest.csv")
    deduplicated = root / "many" if times > 1 else root
    prepare("classification", root / "raw", deduplicated, settings(copies), root / "out", processes)


def decoded(path: Path) -> int:
    return decode_image(path).size


def speed(root: Path) -> None:
    frame = read_manifest(root / "manifest.csv")
    paths = [root / "raw" / path for path in frame["path"]]
    print(
        "| processes | copies | seconds | images written/s | disk, MB | decode alone, s | ratio |"
    )
    print("|---|---|---|---|---|---|---|")
    for processes in (1, 2):
        alone = timed(partial(parallel_map, decoded, paths, "", processes))
        for copies, repeats in ((0, 3), (1, 3), (21, 1)):
            seconds = timed(partial(run, root, 1, copies, processes), repeats)
            written, disk = result(root / "out", copies)
            print(
                f"| {processes} | {copies} | {seconds:.1f} | {written / seconds:,.0f} "
                f"| {disk / 1e6:,.0f} | {alone:.1f} | {seconds / alone:.1f} |",
                flush=True,
            )


def result(out: Path, copies: int) -> tuple[int, int]:
    """Images written, and bytes of all files."""
    frame = read_manifest(out / "manifest.csv")
    images = len(frame) + copies * int((frame["split"] == "train").sum())
    return images, sum(path.stat().st_size for path in out.iterdir())


def ours(images: np.ndarray, masks: np.ndarray | None) -> None:
    for number, image in enumerate(images):
        mask = None if masks is None else masks[number]
        augment(image, mask, PUBLISHED, np.random.default_rng(number))


def generator(images: np.ndarray, masks: np.ndarray | None) -> None:
    """Keras's ImageDataGenerator; masks go through a second one of the same seed."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    moves = {
        "rotation_range": PUBLISHED.rotation,
        "width_shift_range": PUBLISHED.shift,
        "height_shift_range": PUBLISHED.shift,
        "shear_range": PUBLISHED.shear,
        "zoom_range": PUBLISHED.zoom,
        "horizontal_flip": True,
        "vertical_flip": True,
    }
    bright = (1 - PUBLISHED.brightness, 1 + PUBLISHED.brightness)
    flows = [ImageDataGenerator(**moves, brightness_range=bright).flow(images, seed=1)]
    if masks is not None:
        flows.append(ImageDataGenerator(**moves).flow(masks[..., None], seed=1))
    for flow in flows:
        for _ in range(len(flow)):
            next(flow)


def layers(compiled: bool) -> Callable[[np.ndarray, np.ndarray | None], None]:
    """Keras's random layers, one after the other, in batches of 32."""
    import keras
    import tensorflow as tf

    change = keras.layers.Pipeline(
        [
            keras.layers.RandomRotation(PUBLISHED.rotation / 360, fill_mode="nearest"),
            keras.layers.RandomTranslation(PUBLISHED.shift, PUBLISHED.shift, fill_mode="nearest"),
            keras.layers.RandomShear(PUBLISHED.shear / 90, PUBLISHED.shear / 90),
            keras.layers.RandomZoom(PUBLISHED.zoom, PUBLISHED.zoom, fill_mode="nearest"),
            keras.layers.RandomFlip("horizontal_and_vertical"),
            keras.layers.RandomBrightness(PUBLISHED.brightness, value_range=(0, 255)),
        ]
    )
    call = (
        tf.function(partial(change, training=True)) if compiled else partial(change, training=True)
    )

    def changed(images: np.ndarray, masks: np.ndarray | None) -> None:
        for first in range(0, len(images), 32):
            batch = tf.constant(images[first : first + 32], tf.float32)
            if masks is None:
                call(batch)
            else:
                marked = tf.constant(masks[first : first + 32, ..., None])
                call({"images": batch, "segmentation_masks": marked})

    return changed


def augmentation() -> None:
    """512 images in memory, one process, the threads that each takes by itself."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (512, SIDE, SIDE, 3), np.uint8)
    masks = (random.random((512, SIDE, SIDE)) < 0.1).astype(np.uint8)
    print("| augmentation, one process | images/s | ratio | images with masks/s | ratio |")
    print("|---|---|---|---|---|")
    best: list[float] = []
    for name, change in (
        ("scanvote: one matrix, OpenCV", ours),
        ("Keras ImageDataGenerator", generator),
        ("Keras random layers, eager", layers(compiled=False)),
        ("Keras random layers, tf.function", layers(compiled=True)),
    ):
        rates = [rate(change, images, with_masks) for with_masks in (None, masks)]
        best = best or rates
        cells = [f"{one:,.0f} | {one / first:.2f}" for one, first in zip(rates, best, strict=True)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def rate(
    change: Callable[[np.ndarray, np.ndarray | None], None],
    images: np.ndarray,
    masks: np.ndarray | None,
) -> float:
    change(images[:64], None if masks is None else masks[:64])  # traces and warms up
    return len(images) / timed(partial(change, images, masks))


def memory(root: Path) -> None:
    print("| scans | copies | processes | shards, MB | seconds | peak memory, MiB |")
    print("|---|---|---|---|---|---|")
    cases = [(1, 0, 1), (4, 0, 1), (16, 0, 1), (1, 0, 2), (4, 0, 2), (16, 0, 2), (1, 21, 2)]
    for times, copies, processes in cases:
        seconds, peak = peak_memory(
            [sys.executable, __file__, "--run", str(root), str(times), str(copies), str(processes)]
        )
        disk = sum(path.stat().st_size for path in (root / "out").glob("*.pkl"))
        print(
            f"| {times * N:,} | {copies} | {processes} | {disk / 1e6:,.0f} | {seconds:.1f} "
            f"| {peak / 2**20:,.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mirror", type=Path)
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        run(Path(given.run[0]), *(int(number) for number in given.run[1:]))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        generated(root, N)
        if given.mirror:
            from_mirror(root / "real", given.mirror)
        speed(root / "real" if given.mirror else root)
        print()
        augmentation()
        print()
        memory(root)


if __name__ == "__main__":
    main()
