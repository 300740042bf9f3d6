"""What is planted is true, complete, and found by the rule for duplicates."""

from collections import Counter
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from scanvote.datasets.phantom.generating import generate
from scanvote.datasets.phantom.planted_errors import bordered, has_border
from scanvote.datasets.phantom.truth import PlantedError, Row, read_planted, read_truth
from scanvote.params import PhantomParams, PhantomTask


@pytest.fixture(scope="module", params=[("classification", 64), ("segmentation", 96)], ids=str)
def folder(request, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("planted") / request.param[0]
    task = PhantomTask(patients=26, slices=4)
    params = PhantomParams(image_size=request.param[1], classification=task, segmentation=task)
    generate(made, params, request.param[0], 2021)
    return made


def rows(folder: Path) -> dict[str, Row]:
    return {row.path: row for row in read_truth(folder)}


def of_kind(folder: Path, *kinds: str) -> list[PlantedError]:
    return [fault for fault in read_planted(folder) if fault.kind in kinds]


def thumbnail(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    return cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA).ravel().astype(float)


def test_kinds_and_counts(folder):
    counts = Counter(fault.kind for fault in read_planted(folder))
    # 104 scans: two of a kind, and the 3rd, 53rd and 103rd framed
    wanted = {"byte_copy": 2, "reencoded": 2, "resized": 2, "brighter": 2, "rotated": 2}
    wanted |= {"cropped": 2, "corrupt": 1, "black_border": 3}
    if folder.name == "classification":
        wanted["relabelled"] = 2
    assert counts == wanted


def test_every_fault_and_its_original_are_listed(folder):
    truth = rows(folder)
    on_disk = {str(p.relative_to(folder)) for p in folder.glob("scans/**/*") if p.is_file()}
    assert on_disk == set(truth)
    for fault in read_planted(folder):
        copy, original = truth[fault.path], truth[fault.original]
        if fault.kind == "black_border":
            assert copy is original
        else:
            assert not copy.patient
            assert not copy.series
            assert (copy.label != original.label) == (fault.kind == "relabelled")
            assert bool(copy.mask_path) == bool(original.mask_path)
    planted = {fault.path for fault in read_planted(folder)}
    assert {path for path, row in truth.items() if not row.series} <= planted


def test_byte_copies_are_identical(folder):
    for fault in of_kind(folder, "byte_copy", "relabelled"):
        assert (folder / fault.path).read_bytes() == (folder / fault.original).read_bytes()


def test_only_the_corrupt_file_cannot_be_decoded(folder):
    corrupt = {fault.path for fault in of_kind(folder, "corrupt")}
    for path in rows(folder):
        assert (cv2.imread(str(folder / path)) is None) == (path in corrupt), path


def test_resized_copies_have_another_size_and_a_fitting_mask(folder):
    for fault in of_kind(folder, "resized"):
        copy, original = (cv2.imread(str(folder / p)) for p in (fault.path, fault.original))
        assert copy.shape != original.shape
        if mask := rows(folder)[fault.path].mask_path:
            assert cv2.imread(str(folder / mask)).shape == copy.shape


@pytest.mark.parametrize("kind", ["brighter", "rotated", "cropped"])
def test_changed_copies_are_other_pictures_with_a_fitting_mask(folder, kind):
    for fault in of_kind(folder, kind):
        copy, original = (cv2.imread(str(folder / p)) for p in (fault.path, fault.original))
        assert copy.shape != original.shape or (copy != original).any()
        if mask := rows(folder)[fault.path].mask_path:
            assert cv2.imread(str(folder / mask)).shape == copy.shape


def test_masks_move_with_the_picture(folder):
    # the tumour is brighter than what surrounds it, in the copy as in the original
    for fault in of_kind(folder, "rotated", "cropped"):
        mask = rows(folder)[fault.path].mask_path
        if not mask or not rows(folder)[fault.original].mask_path:
            continue
        whole = [rows(folder)[path] for path in (fault.path, fault.original)]
        inside = [
            cv2.imread(str(folder / row.path), cv2.IMREAD_GRAYSCALE)[
                cv2.imread(str(folder / row.mask_path), cv2.IMREAD_GRAYSCALE) > 127
            ]
            for row in whole
        ]
        if all(len(pixels) > 30 for pixels in inside):
            assert inside[0].mean() == pytest.approx(inside[1].mean(), rel=0.05)


def test_a_brighter_copy_is_brighter_everywhere(folder):
    for fault in of_kind(folder, "brighter"):
        copy, original = (
            cv2.imread(str(folder / p), cv2.IMREAD_GRAYSCALE).astype(int)
            for p in (fault.path, fault.original)
        )
        assert ((copy > original) | (copy == 255)).all()


def test_a_cropped_copy_is_a_part_of_its_original(folder):
    for fault in of_kind(folder, "cropped"):
        copy, original = (
            cv2.imread(str(folder / p), cv2.IMREAD_GRAYSCALE) for p in (fault.path, fault.original)
        )
        top, left = ((o - c) // 2 for o, c in zip(original.shape, copy.shape, strict=True))
        assert min(top, left) > 0
        np.testing.assert_array_equal(original[top:-top, left:-left], copy)


def test_borders_are_black_and_wide(folder):
    for fault in of_kind(folder, "black_border"):
        picture = cv2.imread(str(folder / fault.path), cv2.IMREAD_GRAYSCALE)
        assert picture.shape[1] > picture.shape[0] > 64
        assert not picture[:, :20].any()
        assert not picture[:8].any()


def test_copies_are_like_their_originals_and_nothing_else_is(folder):
    corrupt = {fault.path for fault in of_kind(folder, "corrupt")}
    truth = [row for path, row in rows(folder).items() if path not in corrupt]
    alike = np.corrcoef([thumbnail(folder / row.path) for row in truth])
    place = {row.path: number for number, row in enumerate(truth)}
    for fault in of_kind(folder, "byte_copy", "reencoded", "resized", "relabelled", "brighter"):
        assert alike[place[fault.path], place[fault.original]] >= 0.98
        hashes = [imagehash.phash(Image.open(folder / p)) for p in (fault.path, fault.original)]
        assert hashes[0] - hashes[1] <= 10
    # known patients only: a copy is meant to be like its original
    known = [number for number, row in enumerate(truth) if row.series]
    patients = np.array([truth[number].patient for number in known])
    others = patients[:, None] != patients[None]
    assert alike[np.ix_(known, known)][others].max() < 0.98


def test_border_of_a_scan_is_known_from_its_number():
    assert [number for number in range(110) if has_border(number)] == [2, 52, 102]
    assert bordered(np.full((32, 32), 255, np.uint8)).shape == (40, 52)
