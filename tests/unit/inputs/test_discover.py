"""Files and folders that are named in the shell, and what is read of them."""

import os
from pathlib import Path

import numpy as np
import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.layout import SkippedFile
from scanvote.inputs import (
    DiscoveredInput,
    Limits,
    RejectedFile,
    discover_inputs,
    read_content,
    read_discovered,
)
from scanvote.params import VolumesParams
from tests.making import write_dicom, write_image, write_nifti, write_series

VOLUMES = VolumesParams(planes=["axial"], slices=3, span=[0.25, 0.75], window=None)


def names(root: Path, *paths: Path) -> list[str]:
    return [str(Path(one.name).relative_to(root)) for one in discover_inputs(paths or (root,))]


def refused(path: Path, limits: Limits = Limits()) -> RejectedFile:
    (one,) = discover_inputs([path])
    with pytest.raises(RejectedFile) as caught:
        read_discovered(one, limits, VOLUMES)
    return caught.value


def test_a_folder_is_walked_in_natural_order_and_its_series_are_one_each(tmp_path: Path) -> None:
    write_image(tmp_path / "b/10.png")
    write_image(tmp_path / "b/9.png")
    write_nifti(tmp_path / "a/v.nii.gz")
    write_series(tmp_path / "a/one", number=1)
    write_series(tmp_path / "a/one", number=2)
    found = ["a/v.nii.gz", "a/one/IM1000.dcm", "a/one/IM2000.dcm", "b/9.png", "b/10.png"]
    assert names(tmp_path) == found
    assert [len(one.paths) for one in discover_inputs([tmp_path])] == [1, 12, 12, 1, 1]


def test_a_file_that_is_named_is_looked_at_by_itself_whatever_its_ending(tmp_path: Path) -> None:
    write_series(tmp_path)
    (tmp_path / "README.txt").write_text("no scan")
    paths = [tmp_path / "README.txt", tmp_path / "IM1003.dcm", tmp_path / "IM1000.dcm"]
    assert list(discover_inputs(paths)) == [DiscoveredInput(str(path), (path,)) for path in paths]
    (scan,) = read_discovered(DiscoveredInput("x", (paths[1],)), Limits(), VOLUMES)
    assert scan.file == "x"
    assert refused(paths[0]).status == 415


def test_what_a_folder_holds_besides_is_told_on_the_side(tmp_path: Path) -> None:
    write_image(tmp_path / "x.png")
    (tmp_path / "README.txt").write_text("no scan")
    (tmp_path / ".DS_Store").write_text("nothing")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "to_nothing.png").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.png")
    write_image(tmp_path / "a\nb.png")
    write_dicom(tmp_path / "report.dcm", None)
    left: list[SkippedFile] = []
    assert [Path(one.name).name for one in discover_inputs([tmp_path], left)] == ["x.png"]
    assert {one.name: one.reason for one in left} == {
        "README.txt": "no image or volume",
        "loop": "a link back to a folder read before",
        "to_nothing.png": "a link to nothing",
        "pipe.png": "no regular file",
        r"'a\nb.png'": "its name cannot be written as text",
        "report.dcm": "DICOM without pixels",
    }


def test_a_path_that_is_not_there_is_told_before_anything_is_done(tmp_path: Path) -> None:
    write_image(tmp_path / "x.png")
    with pytest.raises(InputError, match=r"nothing\.png does not exist; name a file or a folder"):
        discover_inputs([tmp_path / "x.png", tmp_path / "nothing.png"])
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    with pytest.raises(InputError, match="ring does not exist"):
        discover_inputs([tmp_path / "ring"])


def test_what_is_read_of_a_path_is_what_its_content_gives(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", deep=True)
    write_nifti(tmp_path / "b.nii.gz")
    write_nifti(tmp_path / "c.nii")
    for one in discover_inputs([tmp_path]):
        scans = read_discovered(one, Limits(), VOLUMES)
        content = one.paths[0].read_bytes()
        for scan, other in zip(
            scans, read_content(content, one.name, Limits(), VOLUMES), strict=True
        ):
            np.testing.assert_array_equal(scan.image, other.image)
            assert scan.file == other.file == one.name
            assert (scan.plane, scan.slice, scan.notes) == (other.plane, other.slice, other.notes)


def test_a_series_is_a_volume_and_a_slice_of_another_size_names_its_file(tmp_path: Path) -> None:
    write_series(tmp_path / "one")
    (one,) = discover_inputs([tmp_path])
    assert [scan.slice for scan in read_discovered(one, Limits(), VOLUMES)] == [4, 6, 7]
    with pytest.raises(RejectedFile, match="allowed are") as caught:
        read_discovered(one, Limits(pixels=24 * 24 * 12 // 4 - 1), VOLUMES)
    assert caught.value.status == 413
    (tmp_path / "one/IM1004.dcm").write_bytes(b"\0" * 128 + b"DICM")
    with pytest.raises(RejectedFile, match=r"IM1004\.dcm is a DICOM file without pixels"):
        read_discovered(one, Limits(), VOLUMES)


def test_a_file_that_is_too_large_is_not_even_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.png"
    with path.open("wb") as file:
        file.truncate(2**40)
    monkeypatch.setattr(Path, "open", None)
    assert refused(path).status == 413


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_a_file_that_is_no_scan_is_refused_by_its_path(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    assert str(refused(tmp_path / "x.png")).startswith(f"{tmp_path}/x.png is ")


def test_what_is_no_file_or_is_gone_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert str(refused(tmp_path / "pipe")).endswith("pipe is no regular file")
    gone = DiscoveredInput("gone", (tmp_path / "gone",))
    with pytest.raises(RejectedFile, match="gone cannot be read: No such file"):
        read_discovered(gone, Limits(), VOLUMES)


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_a_volume_of_itk_that_is_named_is_read_like_nifti(tmp_path: Path, ending: str) -> None:
    import SimpleITK

    write_nifti(tmp_path / "v.nii")
    image = SimpleITK.ReadImage(str(tmp_path / "v.nii"))
    SimpleITK.WriteImage(image, str(tmp_path / f"v.{ending}"))
    (one,) = discover_inputs([tmp_path / f"v.{ending}"])
    (other,) = discover_inputs([tmp_path / "v.nii"])
    scans = read_discovered(one, Limits(), VOLUMES)
    for scan, truth in zip(scans, read_discovered(other, Limits(), VOLUMES), strict=True):
        np.testing.assert_array_equal(scan.image, truth.image)
        assert (scan.plane, scan.slice, scan.spacing) == (truth.plane, truth.slice, truth.spacing)
    assert refused(tmp_path / f"v.{ending}", Limits(pixels=1000)).status == 413
