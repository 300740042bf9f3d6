"""A phantom patient: metadata, head shape and field of view."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scanvote.datasets.phantom.noise import Floats, SmoothNoise, matrix_product, smooth_noise
from scanvote.params import Task

Label = Literal["glioma", "meningioma", "no_tumor", "pituitary"]
LABELS: tuple[Label, ...] = ("glioma", "meningioma", "no_tumor", "pituitary")
PLANES = ("axial", "coronal", "sagittal")
# tumours are imaged with gadolinium or in FLAIR; plain T1 hides most of them
CONTRASTS = ("t1c", "flair")
SITES = ("site-a", "site-b", "site-c", "site-d")
SPLITS = ("Training", "Testing")
TESTED = 5
"""One patient in `TESTED` is in the published test part."""

# directions of rows, columns and normal of an image in MNI axes, as on a light box:
# the patient's right is on the left, a profile looks to the left
AXES = {
    "axial": ((0, -1, 0), (-1, 0, 0), (0, 0, 1)),
    "coronal": ((0, 0, -1), (-1, 0, 0), (0, 1, 0)),
    "sagittal": ((0, 0, -1), (0, -1, 0), (1, 0, 0)),
}
CENTRE = {"axial": (0, -17, 0), "coronal": (0, 0, -8), "sagittal": (0, -12, -18)}


@dataclass(frozen=True)
class Patient:
    """Metadata of a patient, a function of the index alone."""

    key: str
    label: Label
    plane: str
    contrast: str
    institution: str
    source_split: str


def patient(index: int, task: Task) -> Patient:
    """Return the patient with the given index.

    Labels change fastest, then planes, then contrasts, so 24 patients in a row all differ.
    Institution and published split are names only and do not influence the images.
    """
    key = f"patient-{index:03d}"
    block = index // len(LABELS)
    # each label occurs at each site and in each part: 4 patients per site, 1 in 5 in the test part
    site = SITES[block % len(SITES)]
    split = SPLITS[index % TESTED == TESTED - 1]
    if task == "segmentation":
        return Patient(key, "glioma", "axial", "flair", site, split)
    contrast = CONTRASTS[(index + block // 3) % len(CONTRASTS)]
    return Patient(key, LABELS[index % len(LABELS)], PLANES[block % 3], contrast, site, split)


@dataclass(frozen=True)
class Shape:
    """Deformation from the template to a head: affine, then smooth displacement.

    Attributes:
        matrix: (3, 3) rotation and scale.
        shift: (3,) mm.
        coarse: displacement of lobes and skull, (n, 3) to mm.
        folds: displacement of the gyri, (n, 3) to mm; it leaves the skull unchanged.
    """

    matrix: Floats
    shift: Floats
    coarse: SmoothNoise
    folds: SmoothNoise

    def to_template(self, points: Floats) -> Floats:
        """Return template coordinates (n, 3) of scanner `points` (n, 3), mm."""
        linear = matrix_product(points, self.matrix) + self.shift
        deformed: Floats = linear + self.coarse(linear)
        return deformed

    def to_scanner(self, point: Floats) -> Floats:
        """Inverse of `to_template` for one point (3,), by fixed-point iteration."""
        estimate = point.copy()
        for _ in range(8):
            estimate = estimate + point - self.to_template(estimate[None])[0]
        return estimate


def draw_shape(rng: np.random.Generator) -> Shape:
    pitch, yaw, roll = np.deg2rad(rng.normal(0, (5, 4, 4)))
    matrix = _rotation(1, 2, pitch) @ _rotation(0, 1, yaw) @ _rotation(0, 2, roll)
    matrix = matrix @ np.diag(rng.normal(1, 0.05, 3).clip(0.9, 1.1))
    return Shape(
        matrix.astype(np.float32),
        rng.normal(0, 3, 3).astype(np.float32),
        smooth_noise(rng, length=130, deviation=3.2, components=3),
        smooth_noise(rng, length=32, deviation=1.3, components=3, count=24),
    )


def _rotation(a: int, b: int, angle: float) -> Floats:
    matrix = np.eye(3, dtype=np.float32)
    matrix[a, a] = matrix[b, b] = np.cos(angle)
    matrix[a, b], matrix[b, a] = -np.sin(angle), np.sin(angle)
    return matrix


@dataclass(frozen=True)
class Plane:
    """Field of view of a series.

    Attributes:
        plane: name of the plane, a key of `AXES`.
        width: side of the square, mm.
        centre: row and column of its centre, mm.
    """

    plane: str
    width: float
    centre: tuple[float, float]

    def points(self, offset: float, size: int) -> Floats:
        """Return the pixel positions of a slice, (size * size, 3) mm.

        The slice is at `offset` mm along the normal.
        """
        row, column, normal = np.array(AXES[self.plane], np.float32)
        steps = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
        rows = steps[:, None, None] * self.width + self.centre[0]
        columns = steps[None, :, None] * self.width + self.centre[1]
        # the centre of the head, without its component along the normal, which `offset` gives
        middle = np.array(CENTRE[self.plane], np.float32) * (1 - np.abs(normal))
        grid = middle + rows * row + columns * column + np.float32(offset) * normal
        points: Floats = grid.reshape(-1, 3).astype(np.float32)
        return points

    def offset(self, point: Floats) -> float:
        """Return the offset of the slice through `point` (3,), mm."""
        return float(point @ np.array(AXES[self.plane][2], np.float32))


def draw_plane(rng: np.random.Generator, plane: str) -> Plane:
    width = float(rng.uniform(222, 262))
    row, column = rng.normal(0, 5, 2)
    return Plane(plane, width, (float(row), float(column)))
