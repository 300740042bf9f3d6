"""The protocols on a set of known faults: patients of several scans, twins across parts."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.manifest import COLUMNS, read_manifest, write_manifest
from scanvote.params import SplitParams
from scanvote.splits.groups import SPLITS
from scanvote.splits.leakage import check_leaks
from scanvote.splits.protocols import split_scans
from tests.unit.pipeline.deduplicate.test_stage import coded, deduplicated, raw_folder, scan

SPLIT = {
    "protocol": "grouped",
    "test": 0.2,
    "validation": 0.16,
    "folds": None,
    "fold": 0,
    "site": None,
    "require_patients": False,
}


def how(**changes: object) -> SplitParams:
    return SplitParams.model_validate(SPLIT | changes)


def manifest(patients: int = 60) -> pd.DataFrame:
    """Three scans a patient, two classes, every fifth patient in the published test part."""
    rows = [
        {
            "scan_id": f"p{patient:02}-{number}",
            "label": "cat" if patient % 2 else "dog",
            "patient": f"p{patient:02}",
            "source_split": "Testing" if patient % 5 == 0 else "Training",
            "institution": ("north", "south", "west")[patient % 3],
            "mask_pixels": 9 * (number > 0),
            "sha256": f"{patient}-{number}",
        }
        for patient in range(patients)
        for number in range(3)
    ]
    blank = dict.fromkeys(COLUMNS, "") | {"width": 8, "height": 8, "relatives": ""}
    judged = {"kept": True, "conflict": False, "duplicate_of": ""}
    return pd.DataFrame([blank | judged | row for row in rows])


def copied(frame: pd.DataFrame, copy: str, of: str) -> pd.DataFrame:
    """`copy` becomes a dropped copy of the scan `of`."""
    frame.loc[frame["scan_id"] == copy, ["duplicate_of", "kept"]] = [of, False]
    return frame


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path / "manifest.csv"

    def split(
        self, frame: pd.DataFrame, task: str = "classification", seed: int = 1, **changes: object
    ) -> pd.DataFrame:
        write_manifest(frame, self.path)
        return split_scans(task, self.path, how(**changes), seed)

    def refusal(self, frame: pd.DataFrame, **changes: object) -> str:
        with pytest.raises(InputError) as caught:
            self.split(frame, **changes)
        assert "\n" not in str(caught.value)
        return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def sides(used: pd.DataFrame) -> pd.Series:
    return used.set_index("scan_id")["split"]


# -- grouped -----------------------------------------------------------------------


def test_grouped_keeps_patients_whole_and_drops_copies(folder: Folder) -> None:
    used = folder.split(copied(manifest(), "p07-1", "p09-2"))
    assert len(used) == 179
    assert used.groupby("patient")["split"].nunique().max() == 1
    assert sides(used)["p07-0"] == sides(used)["p09-2"]
    assert not any(check_leaks(used, how()).values())


def test_strata_of_masks_are_slices_with_tumour_and_without(folder: Folder) -> None:
    frame = manifest()
    frame["mask_pixels"] = np.where(frame["patient"] < "p02", 5, 0)
    said = folder.refusal(frame, task="segmentation")
    assert "slices with tumour come from 2 patients and need 3, one for each of train," in said
    assert said.endswith("collect more patients with slices with tumour")


# -- folds -------------------------------------------------------------------------


def test_every_scan_is_tested_in_one_fold(folder: Folder) -> None:
    frame = manifest()
    tested = [folder.split(frame, folds=4, fold=fold) for fold in range(4)]
    names = [set(used.loc[used["split"] == "test", "scan_id"]) for used in tested]
    assert sum(map(len, names)) == len(set.union(*names)) == len(frame)
    for used in tested:
        assert len(used) == len(frame)
        assert set(used["split"]) == set(SPLITS)
        assert used.groupby("patient")["split"].nunique().max() == 1
        assert (used["split"] == "validation").mean() == pytest.approx(0.16, abs=0.05)


def test_random_folds_too_cover_every_scan(folder: Folder) -> None:
    frame = copied(manifest(), "p07-1", "p09-2")
    tested = [folder.split(frame, protocol="random", folds=3, fold=fold) for fold in range(3)]
    names = [used.loc[used["split"] == "test", "scan_id"] for used in tested]
    assert sorted(pd.concat(names)) == sorted(frame["scan_id"])


# -- random ------------------------------------------------------------------------


def test_random_uses_every_scan_and_its_leaks_are_counted(folder: Folder) -> None:
    used = folder.split(copied(manifest(), "p07-1", "p09-2"), protocol="random")
    assert len(used) == 180
    leaks = check_leaks(used, how(protocol="random"))
    assert leaks["leaked_pairs_patient"] > 20
    with pytest.raises(InputError, match="the split leaks"):
        check_leaks(used, how(protocol="grouped"))


# -- official ----------------------------------------------------------------------


def test_official_tests_the_published_part_whole(folder: Folder) -> None:
    used = folder.split(manifest(), protocol="official")
    expected = used["source_split"] == "Testing"
    assert ((used["split"] == "test") == expected).all()
    assert set(used["split"]) == set(SPLITS)


def test_official_training_loses_whoever_is_tied_to_a_test_scan(folder: Folder) -> None:
    # p06 trains and has a twin in p05, of the test part; the keeper is the one in training
    used = folder.split(copied(manifest(), "p05-0", "p06-0"), protocol="official")
    assert sides(used)["p05-0"] == "test"
    assert not used["patient"].eq("p06").any()
    assert not any(check_leaks(used, how(protocol="official")).values())
    assert len(used) == 180 - 3


def test_official_counts_a_scan_that_the_test_part_holds_twice_once(folder: Folder) -> None:
    used = folder.split(copied(manifest(), "p05-0", "p10-2"), protocol="official")
    assert set(used["scan_id"]) == set(manifest()["scan_id"]) - {"p05-0"}


def test_official_leaves_out_what_stands_under_two_labels(folder: Folder) -> None:
    frame = manifest()
    frame.loc[frame["scan_id"] == "p05-0", ["conflict", "kept"]] = [True, False]
    assert "p05-0" not in set(folder.split(frame, protocol="official")["scan_id"])


def test_official_needs_a_published_test_part(folder: Folder) -> None:
    said = folder.refusal(manifest().assign(source_split="Training"), protocol="official")
    assert said == (
        "classification, split.protocol official: no scan is of a published test part"
        " (figshare_brain_tumor tells its folds in cvind.mat, beside its archives);"
        " use split.protocol: grouped"
    )


def test_official_tied_through_and_through_leaves_nothing(folder: Folder) -> None:
    frame = manifest().assign(relatives="one")
    said = folder.refusal(frame, protocol="official")
    assert "nothing is left to train on" in said
    assert "180 of 180 scans are one group" in said
    assert "look-alikes such as p00-0 and p01-0" in said


@pytest.mark.parametrize("protocol", ["official", "site"])
def test_a_given_test_part_has_no_class_that_is_not_trained(folder: Folder, protocol: str) -> None:
    frame = manifest()
    here = frame["source_split"].eq("Testing") & frame["institution"].eq("south")
    frame.loc[here & (frame["label"] == "cat"), "label"] = "Cat"
    frame = frame[(protocol == "official") | here | (frame["institution"] != "south")]
    said = folder.refusal(frame, protocol=protocol, site="south")
    count = int((frame["label"] == "Cat").sum())
    assert f"class 'Cat': {count} scans in the test part and none to train on" in said
    assert "did you mean 'cat'?" in said
    assert "leave it out with {Cat: null}" in said


def test_a_class_whose_other_scans_are_tied_to_the_test_part_is_told(folder: Folder) -> None:
    frame = manifest()
    frame.loc[frame["patient"].isin(["p05", "p06"]), ["label", "relatives"]] = ["bird", "r"]
    said = folder.refusal(frame, protocol="official")
    assert "class 'bird': 3 scans in the test part and none to train on" in said
    assert "(3 others are tied to the test part); training has cat, dog." in said


def test_slices_without_tumour_need_not_be_trained(folder: Folder) -> None:
    frame = manifest()
    frame["mask_pixels"] = np.where((frame["patient"] == "p05"), 0, 5)
    used = folder.split(frame, task="segmentation", protocol="official")
    assert (used["split"][used["mask_pixels"] == 0] == "test").all()
    frame["mask_pixels"] = 5 - frame["mask_pixels"]
    said = folder.refusal(frame, task="segmentation", protocol="official")
    assert "slices with tumour: 3 scans in the test part and none to train on" in said


def test_a_given_test_part_has_no_folds(folder: Folder) -> None:
    assert "there are no folds" in folder.refusal(manifest(), protocol="official", folds=5)


def in_folds(frame: pd.DataFrame, folds: int = 5) -> pd.DataFrame:
    """`frame` with published folds, whole patients in each."""
    numbers = frame["patient"].str[1:].astype(int) % folds + 1
    return frame.assign(source_split="fold" + numbers.astype(str))


def test_a_published_fold_is_the_test_part(folder: Folder) -> None:
    frame = in_folds(manifest())
    tested = []
    for fold in range(5):
        used = folder.split(frame, protocol="official", fold=fold)
        expected = used["source_split"] == f"fold{fold + 1}"
        assert ((used["split"] == "test") == expected).all()
        assert set(used["split"]) == set(SPLITS)
        assert len(used) == len(frame)
        tested += used.loc[expected, "scan_id"].tolist()
    assert sorted(tested) == sorted(frame["scan_id"])


def test_who_is_in_two_published_folds_leaves_training(folder: Folder) -> None:
    frame = in_folds(manifest())
    # an examination of p05 (fold 1) was dealt by its own identifier to fold 3
    frame.loc[frame["scan_id"] == "p05-2", "source_split"] = "fold3"
    used = folder.split(frame, protocol="official", fold=2)
    assert sides(used)["p05-2"] == "test"
    assert used["scan_id"][used["patient"] == "p05"].tolist() == ["p05-2"]
    assert not any(check_leaks(used, how(protocol="official", fold=2)).values())


def test_a_published_fold_must_be_there(folder: Folder) -> None:
    said = folder.refusal(in_folds(manifest()), protocol="official", fold=5)
    assert "the set has no published fold 5; use one of 0, 1, 2, 3, 4" in said
    said = folder.refusal(manifest(), protocol="official", fold=1)
    assert "the set has one published test part and no folds; set split.fold to 0" in said


def test_of_joined_sets_the_fold_of_one_and_the_test_part_of_the_other_are_tested(
    folder: Folder,
) -> None:
    frame = manifest()
    second = frame["patient"] >= "p30"
    frame.loc[second, "source_split"] = in_folds(frame)["source_split"]
    used = folder.split(frame, protocol="official", fold=1)
    expected = used["source_split"].isin(["Testing", "fold2"])
    assert ((used["split"] == "test") == expected).all()


def test_only_the_official_protocol_takes_a_fold_without_a_number_of_folds() -> None:
    assert how(protocol="official", fold=4).fold == 4
    for changes in ({"protocol": "grouped"}, {"protocol": "official", "folds": 3}):
        with pytest.raises(ValueError, match="fold counts from 0"):
            how(fold=4, **changes)


# -- site --------------------------------------------------------------------------


def test_site_leaves_one_institution_out(folder: Folder) -> None:
    used = folder.split(manifest(), protocol="site", site="south")
    assert ((used["split"] == "test") == (used["institution"] == "south")).all()
    assert len(used) == 180


def test_site_leaves_out_who_may_be_of_it(folder: Folder) -> None:
    frame = copied(manifest(), "p01-1", "p03-1")  # of south and north
    frame.loc[frame["patient"] == "p06", "institution"] = ""
    used = folder.split(frame, protocol="site", site="south")
    assert not used["patient"].isin(["p03", "p06"]).any()


@pytest.mark.parametrize(
    ("site", "said"),
    [
        (None, "split.site is None; name one of north (60 scans), south (60 scans)"),
        ("sout", "split.site is 'sout'; did you mean 'south'?"),
    ],
)
def test_site_must_be_one_that_is_there(folder: Folder, site: str | None, said: str) -> None:
    assert said in folder.refusal(manifest(), protocol="site", site=site)


def test_site_needs_institutions(folder: Folder) -> None:
    frame = manifest().drop(columns="institution")
    assert "no scan tells its institution" in folder.refusal(frame, protocol="site", site="x")


# -- all -----------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["grouped", "official", "random", "site"])
def test_rows_keep_their_order_and_their_order_changes_no_split(
    folder: Folder, protocol: str
) -> None:
    frame = manifest()
    used = folder.split(frame, protocol=protocol, site="south")
    assert used["scan_id"].is_monotonic_increasing
    back = folder.split(frame.iloc[::-1], protocol=protocol, site="south")
    assert sides(used).to_dict() == sides(back).to_dict()
    other = folder.split(frame, protocol=protocol, site="south", seed=2)
    assert sides(used).to_dict() != sides(other).to_dict()


def test_nothing_kept_is_one_line(folder: Folder) -> None:
    frame = manifest().assign(kept=False)
    assert "keeps no scan: all 180 are dropped in data/overrule" in folder.refusal(frame)
    frame["conflict"] = True
    assert "180 of 180 stand under two classes, here and at their source" in folder.refusal(frame)
    frame.loc[frame["scan_id"] == "p01-0", "duplicate_of"] = "p00-0"
    said = folder.refusal(frame)
    assert "as one image is p01-0 of 'cat' and p00-0 of 'dog'" in said
    assert "`keep` pairs that are not one image in data/overrule/classification.csv" in said


def test_unknown_patients_are_refused_where_all_are_required(folder: Folder) -> None:
    frame = manifest()
    assert len(folder.split(frame, require_patients=True)) == len(frame)
    frame.loc[[4, 7], "patient"] = ""
    assert len(folder.split(frame)) == len(frame)
    told = folder.refusal(frame, require_patients=True)
    assert "the patient of 2 of 180 scans is unknown" in told
    assert "data/patients/classification.csv" in told


def test_a_patient_of_one_set_takes_the_copies_in_another_along(tmp_path: Path) -> None:
    """The scans of set a are of known patients; set b, of unknown ones, holds copies of some."""
    scans = {patient: [scan(3 * patient + n, 64) for n in range(2)] for patient in range(9)}
    files = {
        f"a{patient}-{n}.png": coded(one)
        for patient, two in scans.items()
        for n, one in enumerate(two)
    }
    files |= {
        f"b{patient}.jpg": coded(two[0], ".jpg", cv2.IMWRITE_JPEG_QUALITY, 90)
        for patient, two in scans.items()
    }
    columns = {
        "patient": [f"a/{name[1]}" if name[0] == "a" else "" for name in files],
        "source": [name[0] for name in files],
        "label": [("glioma", "pituitary")[int(name[1]) % 2] for name in files],
    }
    raw = raw_folder(tmp_path / "raw", files, **columns)
    deduplicated(raw, tmp_path / "out")
    judged = read_manifest(tmp_path / "out/manifest.csv").set_index("scan_id")
    copies = judged[judged["source"] == "b"]
    assert (copies["duplicate_of"] == [f"a{patient}-0" for patient in range(9)]).all()
    assert (copies["patient"] == [f"a/{patient}" for patient in range(9)]).all()
    used = split_scans("classification", tmp_path / "out/manifest.csv", how(protocol="grouped"), 1)
    assert (used.groupby("patient")["split"].nunique() == 1).all()
    assert set(used["source"]) == {"a"}
