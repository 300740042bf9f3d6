"""What can be wrong with data of one's own: each is one line that names it, nothing is left."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.params import Params, Task
from scanvote.pipeline.download.stage import download
from tests.making import (
    picture,
    write_dicom,
    write_image,
    write_mask,
    write_nifti,
    write_nifti_mask,
    write_series,
)

CLASSES: Task = "classification"
MASKS: Task = "segmentation"


def two_classes(root: Path) -> Path:
    for seed in range(4):
        write_image(root / ("yes" if seed % 2 else "no") / f"{seed}.png", seed)
    return root


def with_masks(root: Path) -> Path:
    for seed in range(4):
        write_image(root / f"{seed}.png", seed)
        write_mask(root / f"{seed}_mask.png")
    return root


def listed(root: Path, *rows: str) -> Path:
    two_classes(root)
    (root / "list.csv").write_text("\n".join(rows))
    return root / "list.csv"


def missing(root: Path) -> Path:
    return root / "nowhere"


def empty(root: Path) -> Path:
    root.mkdir()
    return root


def without_images(root: Path) -> Path:
    root.mkdir()
    (root / "notes.txt").write_text("none")
    return root


def one_class(root: Path) -> Path:
    write_image(root / "yes/1.png")
    return root


def empty_class(root: Path) -> Path:
    (two_classes(root) / "maybe").mkdir()
    return root


def only_unreadable_of_a_class(root: Path) -> Path:
    for path in two_classes(root).glob("no/*"):
        path.write_bytes(path.read_bytes()[:40])
    return root


def no_masks(root: Path) -> Path:
    return two_classes(root)


def mask_without_image(root: Path) -> Path:
    (with_masks(root) / "2.png").unlink()
    return root


def two_masks(root: Path) -> Path:
    write_mask(with_masks(root) / "2_seg.png")
    return root


def masks_of_another_size(root: Path) -> Path:
    for path in with_masks(root).glob("*_mask.png"):
        write_mask(path, side=20)
    return root


def empty_masks(root: Path) -> Path:
    for path in with_masks(root).glob("*_mask.png"):
        write_mask(path, empty=True)
    return root


def no_column_of_paths(root: Path) -> Path:
    return listed(root, "where,label", "yes/1.png,yes")


def row_of_no_file(root: Path) -> Path:
    return listed(root, "path,label", "yes/1.png,yes", "yes/10.png,yes")


def row_twice(root: Path) -> Path:
    return listed(root, "path,label", "yes/1.png,yes", "yes/1.png,no")


def row_without_label(root: Path) -> Path:
    return listed(root, "path,label", "yes/1.png,yes", "no/0.png,")


def latin_table(root: Path) -> Path:
    listed(root).write_bytes("path,label\nyes/1.png,é".encode("latin-1"))
    return root / "list.csv"


def empty_table(root: Path) -> Path:
    return listed(root)


def zipped(root: Path) -> Path:
    root.mkdir()
    with zipfile.ZipFile(root / "own.zip", "w") as archive:
        archive.writestr("yes/1.png", b"")
    return root / "own.zip"


def text_file(root: Path) -> Path:
    without_images(root)
    return root / "notes.txt"


def names_that_differ_in_case(root: Path) -> Path:
    write_image(two_classes(root) / "yes/X.png")
    write_image(root / "yes/x.png")
    return root


def volumes_that_differ_in_ending(root: Path) -> Path:
    write_nifti(two_classes(root) / "yes/x.nii")
    write_nifti(root / "yes/x.nii.gz")
    return root


def truncated_volume(root: Path) -> Path:
    path = write_nifti(root / "yes/x.nii")
    path.write_bytes(path.read_bytes()[:900])
    write_nifti(root / "no/y.nii")
    return root


def volume_with_a_mask_of_another_shape(root: Path) -> Path:
    write_nifti(root / "x.nii")
    write_nifti_mask(root / "x_seg.nii", (24, 24, 9))
    return root


def dicom_without_pixels(root: Path) -> Path:
    write_dicom(root / "yes/1.dcm", None)
    write_series(root / "no")
    return root


def series_of_several_sizes(root: Path) -> Path:
    write_series(root / "no", 1)
    write_series(root / "yes", 2)
    path = sorted((root / "yes").iterdir())[3]
    values = {"SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.3.1", "InstanceNumber": 4}
    pixels = picture(0, 30).astype(np.uint16)
    write_dicom(path, pixels, PatientID="P-1", ImagePositionPatient=[0.0, 0.0, 15.0], **values)
    return root


def dose_alone(root: Path) -> Path:
    write_dicom(root / "yes/1.dcm", picture(0, 30).astype(np.uint16), Modality="RTDOSE")
    write_series(root / "no")
    return root


def no_dicom_in_spite_of_its_name(root: Path) -> Path:
    write_series(root / "no")
    (root / "yes").mkdir()
    (root / "yes/1.dcm").write_text("none")
    return root


def loop_of_links(root: Path) -> Path:
    (empty(root) / "yes").symlink_to(root)
    return root


def without_permission(root: Path) -> Path:
    for path in two_classes(root).glob("yes/*"):
        path.unlink()
        path.symlink_to("/proc/self/mem")  # which nobody reads, not even root
    return root


BROKEN: list[tuple[Callable[[Path], Path], Task, str]] = [
    (missing, CLASSES, "own/nowhere does not exist"),
    (empty, CLASSES, "own holds no image or volume"),
    (without_images, CLASSES, "own holds no image.*not read: notes.txt"),
    (one_class, CLASSES, "classification needs them"),
    (empty_class, CLASSES, "own/maybe holds no scan; fill the class, or remove"),
    (only_unreadable_of_a_class, CLASSES, "no scan of the class 'no' can be used .*no/0.png"),
    (no_masks, MASKS, "own has no masks; segmentation needs x_mask.png"),
    (mask_without_image, MASKS, "no image goes with 2_mask.png; add the images"),
    (two_masks, MASKS, "2.png has several masks .2_mask.png, 2_seg.png.; join them"),
    (masks_of_another_size, MASKS, "no scan can be used .*0.png: mask_size, mask is 20x20"),
    (empty_masks, MASKS, "all 4 masks are empty .*correct the masks"),
    (no_column_of_paths, CLASSES, "list.csv has no column of the path"),
    (row_of_no_file, CLASSES, "list.csv, line 3: yes/10.png does not exist"),
    (row_twice, CLASSES, "list.csv, line 3 lists the scan of line 2 again; keep one"),
    (row_without_label, CLASSES, "list.csv, line 3: the label is empty; fill it"),
    (latin_table, CLASSES, "list.csv is not UTF-8; save it as CSV UTF-8"),
    (empty_table, CLASSES, "list.csv is empty; it needs a header"),
    (zipped, CLASSES, "own.zip is an archive; unpack it and name the folder"),
    (text_file, CLASSES, "notes.txt is neither a folder nor a table"),
    (names_that_differ_in_case, CLASSES, "yes/X.png and yes/x.png would get one name"),
    (volumes_that_differ_in_ending, CLASSES, "yes/x.nii and yes/x.nii.gz would get one name"),
    (truncated_volume, CLASSES, "own: nothing of the class 'yes' can be read .*x.nii"),
    (volume_with_a_mask_of_another_shape, MASKS, "own: nothing can be read .*x"),
    (dicom_without_pixels, CLASSES, "own has no two folders of classes.*DICOM without pixels"),
    (dose_alone, CLASSES, "own has no two folders of classes.*1.dcm, a radiotherapy dose"),
    (no_dicom_in_spite_of_its_name, CLASSES, "own has no two .*1.dcm, called DICOM, but holds no"),
    (loop_of_links, CLASSES, "own holds no image.*yes, a link back"),
    (without_permission, CLASSES, "nothing of the class 'yes' can be read .*1.png cannot be read"),
]


def refusal(task: Task, params: Params, out: Path) -> str:
    with pytest.raises(InputError) as caught:
        download(task, params, out)
    assert "\n" not in str(caught.value)
    assert not out.exists()
    assert not list(out.parent.glob(".*")) if out.parent.exists() else True
    return str(caught.value)


@pytest.mark.parametrize(
    ("make", "task", "said"), BROKEN, ids=[make.__name__ for make, _, _ in BROKEN]
)
def test_what_is_broken_is_one_line(
    tmp_path: Path,
    own: Callable[..., Params],
    make: Callable[[Path], Path],
    task: Task,
    said: str,
) -> None:
    params = own(task, make(tmp_path / "own"))
    text = refusal(task, params, tmp_path / "out/raw")
    assert re.search(said, text), text


def test_a_label_that_no_scan_has_is_one_line(tmp_path: Path, own: Callable[..., Params]) -> None:
    values = own(CLASSES, two_classes(tmp_path / "own")).model_dump()
    values["classification"]["labels"] = {"yess": "tumour"}
    text = refusal(CLASSES, Params.model_validate(values), tmp_path / "out/raw")
    assert "'yess'; did you mean 'yes'?" in text


def test_one_set_named_twice_is_one_line(tmp_path: Path, own: Callable[..., Params]) -> None:
    path = two_classes(tmp_path / "own")
    text = refusal(CLASSES, own(CLASSES, path, "own"), tmp_path / "out/raw")
    assert "two sets are called 'own'" in text


def test_a_folder_called_like_a_known_set_is_told_from_it(
    tmp_path: Path, own: Callable[..., Params]
) -> None:
    path = two_classes(tmp_path / "phantom")
    assert download(CLASSES, own(CLASSES, path), tmp_path / "raw")["scans"] == 4
    assert (tmp_path / "raw/phantom_own").is_dir()


def test_a_folder_that_holds_the_output_is_one_line(
    tmp_path: Path, own: Callable[..., Params]
) -> None:
    two_classes(tmp_path)
    text = refusal(CLASSES, own(CLASSES, tmp_path), tmp_path / "out/raw")
    assert "name a folder of your data alone" in text


def test_a_truncated_image_is_left_out_and_listed(
    tmp_path: Path, own: Callable[..., Params]
) -> None:
    path = two_classes(tmp_path / "own") / "yes/1.png"
    path.write_bytes(path.read_bytes()[:200])
    metrics = download(CLASSES, own(CLASSES, tmp_path / "own"), tmp_path / "raw")
    assert (metrics["scans"], metrics["excluded"]) == (3, 1)
    assert "own/yes/1.png" in (tmp_path / "raw/integrity.csv").read_text()


def test_a_slice_of_another_size_is_left_out_and_listed(
    tmp_path: Path, own: Callable[..., Params]
) -> None:
    params = own(CLASSES, series_of_several_sizes(tmp_path / "own"))
    assert download(CLASSES, params, tmp_path / "raw")["scans"] > 0
    ignored = (tmp_path / "raw/own/ignored.csv").read_text()
    assert 'yes/IM1003.dcm,"30x30 pixels, where its series has 24x24"' in ignored


def test_a_loop_of_links_beside_images_is_told_of(
    tmp_path: Path, own: Callable[..., Params]
) -> None:
    (two_classes(tmp_path / "own") / "yes/again").symlink_to("..")
    assert download(CLASSES, own(CLASSES, tmp_path / "own"), tmp_path / "raw")["scans"] == 4
    assert "yes/again" in (tmp_path / "raw/own/ignored.csv").read_text()
