"""Pictures beside the table: one place each, below their folder."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanvote.core.errors import InputError
from scanvote.images.decode import decode_image
from scanvote.predict.pictures import (
    OutputPaths,
    check_apart,
    mask_png,
    overlay_heatmap,
    overlay_png,
    write_picture,
)
from tests.asking import finding

PARTS = st.sampled_from(["a", "B", "b", "..", ".", "x.png", "x.nii.gz", "é", "y" * 250 + ".png"])
NAMES = st.lists(
    st.tuples(st.sampled_from(["", "/", "../", "./"]), st.lists(PARTS, max_size=3)).map(
        lambda pair: pair[0] + "/".join([*pair[1], "scan.png"])
    ),
    min_size=1,
    max_size=8,
)


def placed(folder: Path, *names: str, **values: object) -> list[str]:
    places = OutputPaths(folder, names)
    found = [places.of(finding(name, **values), ".png") for name in names]
    return [path.relative_to(folder).as_posix() for path in found]


@given(NAMES)
def test_every_picture_has_its_own_place_below_the_folder(tmp_path_factory, names: list[str]):
    folder = tmp_path_factory.mktemp("masks", numbered=True)
    places = OutputPaths(folder, names)
    found = [places.of(finding(name), ".png") for name in names]
    assert len({str(path).casefold() for path in found}) == len(names)
    assert all(path.resolve().is_relative_to(folder.resolve()) for path in found)
    assert all(len(path.name.encode()) < 240 for path in found)


def test_the_folders_that_the_scans_lie_in_are_kept(tmp_path: Path):
    assert placed(tmp_path, "data/a/1.png", "data/b/1.jpg") == ["a/1.png", "b/1.png"]
    assert placed(tmp_path, "/somewhere/else/1.dcm") == ["1.png"]
    assert placed(tmp_path, "x/1.png", "/y/1.png") == ["x/1.png", "y/1.png"]


def test_like_names_are_numbered(tmp_path: Path):
    assert placed(tmp_path, "1.png", "1.jpg", "1.PNG") == ["1.png", "1-2.png", "1-3.png"]


def test_slices_are_named_by_plane_and_number(tmp_path: Path):
    assert placed(tmp_path, "v/x.nii.gz", plane="axial", slice=12) == ["x-axial-12.png"]
    assert placed(tmp_path, "v/x.nii.gz", slice=0) == ["x-0.png"]


def test_a_mask_is_as_large_as_the_scan_and_black_and_white(tmp_path: Path):
    mask = np.zeros((7, 11), bool)
    mask[2:4, 3:9] = True
    write_picture(mask_png(mask), tmp_path / "a" / "mask.png")
    image = cv2.imread(str(tmp_path / "a" / "mask.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(image, mask * np.uint8(255))


def test_an_overlay_shows_the_scan_where_nothing_is_to_be_seen(tmp_path: Path):
    image = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    heat = np.zeros((9, 12), np.uint8)
    heat[4, 5] = 255
    write_picture(overlay_png(image, heat), tmp_path / "seen.png")
    shown = decode_image(tmp_path / "seen.png")
    apart = (shown != image).any(axis=2)
    assert apart[4, 5]
    assert apart.sum() == 1
    assert np.array_equal(shown, overlay_heatmap(image, heat))


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be a folder"):
        OutputPaths(tmp_path / "file", ["a.png"])


@pytest.mark.parametrize(
    ("folder", "read"), [("scans", "scans"), ("scans", "scans/a.png"), ("scans/masks", "scans")]
)
def test_pictures_are_not_written_among_the_scans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, read: str
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"--masks: {folder} and {read}, which is read"):
        check_apart(Path(folder), "--masks", [Path("elsewhere"), Path(read)])
    check_apart(Path("masks"), "--masks", [Path("scans")])
