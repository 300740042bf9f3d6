"""Lesions as 3D shapes, so that neighbouring slices show the same lesion.

A lesion is a list of parts; a part is a tissue and its soft cover (n,). Lesions are evaluated
in template space, where the anatomy has fixed positions.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from scanvote.datasets.phantom.anatomy import Anatomy
from scanvote.datasets.phantom.noise import Floats, SmoothNoise, smooth_noise, step
from scanvote.datasets.phantom.patients import Label

Parts = list[tuple[str, Floats]]


@dataclass(frozen=True)
class GrowthZone:
    """Surroundings that limit a lesion's growth, each (n,).

    Attributes:
        hull: distance to the brain's hull, mm, negative inside.
        matter: cover of the brain tissue, without fluid.
        white: share of white matter in the tissue.
    """

    hull: Floats
    matter: Floats
    white: Floats


class Lesion(Protocol):
    """A lesion: its centre and radius in mm, and its parts."""

    @property
    def centre(self) -> Floats: ...
    @property
    def radius(self) -> float: ...
    @property
    def mass(self) -> float:
        """Displacement of tissue, relative to its distance from the centre."""

    def parts(self, points: Floats, zone: GrowthZone) -> Parts:
        """Return tissue names with covers (n,), in painting order, the lowest first."""


@dataclass(frozen=True)
class ShapeModel:
    """A lump: an ellipsoid whose surface is displaced by smooth noise."""

    centre: Floats
    radii: Floats
    surface: SmoothNoise

    def distance(self, points: Floats) -> Floats:
        """Return the approximate distance (n,) to the surface, mm, negative inside.

        `points` are (n, 3) mm.
        """
        reach = np.linalg.norm((points - self.centre) / self.radii, axis=1)
        lump: Floats = (reach - 1 + self.surface(points)[:, 0]) * np.float32(self.radii.mean())
        return lump


def shape_model(
    rng: np.random.Generator, centre: Floats, radius: float, stretch: float, rough: float
) -> ShapeModel:
    radii = radius * rng.uniform(1 - stretch, 1 + stretch, 3)
    surface = smooth_noise(rng, length=1.7 * radius, deviation=rough)
    return ShapeModel(centre, radii.astype(np.float32), surface)


@dataclass(frozen=True)
class Glioma:
    """A glioma: irregular and intra-axial, with oedema along white matter.

    A high-grade glioma has a necrotic core.
    """

    centre: Floats
    radius: float
    mass: float
    tumour: ShapeModel
    oedema: ShapeModel
    core: ShapeModel | None

    def parts(self, points: Floats, zone: GrowthZone) -> Parts:
        tumour = self.tumour.distance(points)
        # oedema spreads in white matter and stops at the cortex
        swelling = self.oedema.distance(points) - 7 * (zone.white - 0.6)
        inside = zone.matter * step(-1 - zone.hull, 2)
        parts = [("oedema", step(-np.minimum(swelling, tumour - 1.5), 4) * inside)]
        parts.append(("tumour", step(-tumour, 3) * inside))
        if self.core is not None:
            core = np.maximum(self.core.distance(points), tumour + 2)
            parts.append(("rim", step(4.5 - np.abs(tumour + 1.5), 3) * inside))
            parts.append(("necrosis", step(-core, 2.5) * inside))
        return parts


@dataclass(frozen=True)
class Meningioma:
    """A meningioma: smooth, extra-axial, broad-based on dura or falx.

    It has a cleft of CSF and a dural tail.
    """

    centre: Floats
    radius: float
    mass: float
    tumour: ShapeModel

    def parts(self, points: Floats, zone: GrowthZone) -> Parts:
        tumour = self.tumour.distance(points)
        inside = step(2.2 - zone.hull, 1.5)
        tail = step(1.6 - np.abs(zone.hull - 0.8), 1.5) * step(0.45 * self.radius - tumour, 4)
        return [
            ("oedema", step(2.5 - tumour, 5) * 0.5 * zone.white * inside),
            ("cleft", 0.6 * step(1.0 - tumour, 2.5) * inside),
            ("dura", tail),
            ("meningioma", step(-tumour, 1.5) * inside),
        ]


@dataclass(frozen=True)
class Adenoma:
    """A pituitary adenoma, shaped like a snowman on the midline.

    It grows from the enlarged sella upwards through the diaphragm.
    """

    centre: Floats
    radius: float
    mass: float
    sellar: ShapeModel
    suprasellar: ShapeModel
    cyst: ShapeModel | None

    def parts(self, points: Floats, zone: GrowthZone) -> Parts:
        lower, upper = self.sellar.distance(points), self.suprasellar.distance(points)
        tumour = -1.5 * np.logaddexp(-lower / 1.5, -upper / 1.5).astype(np.float32)
        parts = [("cleft", step(1.3 - tumour, 1.5)), ("adenoma", step(-tumour, 1.5))]
        if self.cyst is not None:
            cover = step(-np.maximum(self.cyst.distance(points), tumour + 2), 2)
            parts.append(("cyst", cover))
        return parts


def draw_lesion(rng: np.random.Generator, label: Label, template: Anatomy) -> Lesion | None:
    """Draw a lesion of the class `label`; None for ``no_tumor``."""
    if label == "glioma":
        return _glioma(rng, template)
    if label == "meningioma":
        return _meningioma(rng, template)
    if label == "pituitary":
        return _adenoma(rng)
    return None


def _glioma(rng: np.random.Generator, template: Anatomy) -> Glioma:
    centre = rng.choice(template.white)
    radius = float(rng.uniform(16, 30))
    tumour = shape_model(rng, centre, radius, stretch=0.2, rough=0.14)
    oedema = shape_model(
        rng, centre, radius * float(rng.uniform(1.25, 1.7)), stretch=0.2, rough=0.2
    )
    core = shape_model(rng, centre, 0.72 * radius, stretch=0.2, rough=0.16)
    high_grade = rng.random() < 0.75
    return Glioma(centre, radius, 0.3, tumour, oedema, core if high_grade else None)


def low_grade(rng: np.random.Generator, template: Anatomy) -> Glioma:
    """Draw a glioma as in the LGG set.

    It is a large FLAIR lesion without a necrotic core.
    """
    centre = rng.choice(template.white)
    radius = float(rng.uniform(11, 19))
    tumour = shape_model(rng, centre, radius, stretch=0.25, rough=0.14)
    oedema = shape_model(
        rng, centre, radius * float(rng.uniform(1.15, 1.45)), stretch=0.2, rough=0.14
    )
    return Glioma(centre, radius, 0.25, tumour, oedema, None)


def _meningioma(rng: np.random.Generator, template: Anatomy) -> Meningioma:
    radius = float(rng.uniform(16, 30))
    if rng.random() < 0.25:  # on the falx, to one side
        side = rng.choice([-1, 1])
        centre = np.array([side * radius * 0.8, rng.uniform(-60, 45), rng.uniform(32, 50)])
    else:
        base = rng.choice(template.dura)
        inwards = np.array([0, -17, 12]) - base
        centre = base + inwards / np.linalg.norm(inwards) * radius * rng.uniform(0.35, 0.7)
    centre = centre.astype(np.float32)
    tumour = shape_model(rng, centre, radius, stretch=0.12, rough=0.04)
    return Meningioma(centre, radius, 0.4, tumour)


def _adenoma(rng: np.random.Generator) -> Adenoma:
    radius = float(rng.uniform(11, 17))
    centre = np.array([rng.normal(0, 1.5), 3, -33], np.float32)
    above = centre + np.array([0, -1, radius * rng.uniform(0.7, 1.15)], np.float32)
    sellar = shape_model(rng, centre, radius, stretch=0.12, rough=0.04)
    upper = shape_model(
        rng, above, radius * float(rng.uniform(0.7, 0.95)), stretch=0.12, rough=0.04
    )
    cyst = shape_model(rng, above, 0.5 * radius, stretch=0.2, rough=0.1)
    middle = ((centre + above) / 2).astype(np.float32)
    return Adenoma(middle, radius, 0.35, sellar, upper, cyst if rng.random() < 0.25 else None)


def mass_effect(points: Floats, lesion: Lesion | None) -> Floats:
    """Return the positions of the tissue at `points` before its displacement."""
    if lesion is None:
        return points
    away = points - lesion.centre
    reach = np.linalg.norm(away, axis=1, keepdims=True) / (1.5 * lesion.radius)
    moved: Floats = points - away * (lesion.mass * np.exp(-(reach**2))).astype(np.float32)
    return moved
