"""What a folder of nnU-Net, and its dataset.json, is taken for."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.user_data import read_layout
from scanvote.datasets.user_data.layout import DatasetLayout
from scanvote.manifest import read_manifest
from scanvote.params import Params
from scanvote.pipeline.download.stage import download
from scanvote.splits.groups import group_scans
from tests.making import write_nifti, write_nifti_mask

LABELS = {"background": 0, "tumour": 1}
Own = Callable[..., Params]


def nnunet(root: Path, *names: str, **content: Any) -> Path:
    """Empty files, and a dataset.json with `content` over the usual one."""
    root.mkdir(parents=True, exist_ok=True)
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    usual = {"channel_names": {"0": "T1", "1": "FLAIR"}, "labels": LABELS, "file_ending": ".nii.gz"}
    (root / "dataset.json").write_text(json.dumps(usual | content))
    return root


def case(name: str, channels: int = 2, part: str = "Tr", ending: str = ".nii.gz") -> list[str]:
    images = [f"images{part}/{name}_{channel:04d}{ending}" for channel in range(channels)]
    return [*images, f"labels{part}/{name}{ending}"]


def read(root: Path, own: Own, **volumes: Any) -> DatasetLayout:
    return read_layout(root, "segmentation", own("segmentation", root, **volumes))


def test_the_channels_of_a_case_share_its_mask_and_are_tied(tmp_path: Path, own: Own) -> None:
    layout = read(nnunet(tmp_path, *case("a_01"), *case("b")), own)
    assert [
        (item.name, item.mask_name, item.case, item.patient, item.facts["contrast"])
        for item in layout.items
    ] == [
        ("imagesTr/a_01_0000.nii.gz", "labelsTr/a_01.nii.gz", "a_01", "", "T1"),
        ("imagesTr/a_01_0001.nii.gz", "labelsTr/a_01.nii.gz", "a_01", "", "FLAIR"),
        ("imagesTr/b_0000.nii.gz", "labelsTr/b.nii.gz", "b", "", "T1"),
        ("imagesTr/b_0001.nii.gz", "labelsTr/b.nii.gz", "b", "", "FLAIR"),
    ]
    assert layout.skipped == []
    assert layout.labels == {"tumour": (1,)}


def test_the_contrasts_of_a_case_are_one_group_of_the_split(tmp_path: Path, own: Own) -> None:
    root = nnunet(tmp_path / "study")
    for seed in range(3):
        for channel in range(2):  # as unlike as contrasts are
            write_nifti(root / f"imagesTr/MS_{seed:02d}_{channel:04d}.nii.gz", 100 * channel + seed)
        write_nifti_mask(root / f"labelsTr/MS_{seed:02d}.nii.gz")
    download("segmentation", own("segmentation", root, slices=2), tmp_path / "raw")
    scans = read_manifest(tmp_path / "raw/manifest.csv")
    scans = scans.assign(relatives="", duplicate_of="", group="")
    scans["group"] = group_scans(scans)
    assert scans["group"].nunique() == scans["case"].nunique() == 3
    assert set(scans.groupby("case")["series"].nunique()) == {2}
    assert set(scans.groupby("case")["group"].nunique()) == {1}


def test_channels_can_be_chosen(tmp_path: Path, own: Own) -> None:
    layout = read(nnunet(tmp_path, *case("a"), *case("b")), own, channels=[1])
    assert [item.name for item in layout.items] == [f"imagesTr/{one}_0001.nii.gz" for one in "ab"]
    assert {one.reason for one in layout.skipped} == {
        "a channel that volumes.channels does not name"
    }


def test_lists_of_labels_texts_and_the_ignored_label(tmp_path: Path, own: Own) -> None:
    labels = {"background": "0", "whole": [1, 2], "core": ["2"], "ignore": 3}
    layout = read(nnunet(tmp_path, *case("a"), labels=labels), own)
    assert layout.labels == {"whole": (1, 2), "core": (2,)}
    assert layout.ignored_values == (3,)
    assert "ignore: pixels of the value 3 are not annotated, and mark nothing" in layout.notes


def test_test_images_without_masks_are_left_out_with_the_reason(tmp_path: Path, own: Own) -> None:
    names = [*case("a"), "imagesTs/t_0000.nii.gz", "imagesTr/lost_0000.nii.gz", "extra/x.nii.gz"]
    layout = read(nnunet(tmp_path, *names), own)
    assert {item.case for item in layout.items} == {"a"}
    assert {item.source_split for item in layout.items} == {""}
    assert {(one.name, one.reason) for one in layout.skipped} == {
        ("imagesTs/t_0000.nii.gz", "its mask is not in labelsTs"),
        ("imagesTr/lost_0000.nii.gz", "its mask is not in labelsTr"),
        ("extra/x.nii.gz", "not in nnU-Net's folders of images"),
    }


def test_test_images_with_masks_are_the_published_test_part(tmp_path: Path, own: Own) -> None:
    layout = read(nnunet(tmp_path, *case("a"), *case("t", part="Ts")), own)
    assert {(item.case, item.source_split) for item in layout.items} == {
        ("a", "train"),
        ("t", "test"),
    }


def test_a_channel_missing_in_a_case_is_told(tmp_path: Path, own: Own) -> None:
    layout = read(nnunet(tmp_path, *case("a"), *case("b", channels=1)), own)
    assert "channels: 1 cases have fewer than 2 (b)" in layout.notes


def test_files_without_a_channel_go_with_the_mask_of_their_name(tmp_path: Path, own: Own) -> None:
    names = ["imagesTr/a_0007.nii.gz", "labelsTr/a_0007.nii.gz"]
    (item,) = read(nnunet(tmp_path, *names), own).items
    assert (item.case, item.mask_name) == ("a_0007", "labelsTr/a_0007.nii.gz")


def test_files_of_another_ending_are_left_out(tmp_path: Path, own: Own) -> None:
    names = [*case("a", 1, ending=".png"), "imagesTr/preview.jpg"]
    layout = read(nnunet(tmp_path, *names, file_ending=".png"), own)
    assert [item.name for item in layout.items] == ["imagesTr/a_0000.png"]
    assert [one.name for one in layout.skipped] == ["imagesTr/preview.jpg"]


def test_folds_validated_on_once_are_the_published_split(tmp_path: Path, own: Own) -> None:
    folds = [{"train": ["b"], "val": ["a"]}, {"train": ["a"], "val": ["b"]}]
    root = nnunet(tmp_path, *case("a"), *case("b"))
    (root / "splits_final.json").write_text(json.dumps(folds))
    parts = {item.case: item.source_split for item in read(root, own).items}
    assert parts == {"a": "fold1", "b": "fold2"}
    assert read(root, own).skipped == []


@pytest.mark.parametrize("val", [[["a"], ["a"]], [["a"], ["a", "b"]], [["a"], []]])
def test_folds_that_are_no_partition_are_not_used(
    tmp_path: Path, own: Own, val: list[list[str]]
) -> None:
    root = nnunet(tmp_path, *case("a"), *case("b"))
    folds = [{"train": [], "val": names} for names in val]
    (root / "splits_final.json").write_text(json.dumps(folds))
    layout = read(root, own)
    assert {item.source_split for item in layout.items} == {""}
    assert layout.notes[-1].startswith("folds: splits_final.json does not validate on every case")


def test_cases_listed_by_path_are_read_from_the_list(tmp_path: Path, own: Own) -> None:
    listed = {"p": {"images": ["raw/p1.nii.gz", "raw/p2.nii.gz"], "label": "raw/p_seg.nii.gz"}}
    names = ["raw/p1.nii.gz", "raw/p2.nii.gz", "raw/p_seg.nii.gz"]
    layout = read(nnunet(tmp_path, *names, dataset=listed), own)
    assert [(item.name, item.case) for item in layout.items] == [
        ("raw/p1.nii.gz", "p"),
        ("raw/p2.nii.gz", "p"),
    ]


@pytest.mark.parametrize(
    ("names", "content", "said"),
    [
        ([*case("a"), "labelsTr/z.nii.gz"], {}, r"1 masks have no image in imagesTr \(z.nii.gz\)"),
        (["imagesTr/a_0000.nii.gz"], {}, "no image with a mask; nnU-Net's are imagesTr/CASE_0000"),
        (case("a"), {"labels": {"tumour": "one"}}, "the label 'tumour' has the value 'one'"),
        (case("a"), {"labels": None}, "its labels are no names with values"),
        (
            case("a"),
            {"dataset": {"p": {"images": ["../x.nii.gz"], "label": "y.nii.gz"}}},
            r"lists ../x.nii.gz, which lies outside of .*; list the images in a table",
        ),
        (
            case("a"),
            {"dataset": {"p": {"images": ["x.nii.gz"], "label": "y.nii.gz"}}},
            r"lists 2 files that do not exist \(x.nii.gz, y.nii.gz\); add them",
        ),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, own: Own, names: list[str], content: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        read(nnunet(tmp_path, *names, **content), own)


def test_masks_name_no_classes(tmp_path: Path, own: Own) -> None:
    root = nnunet(tmp_path, *case("a"))
    with pytest.raises(InputError, match=r"has masks but no classes; .*a table of path and label"):
        read_layout(root, "classification", own("classification", root))


def test_several_sets_are_to_be_named(tmp_path: Path, own: Own) -> None:
    nnunet(tmp_path / "Dataset001_A", *case("a"))
    nnunet(tmp_path / "Dataset002_B", *case("a"))
    with pytest.raises(InputError, match=r"several data sets \(Dataset001_A, Dataset002_B\)"):
        read(tmp_path, own)


def test_a_dataset_json_of_another_program_is_nothing(tmp_path: Path, own: Own) -> None:
    nnunet(tmp_path, "1.png", "1_mask.png")
    (tmp_path / "dataset.json").write_text('{"owner": "me"}')
    assert read(tmp_path, own).kind == "images with masks in the same folder, by a suffix"
    (tmp_path / "dataset.json").write_text("{")
    assert read(tmp_path, own).kind == "images with masks in the same folder, by a suffix"


def test_a_broken_dataset_json_of_nnunet_is_one_line(tmp_path: Path, own: Own) -> None:
    root = nnunet(tmp_path, *case("a"))
    (root / "dataset.json").write_text("{")
    with pytest.raises(InputError, match=r"dataset.json is no JSON; correct it"):
        read(root, own)
