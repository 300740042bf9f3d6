"""Masks and files of several pictures, as the stage `download` and `data check` take them."""

from collections.abc import Callable
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from scanvote.commands.data_check import check
from scanvote.core.errors import InputError
from scanvote.datasets.user_data.ingest import ingest
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout
from scanvote.datasets.user_data.readers import read_mask_volume
from scanvote.images.decode import decode_mask
from scanvote.manifest import read_manifest
from scanvote.params import Params
from scanvote.pipeline.download.stage import download
from tests.making import picture, volume, write_image, write_mask, write_nifti, write_nifti_mask

Own = Callable[..., Params]
Save = Callable[[Path, NDArray[np.uint8]], None]
SIDE = 48


def lesion(state: int) -> NDArray[np.uint8]:
    """A lesion of 317 pixels: oedema (2), with a core (1) and a rim (4) in some slices."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask, (24, 22), 10, 2, -1)
    if state > 0:
        cv2.circle(mask, (24, 22), 6, 1, -1)
    if state > 1:
        cv2.circle(mask, (24, 22), 6, 4, 2)
    return mask


PIXELS = int((lesion(0) > 0).sum())


def as_jpeg(path: Path, mask: NDArray[np.uint8]) -> None:
    Image.fromarray(mask * 60).save(path.with_suffix(".jpg"), quality=90)


def as_tiff(path: Path, mask: NDArray[np.uint8]) -> None:
    Image.fromarray(mask.astype(np.uint16) * 500).save(path.with_suffix(".tif"))


def as_palette(path: Path, mask: NDArray[np.uint8]) -> None:
    image = Image.fromarray(mask, "P")
    image.putpalette([0, 0, 0, 9, 0, 0, 0, 200, 0, 9, 9, 9, 0, 0, 255])
    image.save(path)


def as_grey_palette(path: Path, mask: NDArray[np.uint8]) -> None:
    image = Image.fromarray(255 - mask, "P")
    image.putpalette([255 - grey for grey in range(256) for _ in range(3)])
    image.save(path)


def as_colours(path: Path, mask: NDArray[np.uint8]) -> None:
    colours = np.zeros((*mask.shape, 3), np.uint8)
    for label, colour in {1: (200, 0, 0), 2: (0, 120, 0), 4: (0, 60, 200)}.items():
        colours[mask == label] = colour
    Image.fromarray(colours).save(path)


def as_alpha(path: Path, mask: NDArray[np.uint8]) -> None:
    white = np.full((*mask.shape, 3), 255, np.uint8)
    Image.fromarray(np.dstack([white, np.uint8(255) * (mask > 0)])).save(path)


def as_transparent_palette(path: Path, mask: NDArray[np.uint8]) -> None:
    """White everywhere, transparent around the lesion, as an optimiser saves it."""
    image = Image.fromarray(np.uint8(mask > 0), "P")
    image.putpalette([255] * 6)
    image.save(path, transparency=bytes([0, 255]))


def as_reduced_palette(path: Path, mask: NDArray[np.uint8]) -> None:
    """Black is not the first colour of the palette."""
    image = Image.fromarray(np.uint8(mask > 0), "P")
    image = image.point([1, 0] + [0] * 254)
    image.putpalette([255, 0, 0, 0, 0, 0])
    image.save(path)


def as_tiff_with_alpha(path: Path, mask: NDArray[np.uint8]) -> None:
    white = np.full(mask.shape, 255, np.uint8)
    marked = np.uint8(255) * (mask > 0)
    Image.fromarray(np.dstack([white, marked]), "LA").save(path.with_suffix(".tif"))


def as_paint(path: Path, mask: NDArray[np.uint8]) -> None:
    """Red on a transparent picture, as an editor saves it."""
    pixels = np.zeros((*mask.shape, 4), np.uint8)
    pixels[mask > 0] = (255, 0, 0, 255)
    Image.fromarray(pixels).save(path)


def report(raw: Path) -> dict[str, str]:
    frame = pd.read_csv(raw / "integrity.csv", keep_default_na=False)
    return dict(zip(frame["kind"], frame["detail"], strict=True))


def mask_pixels(raw: Path) -> list[int]:
    return [int(count) for count in read_manifest(raw / "manifest.csv")["mask_pixels"]]


def agrees(path: Path, params: Params, raw: Path) -> bool:
    """Whether `data check` understands what the stage understood."""
    one = check(path, "segmentation", params)
    found = pd.read_csv(raw / "integrity.csv", keep_default_na=False)
    frame = read_manifest(raw / "manifest.csv")
    usable = [
        (scan.series, str(file.mask_pixels))
        for scan, file in zip(one.scans, one.file_checks, strict=True)
        if not file.problem
    ]
    series = [name.removeprefix("own/") for name in frame["series"]]
    details = [detail.replace("own/", "") for detail in found["detail"]]
    return one.issues["detail"].tolist() == details and usable == list(
        zip(series, map(str, frame["mask_pixels"]), strict=True)
    )


@pytest.mark.parametrize(
    "save",
    [
        *(as_jpeg, as_tiff, as_palette, as_grey_palette, as_reduced_palette, as_colours),
        *(as_alpha, as_tiff_with_alpha, as_paint, as_transparent_palette),
        lambda path, mask: Image.fromarray(mask).save(path),
    ],
)
def test_a_lesion_is_whole_in_every_slice_and_format(tmp_path: Path, own: Own, save: Save) -> None:
    for at in range(8):
        write_image(tmp_path / f"own/p{at // 2}/{at}.png", at)
        save(tmp_path / f"own/p{at // 2}/{at}_mask.png", lesion(at % 4) * (at != 7))
    params = own("segmentation", tmp_path / "own")
    download("segmentation", params, tmp_path / "raw")
    assert mask_pixels(tmp_path / "raw") == [PIXELS] * 7 + [0]
    masks = sorted((tmp_path / "raw/own").rglob("*_mask.*"))
    assert {path.suffix for path in masks} == {".png"}
    levels = {int(v) for path in masks for v in np.unique(cv2.imread(str(path), -1))}
    assert levels == {0, 255}
    plain = save in (
        *(as_alpha, as_tiff_with_alpha, as_paint, as_reduced_palette, as_transparent_palette),
    )
    assert ("mask_values" in report(tmp_path / "raw")) == (not plain)
    assert agrees(tmp_path / "own", params, tmp_path / "raw")


def with_labels(params: Params, *labels: int | str) -> Params:
    values = params.model_dump()
    values["segmentation"]["mask_labels"] = [*labels]
    return Params.model_validate(values)


def test_chosen_labels_mark_and_others_are_one_line(tmp_path: Path, own: Own) -> None:
    for at in range(4):
        write_image(tmp_path / f"own/{at}.png", at)
        as_palette(tmp_path / f"own/{at}_mask.png", lesion(at))
    params = own("segmentation", tmp_path / "own")
    download("segmentation", with_labels(params, 1, 4), tmp_path / "raw")
    inner = [int(np.isin(lesion(at), [1, 4]).sum()) for at in range(4)]
    assert mask_pixels(tmp_path / "raw") == inner
    assert (
        "marked is 1, 4, as segmentation.mask_labels says"
        in report(tmp_path / "raw")["mask_values"]
    )
    with pytest.raises(InputError, match="no mask holds 3; they hold 1, 2, 4"):
        download("segmentation", with_labels(params, 3), tmp_path / "other")
    with pytest.raises(InputError, match="no mask holds 3; they hold 1, 2, 4"):
        check(tmp_path / "own", "segmentation", with_labels(params, 3))


def test_colours_are_chosen_by_their_names(tmp_path: Path, own: Own) -> None:
    for at in range(4):
        write_image(tmp_path / f"own/{at}.png", at)
        as_colours(tmp_path / f"own/{at}_mask.png", lesion(at))
    params = own("segmentation", tmp_path / "own")
    download("segmentation", params, tmp_path / "raw")
    text = report(tmp_path / "raw")["mask_values"]
    assert "the colours #003cc8, #007800, #c80000: any but black is marked" in text
    chosen = with_labels(params, "#C80000", "#003cc8")
    download("segmentation", chosen, tmp_path / "inner")
    inner = [int(np.isin(lesion(at), [1, 4]).sum()) for at in range(4)]
    assert mask_pixels(tmp_path / "inner") == inner
    assert agrees(tmp_path / "own", chosen, tmp_path / "inner")
    with pytest.raises(InputError, match="no label is called '#ffffff'; the names are #003cc8, #0"):
        download("segmentation", with_labels(params, "#ffffff"), tmp_path / "other")


def as_white_paint(path: Path, mask: NDArray[np.uint8]) -> None:
    Image.fromarray(PAINT[mask]).save(path)


PAINT = np.array([[255, 255, 255], [200, 0, 0], [0, 120, 0], [0, 0, 0], [0, 60, 200]], np.uint8)


def test_colours_on_white_are_refused_until_they_are_chosen(tmp_path: Path, own: Own) -> None:
    for at in range(4):
        write_image(tmp_path / f"own/{at}.png", at)
        as_white_paint(tmp_path / f"own/{at}_mask.png", lesion(at))
    params = own("segmentation", tmp_path / "own")
    with pytest.raises(InputError, match=r"no pixel of any mask is black.*\[\"#003cc8\"\]"):
        download("segmentation", params, tmp_path / "raw")
    with pytest.raises(InputError, match="no pixel of any mask is black"):
        check(tmp_path / "own", "segmentation", params)
    chosen = with_labels(params, "#c80000", "#007800", "#003cc8")
    download("segmentation", chosen, tmp_path / "chosen")
    assert mask_pixels(tmp_path / "chosen") == [PIXELS] * 4


def test_jpeg_noise_marks_nothing_beside_masks_of_0_and_1(tmp_path: Path, own: Own) -> None:
    for at in range(8):
        write_image(tmp_path / f"own/{at}.png", at)
        disc = (lesion(at % 4) > 0).astype(np.uint8)
        path = tmp_path / f"own/{at}_mask.png"
        Image.fromarray(disc if at % 2 else disc * 255).save(
            path if at % 2 else path.with_suffix(".jpg"), quality=50
        )
    download("segmentation", own("segmentation", tmp_path / "own"), tmp_path / "raw")
    assert [abs(one - PIXELS) < 9 for one in mask_pixels(tmp_path / "raw")] == [True] * 8


def test_only_lossy_webp_is_told_of(tmp_path: Path, own: Own) -> None:
    for lossless in (True, False):
        for at in range(4):
            write_image(tmp_path / f"{lossless}/{at}.png", at)
            disc = (lesion(at) > 0).astype(np.uint8) * 255
            Image.fromarray(disc).save(
                tmp_path / f"{lossless}/{at}_mask.webp", lossless=lossless, quality=70
            )
        raw = tmp_path / f"raw{lossless}"
        download("segmentation", own("segmentation", tmp_path / str(lossless)), raw)
        assert mask_pixels(raw) == [PIXELS] * 4
        assert ("and others between" in report(raw).get("mask_values", "")) == (not lossless)


def test_masks_of_the_field_of_view_are_told_of(tmp_path: Path, own: Own) -> None:
    for at in range(4):
        write_image(tmp_path / f"own/{at}.png", at)
        write_mask(tmp_path / f"own/{at}_mask.png")
        field = cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (24, 24), 23, 255, -1)
        write_image(tmp_path / f"field/{at}.png", at)
        cv2.imwrite(str(tmp_path / f"field/{at}_mask.png"), field)
    download("segmentation", own("segmentation", tmp_path / "field"), tmp_path / "raw")
    assert "each of the 4 masks marks more than half" in report(tmp_path / "raw")["inverted_masks"]
    download("segmentation", own("segmentation", tmp_path / "own"), tmp_path / "plain")
    assert not report(tmp_path / "plain")


def test_a_mask_that_is_no_image_is_reported_as_it_was(tmp_path: Path, own: Own) -> None:
    for at in range(4):
        write_image(tmp_path / f"own/{at}.png", at)
        write_mask(tmp_path / f"own/{at}_mask.png")
    (tmp_path / "own/2_mask.png").rename(tmp_path / "own/2_mask.jpg")
    (tmp_path / "own/2_mask.jpg").write_bytes(b"no image")
    params = own("segmentation", tmp_path / "own")
    assert download("segmentation", params, tmp_path / "raw")["scans"] == 3
    assert report(tmp_path / "raw") == {"unreadable": "own/2_mask.jpg is no whole image"}
    assert agrees(tmp_path / "own", params, tmp_path / "raw")


def test_a_mask_named_like_another_image_gets_a_name_of_its_own(tmp_path: Path, own: Own) -> None:
    write_image(tmp_path / "own/a.png", 1)
    write_mask(tmp_path / "own/a.bmp")
    write_image(tmp_path / "own/b.png", 2)
    write_mask(tmp_path / "own/b.bmp")
    rows = ["path,mask", "a.png,a.bmp", "b.png,b.bmp"]
    (tmp_path / "own/list.csv").write_text("\n".join(rows))
    download("segmentation", own("segmentation", tmp_path / "own/list.csv"), tmp_path / "raw")
    assert mask_pixels(tmp_path / "raw") == [64, 64]
    copied = (tmp_path / "raw/list/a.png").read_bytes()
    assert copied == (tmp_path / "own/a.png").read_bytes()


def test_a_mask_that_lost_its_place_names_the_remedy(tmp_path: Path, own: Own) -> None:
    write_nifti(tmp_path / "own/x.nii.gz")
    mask = nibabel.load(write_nifti_mask(tmp_path / "x.nii"))
    moved = nibabel.Nifti1Image(np.asarray(mask.dataobj), np.diag([-1, -1, 2, 1]))
    nibabel.save(moved, tmp_path / "own/x_mask.nii.gz")
    with pytest.raises(InputError, match=r"their places differ .* copy the image's affine, else"):
        download("segmentation", own("segmentation", tmp_path / "own"), tmp_path / "raw")


# -- several pictures in a file ----------------------------------------------------


def four_dimensions(root: Path, count: int) -> Path:
    """Two cases of `count` contrasts, the last of which shows the lesion."""
    for case in range(2):
        base = volume(case)
        write_nifti_mask(root / f"labelsTr/c{case}.nii.gz")
        contrasts = np.stack([base * (at + 1) for at in range(count)], axis=3)
        (root / "imagesTr").mkdir(exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(contrasts, np.eye(4)), root / f"imagesTr/c{case}.nii.gz")
    return root


@pytest.mark.parametrize(
    ("count", "channels", "series"), [(4, None, 8), (4, [0, 3], 4), (4, [3], 2), (9, None, 2)]
)
def test_volumes_of_one_file_are_contrasts_of_one_case(
    tmp_path: Path, own: Own, count: int, channels: list[int] | None, series: int
) -> None:
    params = own("segmentation", four_dimensions(tmp_path / "own", count), channels=channels)
    download("segmentation", params, tmp_path / "raw")
    frame = read_manifest(tmp_path / "raw/manifest.csv")
    assert frame["series"].nunique() == series
    assert len(frame) == 4 * series
    assert set(frame["case"]) == ({""} if series == 2 else {"own/imagesTr/c0", "own/imagesTr/c1"})
    assert {int(count) for count in frame["mask_pixels"]} == {144}
    assert ("several_pictures" in report(tmp_path / "raw")) == (count == 9)
    assert agrees(tmp_path / "own", params, tmp_path / "raw")


@pytest.mark.parametrize("soft", [False, True])
def test_one_hot_masks_have_a_background(tmp_path: Path, soft: bool) -> None:
    labels = np.zeros((12, 12, 6), np.int64)
    labels[3:8, 3:8, 2:4], labels[4:6, 4:6, 2:4] = 1, 2
    hot = np.eye(3)[labels]
    stored = (hot * 0.8 + 0.2 / 3).astype(np.float32) if soft else hot.astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(stored, np.eye(4)), tmp_path / "hot.nii.gz")
    np.testing.assert_array_equal(read_mask_volume(tmp_path / "hot.nii.gz").voxels, labels)
    apart = nibabel.Nifti1Image(hot[..., 1:].astype(np.uint8), np.eye(4))
    nibabel.save(apart, tmp_path / "apart.nii.gz")
    union = read_mask_volume(tmp_path / "apart.nii.gz").voxels
    np.testing.assert_array_equal(union, labels > 0)


def test_a_channel_that_no_file_holds_is_one_line(tmp_path: Path, own: Own) -> None:
    params = own("segmentation", four_dimensions(tmp_path / "own", 2), channels=[2])
    with pytest.raises(InputError, match=r"holds 2 volumes, from 0; volumes\.channels names 2"):
        download("segmentation", params, tmp_path / "raw")


def save_pages(path: Path, pages: list[NDArray[np.generic]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = (Image.fromarray(page) for page in pages)
    first.save(path, save_all=True, append_images=others)


def slices(seed: int, deep: bool) -> list[NDArray[np.generic]]:
    voxels = volume(seed).transpose(2, 0, 1)
    return [one.astype(np.uint16) if deep else (one // 4).astype(np.uint8) for one in voxels]


@pytest.mark.parametrize("deep", [False, True])
def test_pages_are_slices_of_one_scan_and_their_masks_go_with_them(
    tmp_path: Path, own: Own, deep: bool
) -> None:
    for case in range(3):
        pages = slices(case, deep)
        masks = [np.zeros_like(page, np.uint8) for page in pages]
        for at, mask in enumerate(masks):
            mask[4 : 5 + at, 8] = 2
        save_pages(tmp_path / f"own/images/{case}.tif", pages)
        save_pages(tmp_path / f"own/masks/{case}.tif", masks)
    params = own("segmentation", tmp_path / "own", span=[0, 1], slices=None)
    download("segmentation", params, tmp_path / "raw")
    frame = read_manifest(tmp_path / "raw/manifest.csv")
    assert frame["series"].nunique() == 3
    numbers = [int(path[-7:-4]) for path in frame["path"]]
    assert mask_pixels(tmp_path / "raw") == [number + 1 for number in numbers]
    image = cv2.imread(str(tmp_path / "raw" / frame["path"][3]), -1)[:, :, 0]
    page = slices(0, deep)[numbers[3]].astype(float)
    assert np.corrcoef(image.ravel(), page.ravel())[0, 1] > 0.95
    if not deep:
        np.testing.assert_array_equal(image, page)
    assert agrees(tmp_path / "own", params, tmp_path / "raw")


def test_pages_of_several_sizes_are_told_of(tmp_path: Path, own: Own) -> None:
    for case in range(3):
        write_mask(tmp_path / f"own/{case}_mask.png")
        pages = [picture(case, side) for side in (48, 24)]
        save_pages(tmp_path / f"own/{case}.tif", pages)
    params = own("segmentation", tmp_path / "own")
    assert download("segmentation", params, tmp_path / "raw")["scans"] == 3
    assert report(tmp_path / "raw")["several_pictures"].startswith("2.tif: 2 pictures of several")
    assert agrees(tmp_path / "own", params, tmp_path / "raw")


def test_masks_of_other_pages_leave_the_one_file_out(tmp_path: Path, own: Own) -> None:
    for case in range(3):
        pages = slices(case, deep=False)
        save_pages(tmp_path / f"own/images/{case}.tif", pages)
        masks = [np.eye(24, dtype=np.uint8)] * (len(pages) - (case == 1))
        save_pages(tmp_path / f"own/masks/{case}.tif", masks)
    download("segmentation", own("segmentation", tmp_path / "own"), tmp_path / "raw")
    ignored = pd.read_csv(tmp_path / "raw/own/ignored.csv")
    assert ignored["name"].tolist() == ["images/1.tif"]
    assert "holds 11 pages" in ignored["reason"][0]


@pytest.mark.parametrize(("values", "pixels"), [((2,), 0), ((1, 2), 16)])
def test_what_is_not_annotated_marks_nothing(
    tmp_path: Path, own: Own, values: tuple[int, ...], pixels: int
) -> None:
    mask = np.zeros((32, 32), np.uint8)
    for value in values:
        mask[8 * value : 8 * value + 4, 8:12] = value
    image, path = write_image(tmp_path / "x.png", 1, 32), tmp_path / "x_mask.png"
    cv2.imwrite(str(path), mask)
    item = DatasetItem("x.png", "image", (image,), path, "x_mask.png")
    layout = DatasetLayout("nnU-Net", [item], [], ignored_values=(2,))
    (tmp_path / "out").mkdir()
    (scan,) = ingest(layout, [item], tmp_path / "out", own("segmentation", tmp_path)).scans
    assert decode_mask(tmp_path / "out" / scan.mask_path).sum() == pixels
