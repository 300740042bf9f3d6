"""Every file of a user's folder, once, in a stable order."""

import os
from pathlib import Path

import pytest

from scanvote.datasets.user_data.scan_tree import FileTree, kind_of, list_files, stem
from tests.making import write_dicom, write_image


def names(tree: FileTree) -> list[str]:
    return [file.name for file in tree.files]


def reasons(tree: FileTree) -> dict[str, str]:
    return {one.name: one.reason for one in tree.skipped}


def touched(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def test_files_are_in_natural_order_those_of_a_folder_together(tmp_path: Path) -> None:
    touched(tmp_path, "b/10.png", "b/9.png", "a/1.png", "x.png")
    assert names(list_files(tmp_path)) == ["x.png", "a/1.png", "b/9.png", "b/10.png"]


def test_what_macos_leaves_is_not_even_told_of(tmp_path: Path) -> None:
    touched(tmp_path, "a.png", "._a.png", "__MACOSX/a.png", ".git/config")
    assert names(list_files(tmp_path)) == ["a.png"]
    assert list_files(tmp_path).skipped == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [("x.PNG", "image"), ("x.tiff", "image"), ("x.nii", "nifti"), ("x.NII.GZ", "nifti")],
)
def test_kinds_by_ending_whatever_the_case(tmp_path: Path, name: str, kind: str) -> None:
    touched(tmp_path, name)
    assert kind_of(tmp_path / name) == kind


@pytest.mark.parametrize("name", ["IM0001", "x.dcm", "1.2.840.113619.12345", "x.ima"])
def test_dicom_tells_itself_whatever_the_ending(tmp_path: Path, name: str) -> None:
    assert kind_of(write_dicom(tmp_path / name, None)) == "dicom"


@pytest.mark.parametrize("name", ["notes.txt", "x.gz", "x.mat", "empty"])
def test_other_files_are_left_with_a_reason(tmp_path: Path, name: str) -> None:
    touched(tmp_path, name)
    tree = list_files(tmp_path)
    assert names(tree) == []
    assert reasons(tree) == {name: "no image or volume"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x_mask.GIF", "a GIF, which is not read; save it as PNG"),
        ("x.hdr", "the header of a pair of files (NIfTI or Analyze); save both as one .nii file"),
        ("x.mgz", "a FreeSurfer volume, which is not read; save it as NIfTI, as with mri_convert"),
        ("x.tar.gz", "an archive; unpack it"),
    ],
)
def test_formats_that_are_not_read_name_the_remedy(tmp_path: Path, name: str, reason: str) -> None:
    assert reasons(list_files(touched(tmp_path, name))) == {name: reason}


def test_voxels_beside_their_header_are_no_file_of_their_own(tmp_path: Path) -> None:
    touched(tmp_path, "a.mhd", "a.raw", "b.nhdr", "b.raw.gz", "c.hdr", "c.img", "d.raw")
    tree = list_files(tmp_path)
    assert names(tree) == ["a.mhd", "b.nhdr"]
    assert list(reasons(tree)) == ["c.hdr", "d.raw"]


def test_a_directory_of_dicom_files_is_no_scan(tmp_path: Path) -> None:
    write_dicom(tmp_path / "DICOMDIR", None)
    assert names(list_files(tmp_path)) == []


def test_empty_folders_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    assert list_files(tmp_path).empty == ["a/b"]


def test_links_to_files_and_to_folders_outside_are_followed(tmp_path: Path) -> None:
    outside = touched(tmp_path / "nas", "yes/1.png", "2.png")
    (tmp_path / "own").mkdir()
    (tmp_path / "own/yes").symlink_to(outside / "yes")
    (tmp_path / "own/2.png").symlink_to(outside / "2.png")
    assert names(list_files(tmp_path / "own")) == ["2.png", "yes/1.png"]


@pytest.mark.parametrize("target", [".", "..", "../own/a", "../nas"])
def test_a_link_that_leads_back_is_no_loop(tmp_path: Path, target: str) -> None:
    touched(tmp_path, "own/a/1.png", "nas/x.png")
    (tmp_path / "nas/back").symlink_to(tmp_path / "own")
    (tmp_path / "own/link").symlink_to(target)
    tree = list_files(tmp_path / "own")
    assert names(tree).count("a/1.png") == 1
    assert len(tree.files) == (2 if "nas" in target else 1)
    assert "a link back to a folder read before" in reasons(tree).values()


def test_a_folder_that_two_links_lead_to_is_read_once(tmp_path: Path) -> None:
    touched(tmp_path, "nas/1.png", "own/2.png")
    for name in ("a", "b"):
        (tmp_path / "own" / name).symlink_to(tmp_path / "nas")
    (tmp_path / "nas/deeper").symlink_to(tmp_path / "nas")
    tree = list_files(tmp_path / "own")
    assert names(tree) == ["2.png", "a/1.png"]
    assert set(reasons(tree)) == {"b", "a/deeper"}


def test_broken_and_circular_links_and_pipes_are_left(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "self.png").symlink_to("self.png")
    os.mkfifo(tmp_path / "pipe.png")
    assert reasons(list_files(tmp_path)) == {
        "gone.png": "a link to nothing",
        "self.png": "a link to nothing",
        "pipe.png": "no regular file",
    }


@pytest.mark.parametrize("name", [b"a\nb.png", b"a\xff.png"])
def test_a_name_that_is_no_text_is_left(tmp_path: Path, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    (told,) = list_files(tmp_path).skipped
    assert told.reason == "its name cannot be written as text"
    assert told.name.isascii()


def test_a_folder_that_cannot_be_opened_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched(tmp_path, "a/1.png", "secret/2.png")
    listed = Path.iterdir

    def guarded(path: Path) -> object:
        if path.name == "secret":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", guarded)
    tree = list_files(tmp_path)
    assert names(tree) == ["a/1.png"]
    assert reasons(tree) == {"secret": "a folder that cannot be read: Permission denied"}


def test_stems_are_without_the_whole_ending() -> None:
    assert [stem(name) for name in ("x.nii.gz", "x.1.PNG", "x.dcm", "1.2.3")] == [
        *("x", "x.1", "x", "1.2.3")
    ]


def test_the_same_tree_gives_the_same_list(tmp_path: Path) -> None:
    write_image(tmp_path / "b/1.png")
    write_image(tmp_path / "a/1.png")
    assert list_files(tmp_path) == list_files(tmp_path)
