"""Generate the series of a patient: images, masks and metadata."""

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
    """A generated slice with its truth.

    Attributes:
        patient: metadata of the patient.
        number: index of the slice in its series, from 0.
        image: (size, size) uint8.
        mask: (size, size) uint8, 0 or 255; all 0 without a lesion.
    """

    patient: Patient
    number: int
    image: Bytes
    mask: Bytes


def series(index: int, task: Task, count: int, size: int, seed: int) -> Iterator[PhantomSlice]:
    """Yield the `count` slices of patient `index`, independent of other patients."""
    subject = patient(index, task)
    template = anatomy()
    seeds = np.random.SeedSequence([seed, TASK_SEED[task], index]).spawn(4)
    for_shape, for_lesion, for_scanner, for_noise = (np.random.default_rng(one) for one in seeds)
    shape, plane = draw_shape(for_shape), draw_plane(for_shape, subject.plane)
    lesion, target = _lesion_and_target(for_lesion, subject.label, task, template)
    scanner = draw_scanner(for_scanner, CONTRASTS.index(subject.contrast))
    offsets = _offsets(for_lesion, task, count, plane, shape, target)
    for number, offset in enumerate(offsets):
        points = plane.points(offset, size)
        in_template = shape.to_template(points)
        folds = shape.folds(in_template)
        signal, parts = signal_and_parts(in_template, folds, lesion, template, scanner)
        image = acquire(for_noise, signal, points, size, plane.width / size, scanner)
        yield PhantomSlice(subject, number, image, _mask(parts, task, size))


def _lesion_and_target(
    rng: np.random.Generator, label: Label, task: Task, template: Anatomy
) -> tuple[Lesion | None, Lesion]:
    if task == "segmentation":
        lesion = lesions.low_grade(rng, template)
        return lesion, lesion
    # slices of a healthy head are placed as for some lesion, so the level reveals no label
    others: list[Label] = [name for name in LABELS if name != "no_tumor"]
    lesion_label = others[rng.integers(len(others))] if label == "no_tumor" else label
    target = lesions.draw_lesion(rng, lesion_label, template)
    assert target is not None
    return (None if label == "no_tumor" else target), target


def _offsets(
    rng: np.random.Generator, task: Task, count: int, plane: Plane, shape: Shape, target: Lesion
) -> Floats:
    """Return the positions of the slices along the normal, mm."""
    middle = plane.offset(shape.to_scanner(target.centre))
    if task == "classification":
        # all slices pass through the lesion, none through its tips
        reach = 0.5 * target.radius
    else:
        # a third of the slices beyond the lesion, as in a series that covers the brain
        reach = 2.0 * target.radius
        middle = float(np.clip(middle, reach - 50, 66 - reach))
    relative = np.linspace(-reach, reach, count) if count > 1 else np.zeros(1)
    offsets: Floats = (middle + relative + rng.uniform(-0.1, 0.1) * reach).astype(np.float32)
    return offsets


def _mask(parts: Parts, task: Task, size: int) -> Bytes:
    """Return the mask that a reader would outline.

    It shows the tumour, in the FLAIR images of segmentation with its oedema.
    """
    excluded = {"cleft", "dura"} | (set() if task == "segmentation" else {"oedema"})
    mask = np.zeros((size, size), np.uint8)
    for tissue, cover in parts:
        if tissue not in excluded:
            mask[cover.reshape(size, size) > 0.5] = 255
    return mask
