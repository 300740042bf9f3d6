"""How well a package tells that a scan is like nothing its networks were trained on.

    python benchmarks/novelty.py [--root .] [--package models/package] [--mirror FOLDER]

ROOT is a folder in which the pipeline has run. Of its test scans, of the same scans spoilt, and of
the archives in the mirror: the share that is called outside, the median distance in radii, and the
probability that such a scan is farther away than a test scan (AUROC).
"""

import argparse
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

Image = np.ndarray
SIDE, SOME = 160, 200
"""Pixels of what is made up; scans of an archive."""
ARCHIVES = {
    "chest X-rays": "chest-xray-pneumonia.zip",
    "brain MRI, four classes": "brain-tumor-classification-mri.zip",
    "brain MRI, yes and no": "brain-mri-images-for-brain-tumor-detection.zip",
    "brain MRI, gliomas, three contrasts as RGB": "lgg-mri-segmentation.zip",
}


def noise(random: np.random.Generator) -> Image:
    return random.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)


def blank(random: np.random.Generator) -> Image:
    return np.full((SIDE, SIDE, 3), random.integers(0, 256), np.uint8)


def landscape(random: np.random.Generator) -> Image:
    """Clouds of all sizes over a gradient."""
    clouds = np.linspace(0, random.uniform(0.5, 2), SIDE)[:, None].repeat(SIDE, 1)
    for places in (3, 6, 12, 24, 48):
        coarse = random.random((places, places)) / places**0.5
        clouds = clouds + cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    grey = np.uint8(255 * (clouds - clouds.min()) / np.ptp(clouds))
    return grey[..., None].repeat(3, axis=2)


MADE: dict[str, Callable[[np.random.Generator], Image]] = {
    "noise": noise,
    "blank": blank,
    "like a landscape": landscape,
}
SPOILT: dict[str, Callable[[Image], Image]] = {
    "inverted": lambda image: 255 - image,
    "blurred, σ of 5 % of the width": lambda image: cv2.GaussianBlur(
        image, (0, 0), image.shape[1] / 20
    ),
    "half as bright": lambda image: image // 2,
    "on its side": lambda image: np.ascontiguousarray(np.rot90(image)),
    "upside down": lambda image: np.ascontiguousarray(image[::-1]),
}


def test_scans(root: Path, task: str, most: int) -> list[Image]:
    from scanvote.images.decode import decode_image
    from scanvote.manifest import read_manifest

    manifest = read_manifest(root / "data" / "prepared" / task / "manifest.csv")
    paths = manifest.loc[manifest["split"] == "test", "path"]
    every = -(-len(paths) // most)
    return [decode_image(root / "data" / "raw" / task / path) for path in paths[::every]]


def archived(path: Path) -> list[Image]:
    from scanvote.images.decode import decode_bytes

    random = np.random.default_rng(0)
    endings = (".jpg", ".jpeg", ".png", ".tif")
    with zipfile.ZipFile(path) as archive:
        names = sorted(
            name
            for name in archive.namelist()
            if name.lower().endswith(endings) and "_mask" not in name
        )
        chosen = random.permutation(len(names))[:SOME]
        return [decode_bytes(archive.read(names[at]), names[at]) for at in chosen]


def kinds(test: list[Image], mirror: Path | None) -> Iterator[tuple[str, list[Image]]]:
    yield "test scans", test
    for name, spoil in SPOILT.items():
        yield f"test scans, {name}", [spoil(image) for image in test]
    for name, make in MADE.items():
        random = np.random.default_rng(1)
        yield name, [make(random) for _ in range(SOME)]
    for name, file in ARCHIVES.items() if mirror else ():
        if mirror and (mirror / file).is_file():
            yield name, archived(mirror / file)


def auroc(near: np.ndarray, far: np.ndarray) -> float:
    """Of two that are alike a half."""
    both = far[:, None] - near[None]
    return float(((both > 0) + 0.5 * (both == 0)).mean())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, default=Path())
    parser.add_argument("--package", type=Path, default=None)
    parser.add_argument("--mirror", type=Path, default=os.environ.get("SCANVOTE_MIRROR"))
    parser.add_argument("--most", type=int, default=400, help="test scans of a task")
    asked = parser.parse_args()
    from scanvote.core.backend import use_backend

    use_backend("tensorflow")
    from scanvote.pipeline.package import load_package

    package = load_package(asked.package or asked.root / "models" / "package")
    asking = {
        "classification": lambda images: package.classifiers.probabilities(images).distances,
        "segmentation": lambda images: package.segmenters.segment(images).distances,
    }
    print("| asked | shown | scans | outside, % | median distance | AUROC |")
    print("|---|---|---|---|---|---|")
    mirror = Path(asked.mirror) if asked.mirror else None
    for task, ask in asking.items():
        who = {"classification": "the vote", "segmentation": "the U-Net"}[task]
        near: np.ndarray | None = None
        for name, images in kinds(test_scans(asked.root, task, asked.most), mirror):
            far = ask(images)
            near = far if near is None else near
            told = f"{100 * (far > 1).mean():.1f} | {np.median(far):.2f} | {auroc(near, far):.3f}"
            print(f"| {who} | {name} | {len(far):,} | {told} |", flush=True)


if __name__ == "__main__":
    main()
