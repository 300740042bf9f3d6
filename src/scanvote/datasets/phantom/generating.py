"""Writing a phantom: its series, a picture a slice, and what is planted among them."""

import os
from functools import partial
from pathlib import Path

import numpy as np

from scanvote.core.parallel import WORTH_A_POOL, results
from scanvote.core.progress import Progress
from scanvote.datasets.phantom.planted_errors import bordered, encoded, has_border, inject_errors
from scanvote.datasets.phantom.series import TASK_SEED, PhantomSlice, series
from scanvote.datasets.phantom.truth import PLANTED, TRUTH, PlantedError, Row, write_table
from scanvote.params import PhantomParams, PhantomTask, Task


def generate(
    folder: Path,
    params: PhantomParams,
    task: Task,
    seed: int,
    progress: Progress = lambda done, total, note="": None,
) -> None:
    """Write a phantom: ``scans/``, ``masks/``, ``truth.csv`` and ``planted.csv``.

    The same arguments give the same bytes; a patient's files do not depend on how
    many patients there are.

    Args:
        folder: where to write; made if missing.
        params: pixels a side, and for `task` the numbers of patients and of slices each.
        task: for ``segmentation`` all are axial FLAIR slices of gliomas, each with a mask
            (0 or 255, oedema included); for ``classification`` the four labels, with masks
            of the tumour where there is one.
        seed: what everything random derives from.
        progress: told after each patient (patients done, patients in all).
    """
    wanted: PhantomTask = getattr(params, task)
    rows: list[Row] = []
    draw = partial(_write_patient, folder, task, wanted.slices, params.image_size, seed)
    processes = (os.cpu_count() or 1) if wanted.patients >= WORTH_A_POOL else 1
    for drawn in results(draw, range(wanted.patients), processes, chunk=8):
        rows += drawn
        progress(len(rows) // wanted.slices, wanted.patients)
    faults = [
        PlantedError(row.path, "black_border", row.path)
        for number, row in enumerate(rows)
        if has_border(number)
    ]
    framed = {fault.path for fault in faults}
    plain = [row for row in rows if row.path not in framed]
    rng = np.random.default_rng([seed, TASK_SEED[task], wanted.patients, wanted.slices, 2**31])
    for row, fault in inject_errors(folder, task, plain, rng):
        rows.append(row)
        faults.append(fault)
    write_table(folder / TRUTH, Row, rows)
    write_table(folder / PLANTED, PlantedError, faults)


def _write_patient(
    folder: Path, task: Task, slices: int, size: int, seed: int, index: int
) -> list[Row]:
    cuts = series(index, task, slices, size, seed)
    numbers = range(index * slices, (index + 1) * slices)
    return [
        _write(folder, task, cut, has_border(number))
        for number, cut in zip(numbers, cuts, strict=True)
    ]


def _write(folder: Path, task: Task, cut: PhantomSlice, border: bool) -> Row:
    who = cut.patient
    label = who.label if task == "classification" else ""
    name = "/".join(filter(None, (label, f"{who.key}-slice-{cut.number:02d}.png")))
    pictures = {f"scans/{name}": cut.image}
    if task == "segmentation" or cut.mask.any():
        pictures[f"masks/{name}"] = cut.mask
    for path, picture in pictures.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(encoded(bordered(picture) if border else picture))
    mask = f"masks/{name}" if f"masks/{name}" in pictures else ""
    return Row(
        path=f"scans/{name}",
        label=label,
        mask_path=mask,
        patient=who.key,
        series=f"{who.key}-1",
        plane=who.plane,
        contrast=who.contrast,
        institution=who.institution,
        source_split=who.source_split,
    )
