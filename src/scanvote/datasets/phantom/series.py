"""A patient's series: pictures, masks, and what is known of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scanvote.datasets.phantom import lesions
from scanvote.datasets.phantom.acquisition import Bytes, acquire, draw_scanner, signal_and_parts
from scanvote.datasets.phantom.anatomy import Anatomy, anatomy
from scanvote.datasets.phantom.lesions import Lesion, Parts
from scanvote.datasets.phantom.noise import Floats
from scanvote.datasets.phantom.patients import (
    CONTRASTS,
    LABELS,
    Label,
    Patient,
    Plane,
    Shape,
    draw_plane,
    draw_shape,
    patient,
)
from scanvote.params import Task

TASK_SEED: dict[Task, int] = {"classification": 1, "segmentation": 2}


@dataclass(frozen=True)
class PhantomSlice:
    """A picture and its truth.

    Attributes:
        patient: of whom.
        number: of the slice in its series, from 0.
        image: (size, size) uint8.
        mask: (size, size) uint8, 0 or 255; all 0 where there is no lesion.
    """

    patient: Patient
    number: int
    image: Bytes
    mask: Bytes


def series(index: int, task: Task, count: int, size: int, seed: int) -> Iterator[PhantomSlice]:
    """The `count` slices of patient `index`: the same whoever else is drawn."""
    who = patient(index, task)
    place = anatomy()
    kinds = np.random.SeedSequence([seed, TASK_SEED[task], index]).spawn(4)
    for_shape, for_lesion, for_scanner, for_noise = (np.random.default_rng(k) for k in kinds)
    shape, view = draw_shape(for_shape), draw_plane(for_shape, who.plane)
    lesion, target = _lesion_and_target(for_lesion, who.label, task, place)
    scanner = draw_scanner(for_scanner, CONTRASTS.index(who.contrast))
    offsets = _offsets(for_lesion, task, count, view, shape, target)
    for number, offset in enumerate(offsets):
        points = view.points(offset, size)
        there = shape.to_template(points)
        signal, parts = signal_and_parts(there, shape.folds(there), lesion, place, scanner)
        image = acquire(for_noise, signal, points, size, view.width / size, scanner)
        yield PhantomSlice(who, number, image, _mask(parts, task, size))


def _lesion_and_target(
    rng: np.random.Generator, label: Label, task: Task, place: Anatomy
) -> tuple[Lesion | None, Lesion]:
    if task == "segmentation":
        lesion = lesions.low_grade(rng, place)
        return lesion, lesion
    # a healthy head is cut where some lesion might have been: the level tells nothing
    others: list[Label] = [name for name in LABELS if name != "no_tumor"]
    wanted = others[rng.integers(len(others))] if label == "no_tumor" else label
    target = lesions.draw_lesion(rng, wanted, place)
    assert target is not None
    return (None if label == "no_tumor" else target), target


def _offsets(
    rng: np.random.Generator, task: Task, count: int, view: Plane, shape: Shape, target: Lesion
) -> Floats:
    """Positions of the slices along the normal, mm."""
    middle = view.offset(shape.to_scanner(target.centre))
    if task == "classification":
        # all through the lesion, not through its tips
        reach = 0.5 * target.radius
    else:
        # a third of the slices beyond the lesion, as in a series that covers the brain
        reach = 2.0 * target.radius
        middle = float(np.clip(middle, reach - 50, 66 - reach))
    places = np.linspace(-reach, reach, count) if count > 1 else np.zeros(1)
    offsets: Floats = (middle + places + rng.uniform(-0.1, 0.1) * reach).astype(np.float32)
    return offsets


def _mask(parts: Parts, task: Task, size: int) -> Bytes:
    """What a reader would outline: the tumour; with its oedema in the FLAIR of segmentation."""
    left_out = {"cleft", "dura"} | (set() if task == "segmentation" else {"oedema"})
    mask = np.zeros((size, size), np.uint8)
    for tissue, cover in parts:
        if tissue not in left_out:
            mask[cover.reshape(size, size) > 0.5] = 255
    return mask
