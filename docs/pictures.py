"""Draw the pictures of the pages from the last `make repro`: `python docs/pictures.py`."""

import shutil
from pathlib import Path

import cv2
import numpy as np

from scanvote.datasets.phantom.truth import read_truth
from scanvote.images.decode import decode_image
from scanvote.plots.canvas import gallery

RAW, DOCS = Path("data/raw/classification/phantom"), Path("docs")
LABELS = ("glioma", "meningioma", "no_tumor", "pituitary")
SHOWN = 6  # of each class, each a patient


def phantom() -> None:
    """The first patients of each class: the planes in turn, both contrasts."""
    images, captions = [], []
    for label in LABELS:
        own = [row for row in read_truth(RAW) if row.label == label and row.series]
        first = {row.patient: row for row in own}
        for row in list(first.values())[:SHOWN]:
            images.append(cv2.resize(decode_image(RAW / row.path), (128, 128)))
            captions.append(f"{label.replace('_', ' ')}, {row.plane} {row.contrast}")
    gallery(np.stack(images), captions, "The phantom", DOCS / "phantom.png", columns=SHOWN)


if __name__ == "__main__":
    phantom()
    shutil.copyfile("metrics/evaluate/segmentation/masks.png", DOCS / "masks.png")
