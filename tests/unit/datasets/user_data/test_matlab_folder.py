"""MATLAB files of the figshare set in a folder of the user's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from scanvote.core.errors import InputError
from scanvote.datasets.user_data import read_layout
from scanvote.datasets.user_data.array_files import read_picture
from scanvote.datasets.user_data.layout import DatasetLayout
from scanvote.images.decode import window
from scanvote.params import Params, Task
from tests.matlab import cvind, fields, laid, lesion, mat, slices

Own = Callable[..., Params]


def read(root: Path, own: Own, task: Task = "classification") -> DatasetLayout:
    return read_layout(root, task, own(task, root))


def test_class_and_patient_are_those_of_the_file(tmp_path: Path, own: Own) -> None:
    layout = read(laid(tmp_path, slices()), own)
    assert [(item.name, item.label, item.patient) for item in layout.items] == [
        ("1", "meningioma", "100360"),
        ("2", "pituitary", "112649"),
        ("3", "glioma", "MR7260"),
        ("4", "glioma", "MR7260"),
        ("5", "glioma", "MR7260"),
        ("6", "meningioma", "98"),
    ]
    assert layout.items[0].facts == {"contrast": "t1c"}


def test_image_and_mask_are_in_the_orientation_of_matlab(tmp_path: Path, own: Own) -> None:
    layout = read(laid(tmp_path, slices(2)), own, "segmentation")
    image, mask = read_picture(layout.items[0])
    assert np.array_equal(image, window(np.asarray(fields()["image"], np.uint16)))
    assert mask is not None
    assert np.array_equal(mask, lesion() * 255)
    assert (layout.items[0].label, layout.items[0].facts["kind"]) == ("", "meningioma")


def test_the_folds_of_numbered_files_are_the_published_split(tmp_path: Path, own: Own) -> None:
    files = slices(3)
    root = laid(tmp_path, {f"data/{name}": one for name, one in files.items()})
    laid(root, {"cvind.mat": cvind([2, 1, 5])})
    assert [item.source_split for item in read(root, own).items] == ["fold2", "fold1", "fold5"]
    laid(root, {"cvind.mat": cvind([2, 1])})
    with pytest.raises(InputError, match="has 2 folds, not one for each numbered file"):
        read(root, own)


def test_other_files_are_left_out_with_what_they_hold(tmp_path: Path, own: Own) -> None:
    root = laid(tmp_path, slices(2) | {"x.mat": mat({"a": [1.0], "b": [2.0]}, group="")})
    savemat(root / "old.mat", {"volume": np.zeros((2, 2))})
    (root / "text.mat").write_text("no MATLAB")
    assert {(one.name, one.reason) for one in read(root, own).skipped} == {
        (
            "x.mat",
            "holds a, b, not cjdata as the files of the figshare set; write its images as PNG or"
            " NIfTI",
        ),
        (
            "old.mat",
            "holds volume, not cjdata as the files of the figshare set; write its images as PNG or"
            " NIfTI",
        ),
        ("text.mat", "is damaged or no MATLAB file; fetch it anew"),
    }


def test_no_file_of_the_set_is_one_line(tmp_path: Path, own: Own) -> None:
    savemat(tmp_path / "old.mat", {"volume": np.zeros((2, 2))})
    with pytest.raises(InputError, match=r"can be used: old.mat holds volume, not cjdata"):
        read(tmp_path, own)


def test_one_class_only_is_one_line(tmp_path: Path, own: Own) -> None:
    laid(tmp_path, {"1.mat": mat(fields()), "2.mat": mat(fields(seed=1))})
    with pytest.raises(InputError, match="every file is of the class 'meningioma'"):
        read(tmp_path, own)


def test_beside_images_they_are_what_is_not_read(tmp_path: Path, own: Own) -> None:
    root = laid(tmp_path, {"yes/1.mat": mat(fields()), "yes/1.png": b"", "no/1.png": b""})
    layout = read(root, own)
    assert [item.name for item in layout.items] == ["no/1.png", "yes/1.png"]
    assert [one.name for one in layout.skipped] == ["yes/1.mat"]
