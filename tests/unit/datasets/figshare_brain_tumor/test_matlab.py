"""One MATLAB file: what is read of it, and what is refused in one line."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from scanvote.core.errors import InputError
from scanvote.datasets.figshare_brain_tumor.matlab import MatFile, read_folds, read_slice
from tests.matlab import codes, cvind, fields, head, lesion, mat


def file(folder: Path, content: bytes, name: str = "7.mat") -> MatFile:
    path = folder / name
    path.write_bytes(content)
    return MatFile(path, f"part.zip/{name}")


def refusal(folder: Path, content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_slice(file(folder, content))
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith("part.zip/7.mat")
    assert str(folder) not in said
    return said


def test_a_slice_is_read_as_matlab_shows_it(tmp_path: Path) -> None:
    found = read_slice(file(tmp_path, mat(fields("MR7260B", 2.0, seed=3))))
    assert (found.pid, found.label) == ("MR7260B", "glioma")
    assert found.image.dtype == np.uint16
    assert np.array_equal(found.image, head(3))
    assert np.array_equal(found.mask, lesion() * 255)


@pytest.mark.parametrize(("label", "said"), [(1, "meningioma"), (2, "glioma"), (3, "pituitary")])
def test_labels_are_the_published_numbers(tmp_path: Path, label: int, said: str) -> None:
    assert read_slice(file(tmp_path, mat(fields(label=label)))).label == said


@pytest.mark.parametrize("shape", [(3, 1), (1, 3)])
def test_the_patient_may_be_a_row_or_a_column(tmp_path: Path, shape: tuple[int, int]) -> None:
    text = codes("A12").reshape(shape)
    assert read_slice(file(tmp_path, mat(fields(PID=text)))).pid == "A12"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": np.array([[4.0]])}, "its label is 4; the set has 1 meningioma, 2 glioma"),
        ({"label": np.array([[np.nan]])}, "its label is nan"),
        ({"label": np.array([[1.0, 2.0]])}, "has 2 values, not one"),
        ({"PID": codes("  ").T}, "PID is empty"),
        ({"PID": np.zeros((1, 0), np.uint16)}, "PID is empty"),
        ({"PID": codes("a\nb").T}, r"PID 'a\nb' is no identifier"),
        ({"PID": np.ones((1, 400), np.uint16)}, "PID is no text"),
        ({"PID": None}, "has no cjdata.PID"),
        ({"label": None}, "has no cjdata.label"),
        ({"image": None}, "has no cjdata.image"),
        ({"tumorMask": None}, "has no cjdata.tumorMask"),
        ({"image": head(0)[:, :, None]}, "its image is 64x64x1, not of two dimensions"),
        ({"image": np.zeros((0, 0), np.int16)}, "its image is 0x0"),
        ({"image": head(0) - np.int16(5)}, "its image has values from -5 to"),
        ({"image": head(0).astype(np.int32) + 70000}, "not 0 to 65535"),
        ({"image": head(0) / 7}, "is of float64, not of whole numbers"),
        ({"image": np.array([[b"text"]])}, "cjdata.image is no array of numbers"),
        ({"tumorMask": np.ones(64, np.uint8)}, "its tumorMask is 64, not of two dimensions"),
    ],
)
def test_what_the_published_set_does_not_have_is_one_line(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    assert said in refusal(tmp_path, mat(fields(**changes)))


def test_an_empty_array_of_matlab_is_empty(tmp_path: Path) -> None:
    place = file(tmp_path, mat(fields(PID=np.array([[0, 0]], np.uint64))))
    with h5py.File(place.path, "r+") as data:
        data["cjdata/PID"].attrs["MATLAB_empty"] = np.uint8(1)
    with pytest.raises(InputError, match="PID is empty"):
        read_slice(place)


def test_another_file_is_one_line(tmp_path: Path) -> None:
    whole = mat(fields())
    assert "has no cjdata" in refusal(tmp_path, mat(fields(), group="other"))
    assert "is damaged or no MATLAB 7.3 file" in refusal(tmp_path, b"")
    assert "is damaged or no MATLAB 7.3 file" in refusal(tmp_path, b"text" * 999)
    assert "is damaged or no MATLAB 7.3 file" in refusal(tmp_path, whole[: len(whole) // 2])


def test_no_array_of_another_file_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(4096))
    (tmp_path / "other.h5").write_bytes(mat(fields()))
    raw = h5py.VirtualLayout((64, 64), np.int16)
    raw[:] = h5py.VirtualSource(tmp_path / "other.h5", "cjdata/image", (64, 64))
    for at in range(3):
        place = file(tmp_path, mat(fields(image=None)))
        with h5py.File(place.path, "r+") as data:
            if at == 0:
                data["cjdata/image"] = h5py.ExternalLink("other.h5", "cjdata/image")
            elif at == 1:
                data.create_dataset("cjdata/image", (8, 8), "u2", external=[(secret, 0, 128)])
            else:
                data.create_virtual_dataset("cjdata/image", raw)
        said = ("has no cjdata.image", "lies in another file", "lies in another file")[at]
        with pytest.raises(InputError, match=said):
            read_slice(place)


def test_an_image_of_absurd_size_is_refused_before_it_is_read(tmp_path: Path) -> None:
    place = file(tmp_path, mat(fields(image=None)))
    with h5py.File(place.path, "r+") as data:
        data.create_dataset("cjdata/image", (2**20, 2**20), "i2", chunks=(64, 64))
    with pytest.raises(InputError, match=r"has 1,099,511,627,776 elements"):
        read_slice(place)


def test_folds_are_read_of_both_versions(tmp_path: Path) -> None:
    folds = [1, 5, 2, 2]
    assert read_folds(file(tmp_path, cvind(folds), "cvind.mat")) == folds
    savemat(tmp_path / "old.mat", {"cvind": np.array(folds)[:, None]})
    assert read_folds(MatFile(tmp_path / "old.mat", "cvind.mat")) == folds


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (cvind([1, 6]), "holds other numbers than 1 to 5"),
        (cvind([1, 1.5]), "holds other numbers than 1 to 5"),
        (mat({"other": np.ones((1, 2))}, group=""), "has no cvind"),
        (b"?" * 999, "is damaged or no MATLAB file"),
        (b"", "is damaged or no MATLAB file"),
    ],
)
def test_a_table_of_folds_that_is_none_is_one_line(
    tmp_path: Path, content: bytes, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        read_folds(file(tmp_path, content, "cvind.mat"))


def test_an_old_table_without_folds_is_one_line(tmp_path: Path) -> None:
    savemat(tmp_path / "cvind.mat", {"other": np.ones((1, 2))})
    with pytest.raises(InputError, match="has no cvind"):
        read_folds(MatFile(tmp_path / "cvind.mat", "cvind.mat"))
