"""Data of one's own through download, deduplicate and prepare."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scanvote.arrays import read_split
from scanvote.core.errors import InputError
from scanvote.datasets.user_data import set_name, user_data_set
from scanvote.manifest import read_manifest
from scanvote.params import Params, Task
from scanvote.pipeline.deduplicate.stage import deduplicate
from scanvote.pipeline.download.stage import download
from scanvote.pipeline.prepare.stage import prepare
from tests.making import (
    write_image,
    write_mask,
    write_nifti,
    write_nifti_mask,
    write_series,
)

ROOT = Path(__file__).parents[4]
Own = Callable[..., Params]


def pngs(root: Path) -> tuple[Path, Task]:
    for seed in range(24):
        write_image(root / ("yes" if seed % 2 else "no") / f"{seed}.png", seed)
    return root, "classification"


def deep_pngs(root: Path) -> tuple[Path, Task]:
    for seed in range(24):
        ending = "tif" if seed % 3 else "png"
        write_image(root / ("yes" if seed % 2 else "no") / f"{seed}.{ending}", seed, deep=True)
    return root, "classification"


def masks_by_suffix(root: Path) -> tuple[Path, Task]:
    for seed in range(24):
        write_image(root / f"p{seed // 2}" / f"{seed}.png", seed)
        write_mask(root / f"p{seed // 2}" / f"{seed}_mask.png", empty=seed % 4 == 0)
    return root, "segmentation"


def masks_in_twin_folders(root: Path) -> tuple[Path, Task]:
    for seed in range(24):
        write_image(root / "images" / f"{seed}.png", seed)
        write_mask(root / "masks" / f"{seed}.png", empty=seed % 4 == 0)
    return root, "segmentation"


def table(root: Path) -> tuple[Path, Task]:
    pngs(root)
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    rows = [f"{name};{name.split('/')[0]};{at // 2};A" for at, name in enumerate(names)]
    (root / "list.csv").write_text("\n".join(["image;class;patient;site", *rows]))
    return root / "list.csv", "classification"


def nifti(root: Path) -> tuple[Path, Task]:
    for seed in range(12):
        write_nifti(root / ("yes" if seed % 2 else "no") / f"{seed}.nii.gz", seed)
    return root, "classification"


def nifti_with_masks(root: Path) -> tuple[Path, Task]:
    for seed in range(12):
        write_nifti(root / "imagesTr" / f"{seed}.nii.gz", seed)
        write_nifti_mask(root / "labelsTr" / f"{seed}.nii.gz")
    return root, "segmentation"


def dicom(root: Path) -> tuple[Path, Task]:
    for seed in range(12):
        label = "yes" if seed % 2 else "no"
        write_series(root / label / f"s{seed}", seed, patient=f"P{seed % 6}")
    return root, "classification"


def dicom_without_endings(root: Path) -> tuple[Path, Task]:
    for seed in range(12):
        label = "yes" if seed % 2 else "no"
        write_series(root / label, seed, f"P{seed}", number=seed + 10, ending="")
    return root, "classification"


def images_and_volumes(root: Path) -> tuple[Path, Task]:
    pngs(root)
    write_nifti(root / "yes/a.nii")
    return root, "classification"


KINDS = [
    *(pngs, deep_pngs, masks_by_suffix, masks_in_twin_folders, table),
    *(nifti, nifti_with_masks, dicom, dicom_without_endings, images_and_volumes),
]


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("make", KINDS)
def test_through_the_three_stages(tmp_path: Path, own: Own, make: Callable[..., object]) -> None:
    path, task = make(tmp_path / "own")
    before = files(tmp_path / "own")
    params = own(task, path)
    raw, kept, ready = (tmp_path / name for name in ("raw", "deduplicated", "prepared"))
    metrics = download(task, params, raw)
    assert metrics["excluded"] == 0
    deduplicate(
        raw,
        params.deduplicate,
        ROOT / f"data/overrule/{task}.csv",
        ROOT / f"data/patients/{task}.csv",
        kept,
    )
    prepare(task, raw, kept, params, ready)
    manifest = read_manifest(ready / "manifest.csv")
    assert set(manifest["split"]) == {"train", "validation", "test"}
    assert len(manifest) > metrics["scans"] * 0.7
    assert files(tmp_path / "own") == before
    images = read_split(ready, "train")["images"]
    assert images.shape[1:3] == (32, 32)
    assert np.ptp(images) > 100


@pytest.mark.parametrize("make", [pngs, table])
def test_images_are_copied_byte_by_byte(
    tmp_path: Path, own: Own, make: Callable[..., object]
) -> None:
    path, task = make(tmp_path / "own")
    download(task, own(task, path), tmp_path / "raw")
    copied = files(tmp_path / "raw" / set_name(path))
    for name, content in files(tmp_path / "own").items():
        if name.endswith(".png"):
            assert copied[name] == content


def test_only_scans_and_masks_are_copied(tmp_path: Path, own: Own) -> None:
    path, task = masks_by_suffix(tmp_path / "own")
    (path / "notes.txt").write_text("private")
    download(task, own(task, path), tmp_path / "raw")
    made = {name for name in files(tmp_path / "raw/own") if not name.endswith(".png")}
    assert made == {"scans.csv", "ignored.csv"}
    ignored = pd.read_csv(tmp_path / "raw/own/ignored.csv")
    assert ignored.to_numpy().tolist() == [["notes.txt", "no image or volume"]]


def test_classification_takes_no_masks_along(tmp_path: Path, own: Own) -> None:
    path, _ = masks_by_suffix(tmp_path / "own")
    download("classification", own("classification", path), tmp_path / "raw")
    assert not any("mask" in name for name in files(tmp_path / "raw"))


def test_a_series_is_a_patient_of_unknown_name_and_no_header_is_kept(
    tmp_path: Path, own: Own
) -> None:
    path, task = dicom(tmp_path / "own")
    metrics = download(task, own(task, path), tmp_path / "raw")
    frame = read_manifest(tmp_path / "raw/manifest.csv")
    assert (metrics["scans"], metrics["patients"]) == (48, 6)
    assert frame["series"].nunique() == 12
    assert set(frame["plane"]) == {"axial"}
    assert not frame["patient"].isin([f"own/P{seed}" for seed in range(6)]).any()
    everything = b"".join(files(tmp_path / "raw").values())
    for secret in (b"Doe", b"19700101", b"1.2.826.0.1"):
        assert secret not in everything


def test_the_table_knows_the_patient_better_than_the_header(tmp_path: Path, own: Own) -> None:
    dicom(tmp_path / "own")
    rows = [f"{'yes' if s % 2 else 'no'}/s{s},{'yes' if s % 2 else 'no'},T{s}" for s in range(4)]
    (tmp_path / "own/list.csv").write_text("\n".join(["path,label,patient", *rows]))
    params = own("classification", tmp_path / "own/list.csv")
    download("classification", params, tmp_path / "raw")
    frame = read_manifest(tmp_path / "raw/manifest.csv")
    assert set(frame["patient"]) == {f"list/T{seed}" for seed in range(4)}


def test_slices_of_a_nifti_volume_share_its_series(tmp_path: Path, own: Own) -> None:
    path, task = nifti(tmp_path / "own")
    download(task, own(task, path), tmp_path / "raw")
    frame = read_manifest(tmp_path / "raw/manifest.csv")
    assert frame.groupby("series").size().tolist() == [4] * 12
    assert set(frame["patient"]) == {""}


def test_the_same_data_give_the_same_bytes_whatever_the_processes(
    tmp_path: Path, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, task = nifti_with_masks(tmp_path / "own")
    for name, worth in (("one", 1000), ("two", 1)):
        monkeypatch.setattr("scanvote.datasets.user_data.ingest.WORTH_A_POOL", worth)
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        user_data_set(path).fetch(tmp_path / name, task, own(task, path))
    assert files(tmp_path / "one") == files(tmp_path / "two")


@pytest.mark.parametrize("spoilt", ["truncated", "other mask"])
def test_a_volume_that_cannot_be_read_is_left_out_and_told_of(
    tmp_path: Path, own: Own, spoilt: str
) -> None:
    path, task = nifti_with_masks(tmp_path / "own")
    if spoilt == "truncated":
        bad = path / "imagesTr/3.nii.gz"
        bad.write_bytes(bad.read_bytes()[:400])
    else:
        write_nifti_mask(path / "labelsTr/3.nii.gz", (24, 24, 10))
    download(task, own(task, path), tmp_path / "raw")
    ignored = pd.read_csv(tmp_path / "raw/own/ignored.csv")
    assert ignored["name"].tolist() == ["imagesTr/3.nii.gz"]
    assert len(ignored["reason"][0]) > 10
    assert read_manifest(tmp_path / "raw/manifest.csv")["series"].nunique() == 11


def test_an_image_without_a_mask_is_left_out_and_told_of(tmp_path: Path, own: Own) -> None:
    path, task = masks_by_suffix(tmp_path / "own")
    (path / "p3/7_mask.png").unlink()
    metrics = download(task, own(task, path), tmp_path / "raw")
    assert (metrics["scans"], metrics["finding_no_mask"]) == (23, 1)


def test_own_data_join_a_known_set(tmp_path: Path, own: Own) -> None:
    path, _ = pngs(tmp_path / "own")
    write_image(tmp_path / "more/yes/1.png", 90)
    write_image(tmp_path / "more/maybe/1.png", 91)
    metrics = download("classification", own("classification", path, "more"), tmp_path / "raw")
    assert (metrics["label_yes"], metrics["label_maybe"]) == (13, 1)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("My Data", "my_data"), ("Köpfe (2024)", "kopfe_2024"), ("扫描", "own")),
        *(("list.csv", "list"), ("phantom", "phantom_own"), ("-x.v1-", "x_v1")),
    ],
)
def test_a_set_is_named_after_its_path(path: str, name: str) -> None:
    assert set_name(Path("/data") / path, {"phantom"}) == name


def test_a_folder_is_read_only_when_it_is_brought(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        user_data_set(tmp_path / "nowhere")
    (tmp_path / "own").mkdir()
    assert user_data_set(tmp_path / "own").name == "own"
