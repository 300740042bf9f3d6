"""Write a phantom: an image per slice, tables and planted errors."""

from functools import partial
from pathlib import Path

import numpy as np

from scanvote.core.parallel import processes_for, results
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

    The same arguments give the same bytes; a patient's files do not depend on the number of
    patients.

    Args:
        folder: output folder; created if missing.
        params: pixels per side, and for `task` the numbers of patients and of slices per patient.
        task: for ``segmentation`` all scans are axial FLAIR slices of gliomas, each with a mask
            (0 or 255, oedema included); for ``classification`` the four labels, with masks
            of the tumours.
        seed: seed from which all randomness is derived.
        progress: called after each patient with the patients done and the total.
    """
    counts: PhantomTask = getattr(params, task)
    rows: list[Row] = []
    write = partial(_write_patient, folder, task, counts.slices, params.image_size, seed)
    processes = processes_for(counts.patients)
    for patient_rows in results(write, range(counts.patients), processes, chunk=8):
        rows += patient_rows
        progress(len(rows) // counts.slices, counts.patients)
    errors = [
        PlantedError(row.path, "black_border", row.path)
        for number, row in enumerate(rows)
        if has_border(number)
    ]
    bordered_paths = {error.path for error in errors}
    unbordered = [row for row in rows if row.path not in bordered_paths]
    rng = np.random.default_rng([seed, TASK_SEED[task], counts.patients, counts.slices, 2**31])
    for row, error in inject_errors(folder, task, unbordered, rng):
        rows.append(row)
        errors.append(error)
    write_table(folder / TRUTH, Row, rows)
    write_table(folder / PLANTED, PlantedError, errors)


def _write_patient(
    folder: Path, task: Task, count: int, size: int, seed: int, index: int
) -> list[Row]:
    slices = series(index, task, count, size, seed)
    numbers = range(index * count, (index + 1) * count)
    return [
        _write(folder, task, one, has_border(number))
        for number, one in zip(numbers, slices, strict=True)
    ]


def _write(folder: Path, task: Task, scan: PhantomSlice, border: bool) -> Row:
    patient = scan.patient
    label = patient.label if task == "classification" else ""
    name = "/".join(filter(None, (label, f"{patient.key}-slice-{scan.number:02d}.png")))
    pictures = {f"scans/{name}": scan.image}
    if task == "segmentation" or scan.mask.any():
        pictures[f"masks/{name}"] = scan.mask
    for path, picture in pictures.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(encoded(bordered(picture) if border else picture))
    mask = f"masks/{name}" if f"masks/{name}" in pictures else ""
    return Row(
        path=f"scans/{name}",
        label=label,
        mask_path=mask,
        patient=patient.key,
        series=f"{patient.key}-1",
        plane=patient.plane,
        contrast=patient.contrast,
        institution=patient.institution,
        source_split=patient.source_split,
    )
