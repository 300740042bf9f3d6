"""Which file is the mask of which."""

from pathlib import Path

import pytest

from scanvote.datasets.user_data.pairs import pair
from scanvote.datasets.user_data.scan_tree import FoundFile, kind_of


def paired(*names: str) -> tuple[dict[str, list[str]], list[str]]:
    """Masks by image, and the orphans."""
    files = []
    for name in names:
        kind = kind_of(Path(name))
        assert kind is not None
        files.append(FoundFile(Path(name), name, kind))
    found = pair(files)
    masks = {image: [mask.name for mask in masks] for image, masks in found.masks.items()}
    assert found.used == {mask for several in masks.values() for mask in several}
    return masks, [file.name for file in found.orphans]


@pytest.mark.parametrize(
    "suffix", ["_mask", "_seg", "-mask", "_label", "_gt", "_annotation", "_MASK", " mask", ".seg"]
)
def test_a_suffix_tells_a_mask_whatever_its_ending(suffix: str) -> None:
    assert paired("a/x.jpg", f"a/x{suffix}.png") == ({"a/x.jpg": [f"a/x{suffix}.png"]}, [])


@pytest.mark.parametrize(
    ("images", "mask"),
    [
        (["P1/image.nii.gz"], "P1/mask.nii.gz"),
        (["P1/t1.nii.gz", "P1/flair.nii.gz"], "P1/seg.nii.gz"),
        (["P1/MRHead.nrrd"], "P1/Segmentation.seg.nrrd"),
        (["P1/image.png"], "P1/mask.png"),
    ],
)
def test_a_mask_by_its_whole_name_is_that_of_its_folder(images: list[str], mask: str) -> None:
    assert paired(*images, mask, "P2/other.nii.gz")[0] == {one: [mask] for one in images}


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("x.nrrd", "x-segmentation.seg.nrrd"),
        ("x.nii.gz", "x_mask.seg.nrrd"),
        ("x.nrrd", "x-label.nrrd"),
        ("x.ome.tif", "x_mask.ome.tiff"),
        ("x.png", "x_mask.ome.tif"),
    ],
)
def test_endings_of_programs_are_no_part_of_a_name(image: str, mask: str) -> None:
    assert paired(image, mask) == ({image: [mask]}, [])


@pytest.mark.parametrize(
    "name", ["xmask.png", "mask.png", "x_masked.png", "b/x_mask.png", "x_seg.nii"]
)
def test_what_only_looks_alike_is_no_mask(name: str) -> None:
    assert paired("x.png", name)[0] == {}


def test_a_mask_named_after_nothing_goes_with_its_folder() -> None:
    kits = [f"case{at}/{name}.nii.gz" for at in (0, 1) for name in ("imaging", "segmentation")]
    assert paired(*kits) == ({kits[0]: [kits[1]], kits[2]: [kits[3]]}, [])
    contrasts = [f"p{at}/{name}.nii" for at in (0, 1) for name in ("t1", "flair", "mask")]
    shared = {name: [f"{name[:2]}/mask.nii"] for name in contrasts if "mask" not in name}
    assert paired(*contrasts)[0] == shared
    slices = [f"p{at}/{name}.png" for at in (0, 1) for name in ("1", "2", "mask")]
    assert paired(*slices)[0] == {}


def test_several_masks_of_one_image_are_all_found() -> None:
    assert paired("x.png", "x_mask.png", "x_mask_1.png") == (
        {"x.png": ["x_mask.png", "x_mask_1.png"]},
        [],
    )


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/x.png", "masks/x.png"),
        ("Imgs/x.jpg", "Labels/x.png"),
        ("image/p1/x.png", "mask/p1/x.png"),
        ("p1/scans/x.png", "p1/masks/x_mask.png"),
        ("train/images/x.png", "train/masks/x.png"),
        ("CXR_png/x.png", "masks/x_mask.png"),
        ("x.png", "masks/x.png"),
        ("imagesTr/x_0000.nii.gz", "labelsTr/x.nii.gz"),
        ("a/images/x.nii", "a/ground truth/x.nii.gz"),
        ("train_images/x.png", "train_masks/x.png"),
        ("Training_Input/x.jpg", "Part1_Training_GroundTruth/x_segmentation.png"),
        ("yes/images/x.png", "yes/infection masks/x.png"),
        ("images/img_7.png", "masks/mask_7.png"),
        ("Segmentation/images/x.png", "Segmentation/masks/x.png"),
    ],
)
def test_twin_folders(image: str, mask: str) -> None:
    assert paired(image, mask) == ({image: [mask]}, [])


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/p1/x.png", "masks/p2/x.png"),
        ("train/images/x.png", "test/masks/x.png"),
        ("images/x.png", "masks/y.png"),
        ("images/x.png", "masks/x.nii"),
    ],
)
def test_twins_of_another_place_or_name_are_orphans(image: str, mask: str) -> None:
    assert paired(image, mask) == ({}, [mask])


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("c1/image.png", "c1/mask.png"),
        ("c1/imaging.nii.gz", "c1/segmentation.nii.gz"),
        ("c1/T1.nii.gz", "c1/seg.nii.gz"),
        ("volume-7.nii", "segmentation-7.nii"),
    ],
)
def test_names_of_masks_and_images_alone(image: str, mask: str) -> None:
    assert paired(image, mask) == ({image: [mask]}, [])


def test_masks_of_a_part_are_of_the_images_of_that_part() -> None:
    parts = ("train", "val")
    masks, orphans = paired(*(f"{part}_{of}/1.png" for part in parts for of in ("images", "masks")))
    assert masks == {f"{part}_images/1.png": [f"{part}_masks/1.png"] for part in parts}
    assert orphans == []


def test_a_part_called_like_masks_is_none() -> None:
    assert paired("seg_train/yes/1.png", "val/yes/1.png") == ({}, [])


def test_one_mask_serves_all_contrasts_of_a_patient() -> None:
    images = [f"p1/BraTS_1_{contrast}.nii" for contrast in ("flair", "t1", "t2")]
    masks, orphans = paired(*images, "p1/BraTS_1_seg.nii", "p1/BraTS_10_t1.nii")
    assert masks == {image: ["p1/BraTS_1_seg.nii"] for image in images}
    assert orphans == []


def test_a_mask_is_no_image_of_another() -> None:
    masks, orphans = paired("x.png", "x_mask.png", "x_mask_mask.png")
    assert (masks, orphans) == ({"x.png": ["x_mask.png"]}, ["x_mask_mask.png"])
