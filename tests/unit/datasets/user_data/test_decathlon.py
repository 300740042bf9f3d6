"""What the Decathlon's dataset.json, and lists like it, are taken for."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.user_data import read_layout
from scanvote.datasets.user_data.layout import DatasetLayout
from scanvote.params import Params

Own = Callable[..., Params]


def entry(name: str) -> dict[str, str]:
    return {"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"}


def listed(root: Path, *names: str, training: list[Any], **content: Any) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    usual = {"labels": {"0": "background", "1": "oedema", "2": "core"}, "numTraining": 484}
    (root / "dataset.json").write_text(json.dumps(usual | {"training": training} | content))
    return root


def read(root: Path, own: Own, **volumes: Any) -> DatasetLayout:
    return read_layout(root, "segmentation", own("segmentation", root, **volumes))


def test_the_list_rules_and_not_its_counts(tmp_path: Path, own: Own) -> None:
    names = ["imagesTr/a.nii.gz", "labelsTr/a.nii.gz", "imagesTr/b.nii.gz", "imagesTs/t.nii.gz"]
    root = listed(
        tmp_path, *names, training=[entry("a.nii.gz")], test=["./imagesTs/t.nii.gz"], numTest=1
    )
    (root / "imagesTr/._a.nii.gz").touch()  # in the published archives
    layout = read(root, own)
    assert [(item.name, item.mask_name, item.source_split) for item in layout.items] == [
        ("imagesTr/a.nii.gz", "labelsTr/a.nii.gz", "")
    ]
    assert {(one.name, one.reason) for one in layout.skipped} == {
        ("imagesTr/b.nii.gz", "dataset.json does not list it"),
        ("imagesTs/t.nii.gz", "dataset.json lists it without a mask"),
    }
    assert layout.labels == {"oedema": (1,), "core": (2,)}


def test_version_1_of_nnunet_stores_the_channels_apart(tmp_path: Path, own: Own) -> None:
    names = ["imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz", "labelsTr/a.nii.gz"]
    root = listed(tmp_path, *names, training=[entry("a.nii.gz")], modality={"0": "T2", "1": "ADC"})
    layout = read(root, own)
    assert [(item.name, item.case, item.facts["contrast"]) for item in layout.items] == [
        ("imagesTr/a_0000.nii.gz", "imagesTr/a", "T2"),
        ("imagesTr/a_0001.nii.gz", "imagesTr/a", "ADC"),
    ]


def test_images_that_share_a_mask_are_one_case(tmp_path: Path, own: Own) -> None:
    training = [{"image": f"{one}.nii.gz", "label": "m.nii.gz"} for one in ("t1", "t2")]
    root = listed(tmp_path, "t1.nii.gz", "t2.nii.gz", "m.nii.gz", training=training)
    assert [item.case for item in read(root, own).items] == ["t1", "t1"]


def test_lists_of_images_and_folds_as_monai_has_them(tmp_path: Path, own: Own) -> None:
    training = [
        {"image": [f"{one}1.nii.gz", f"{one}2.nii.gz"], "label": f"{one}.nii.gz", "fold": at}
        for at, one in enumerate("ab")
    ]
    names = [f"{one}{end}.nii.gz" for one in "ab" for end in ("", "1", "2")]
    items = read(listed(tmp_path, *names, training=training), own).items
    assert [(item.name, item.case, item.source_split) for item in items] == [
        ("a1.nii.gz", "a1", "fold1"),
        ("a2.nii.gz", "a1", "fold1"),
        ("b1.nii.gz", "b1", "fold2"),
        ("b2.nii.gz", "b1", "fold2"),
    ]


def test_a_test_part_with_masks_is_the_published_one(tmp_path: Path, own: Own) -> None:
    names = [f"{folder}/{one}.nii" for folder in ("imagesTr", "labelsTr") for one in "ab"]
    root = listed(tmp_path, *names, training=[entry("a.nii")], test=[entry("b.nii")])
    assert [item.source_split for item in read(root, own).items] == ["train", "test"]


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ([entry("z.nii.gz")], r"lists 2 files that do not exist \(imagesTr/z.nii.gz"),
        ([entry("../../z.nii.gz")], "which lies outside of"),
        ([entry("a.nii.gz"), entry("a.nii.gz")], r"lists imagesTr/a.nii.gz twice"),
        ([{"image": "imagesTr/a.nii.gz", "label": 1}], "to learn classes, write a table"),
        ([{"image": None, "label": "labelsTr/a.nii.gz"}], "lists None, which is no path"),
        (["imagesTr/a.nii.gz"], "lists no image with its mask under training"),
        ([], "lists no image with its mask under training"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, own: Own, training: list[Any], said: str
) -> None:
    names = ["imagesTr/a.nii.gz", "labelsTr/a.nii.gz"]
    with pytest.raises(InputError, match=said):
        read(listed(tmp_path, *names, training=training), own)
