"""The phantom as a data set: files, tables, and that it can be made again."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from scanvote.datasets.phantom.data_set import PHANTOM, scans
from scanvote.datasets.phantom.generating import generate
from scanvote.datasets.phantom.patients import (
    CONTRASTS,
    LABELS,
    PLANES,
    SITES,
    SPLITS,
    patient,
)
from scanvote.datasets.phantom.truth import Row, read_planted, read_truth
from scanvote.params import PhantomParams, PhantomTask

SIZE = 64


def small(patients: int, slices: int) -> PhantomParams:
    task = PhantomTask(patients=patients, slices=slices)
    return PhantomParams(image_size=SIZE, classification=task, segmentation=task)


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def grey(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


@pytest.fixture(scope="module")
def classified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classification")
    generate(folder, small(24, 2), "classification", 2021)
    return folder


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("segmentation")
    generate(folder, small(10, 8), "segmentation", 2021)
    return folder


def own(folder: Path) -> list[Row]:
    """The patients' scans, without the planted copies."""
    return [row for row in read_truth(folder) if row.series]


@pytest.mark.parametrize("task", PHANTOM.tasks)
def test_same_arguments_same_bytes(task, tmp_path):
    for name in ("once", "again"):
        generate(tmp_path / name, small(4, 2), task, 7)
    assert digests(tmp_path / "once") == digests(tmp_path / "again")


def test_another_seed_gives_other_pictures(tmp_path):
    for seed in (7, 8):
        generate(tmp_path / str(seed), small(4, 1), "segmentation", seed)
    name = "scans/patient-000-slice-00.png"
    assert digests(tmp_path / "7")[name] != digests(tmp_path / "8")[name]


@pytest.mark.parametrize("task", PHANTOM.tasks)
def test_patients_do_not_depend_on_their_number(task, tmp_path):
    for patients in (4, 6):
        generate(tmp_path / str(patients), small(patients, 2), task, 7)
    few, many = (digests(tmp_path / str(patients)) for patients in (4, 6))
    kept = {path: digest for path, digest in few.items() if "patient-" in path}
    assert kept
    assert kept.items() <= many.items()


def test_every_label_plane_and_contrast_meet(classified):
    rows = own(classified)
    met = {(row.label, row.plane, row.contrast) for row in rows}
    assert met == {(a, b, c) for a in LABELS for b in PLANES for c in CONTRASTS}
    counts = [sum(row.label == label for row in rows) for label in LABELS]
    assert max(counts) == min(counts)


def test_classification_has_masks_of_lesions_only(classified):
    for row in own(classified):
        assert bool(row.mask_path) == (row.label != "no_tumor"), row.path
        if row.mask_path:
            mask, scan = grey(classified / row.mask_path), grey(classified / row.path)
            assert mask.shape == scan.shape
            assert np.isin(mask, (0, 255)).all()
            # within the head: air is nearly black even under the coil's bright side
            assert scan[mask > 0].mean() > 20


def test_pituitary_lesions_lie_at_the_sella(classified):
    for row in own(classified):
        if row.label == "pituitary" and row.plane != "sagittal" and "-slice-00" in row.path:
            mask = grey(classified / row.mask_path)
            middle = np.argwhere(mask).mean(0)[1] / mask.shape[1]
            assert abs(middle - 0.5) < 0.12, row.path


def test_segmentation_has_a_mask_for_every_scan_a_third_empty(segmented):
    rows = own(segmented)
    assert all(row.mask_path and not row.label for row in rows)
    assert {(row.plane, row.contrast) for row in rows} == {("axial", "flair")}
    empty = [not grey(segmented / row.mask_path).any() for row in rows]
    assert 0.2 < np.mean(empty) < 0.5


def test_lesion_is_bright_in_flair(segmented):
    for row in own(segmented):
        scan, mask = (grey(segmented / path) for path in (row.path, row.mask_path))
        if (mask > 0).sum() > 20:
            assert scan[mask > 0].mean() > 1.2 * scan[(mask == 0) & (scan > 30)].mean(), row.path


def test_scans_come_in_the_order_of_the_table(classified):
    listed = list(scans(classified, "classification"))
    assert [scan.path for scan in listed] == [row.path for row in read_truth(classified)]
    assert listed == list(PHANTOM.scans(classified, "classification"))
    assert len({scan.path for scan in listed}) == len(listed)
    assert {scan.label for scan in listed} == set(LABELS)


def test_facts_of_a_scan_are_those_of_the_table(classified):
    rows = read_truth(classified)
    for scan, row in zip(scans(classified, "classification"), rows, strict=True):
        assert scan.source_split == row.source_split
        assert scan.facts.get("institution", "") == row.institution
        assert (scan.facts["plane"], scan.facts["contrast"]) == (row.plane, row.contrast)


@pytest.mark.parametrize("task", PHANTOM.tasks)
def test_one_patient_in_five_is_of_the_published_test_part(task):
    parts = [patient(index, task).source_split for index in range(100)]
    assert parts.count("Testing") == 20
    assert set(parts) == set(SPLITS)


def test_every_label_is_of_every_site_and_in_both_parts():
    people = [patient(index, "classification") for index in range(80)]
    met = {(one.label, one.institution, one.source_split) for one in people}
    assert met == {(a, b, c) for a in LABELS for b in SITES for c in SPLITS}


def test_a_patient_is_of_one_site_and_one_part(classified):
    keys = {(row.patient, row.institution, row.source_split) for row in own(classified)}
    assert len(keys) == len({row.patient for row in own(classified)}) == 24


def test_planted_scans_lie_on_either_published_side(segmented, classified):
    for folder in (segmented, classified):
        rows = {row.path: row for row in read_truth(folder)}
        across = [
            rows[fault.path].source_split != rows[fault.original].source_split
            for fault in read_planted(folder)
            if fault.path != fault.original
        ]
        assert 0 < sum(across) < len(across)
        assert {row.institution for row in rows.values() if not row.series} == {""}


def test_progress_counts_patients(tmp_path):
    told: list[tuple[int, int]] = []
    generate(
        tmp_path,
        small(4, 1),
        "segmentation",
        7,
        lambda done, total, note="": told.append((done, total)),
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
