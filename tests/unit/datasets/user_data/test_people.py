"""Who is on a scan: cases, folders and DICOM headers."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from scanvote.datasets.user_data.layout import DatasetItem
from scanvote.datasets.user_data.levels import place_classes
from scanvote.datasets.user_data.people import tie_cases, tie_patients, without_contrast
from scanvote.params import FoldersParams

LEVELS = FoldersParams(class_level=None, patient_level=None)


def placed(headers: dict[str, str]) -> tuple[list[DatasetItem], list[str]]:
    """Items of classes by their names, with the patients that folders and headers give."""
    paths = [tuple(name.split("/")[:-1]) for name in headers]
    places, _ = place_classes(Path("set"), paths, LEVELS)
    items = [
        DatasetItem(
            *(name, "dicom", ()), label=place.label, patient=place.patient, header_patient=header
        )
        for (name, header), place in zip(headers.items(), places, strict=True)
    ]
    return tie_patients(items, places)


def patients(headers: dict[str, str]) -> list[str]:
    return [item.patient for item in placed(headers)[0]]


def cases(names: Sequence[str]) -> list[list[str]]:
    """Names of the items of each case."""
    items = [DatasetItem(name, "nifti", ()) for name in names]
    return grouped(tie_cases(items))


def grouped(items: Sequence[DatasetItem]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for item in items:
        if item.case:
            groups.setdefault(item.case, []).append(item.name)
    return list(groups.values())


def test_one_header_in_two_folders_is_one_patient() -> None:
    assert patients({"yes/s1/1": "h", "yes/s2/1": "h", "no/s3/1": "g", "no/s4/1": "f"}) == [
        *("h", "h", "g", "f")
    ]


def test_a_folder_is_one_patient_whatever_its_headers() -> None:
    found = patients({"yes/P1/a": "h1", "yes/P1/b": "h2", "no/P2/a": "h3", "no/P2/b": "h4"})
    assert found == ["P1", "P1", "P2", "P2"]


def test_folders_and_headers_tie_in_a_chain() -> None:
    found, notes = placed({"yes/P1/a": "h1", "yes/P1/b": "h2", "yes/P2/a": "h2", "no/P3/a": "h3"})
    assert [item.patient for item in found] == ["P1", "P1", "P1", "h3"]
    assert notes == [
        "patients: the headers name 3 patients, the folders 3: what either ties is tied, 2 in"
        " all; a table with `patient` overrules"
    ]


@pytest.mark.parametrize("ids", [["x"], ["x", "y"]])
def test_an_id_in_many_folders_of_several_classes_is_none(ids: list[str]) -> None:
    names = [f"{'yes' if at % 2 else 'no'}/P{at}/1" for at in range(8)]
    headers = {name: ids[at * len(ids) // 8] for at, name in enumerate(names)}
    found, notes = placed(headers)
    assert {item.patient for item in found} == {f"P{at}" for at in range(8)}
    assert notes == [
        f"patients: the headers name {len(ids)} patients, the folders 8: the folders are believed,"
        " as one ID in folders of several classes is none; a table with `patient` overrules"
    ]


def test_a_header_alone_and_no_header_at_all() -> None:
    assert patients({"yes/1": "h", "no/2": "", "no/P3/1": ""}) == ["h", "", "P3"]


def test_a_file_of_a_subject_names_its_patient() -> None:
    assert patients({"yes/sub-01_T1w.nii": "", "no/sub-02.nii": ""}) == ["sub-01", "sub-02"]


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("MR_007", "007"),
        ("007_T1w", "007"),
        ("T1_007", "007"),
        ("sub-01_FLAIR", "sub-01"),
        ("007-flair", "007"),
        ("CT1", "ct1"),
        ("brain", "brain"),
    ],
)
def test_the_words_of_a_contrast_are_no_part_of_a_name(name: str, core: str) -> None:
    assert without_contrast(name) == core


def test_contrasts_in_one_folder_are_a_case() -> None:
    names = [f"yes/sub-0{at}_{one}.nii.gz" for at in (1, 2) for one in ("T1w", "FLAIR")]
    assert cases(names) == [names[:2], names[2:]]


def test_patients_called_like_contrasts_are_no_case() -> None:
    assert cases([f"T{patient}_{at}.png" for patient in range(1, 9) for at in (1, 2)]) == []


@pytest.mark.parametrize("names", [("T1/7.png", "T2/7.png"), ("T1/T1_7.png", "T2/MR_7.png")])
def test_one_name_in_sibling_folders_of_contrasts_is_a_case(names: tuple[str, str]) -> None:
    items = [
        DatasetItem(f"yes/{name}", "image", (), label="yes", facts={"contrast": name[:2]})
        for name in (*names, "T1/8.png")
    ]
    assert grouped(tie_cases(items)) == [[f"yes/{name}" for name in names]]


def test_images_that_share_a_mask_are_a_case() -> None:
    items = [
        DatasetItem(name, "nifti", (), mask_name=f"{name[0]}_seg") for name in ("a1", "a2", "b1")
    ]
    assert grouped(tie_cases(items)) == [["a1", "a2"]]


def test_channels_of_several_volumes_are_cases_and_one_numbering_is_none() -> None:
    names = [f"yes/MS_{at}_000{channel}.nii.gz" for at in range(2) for channel in range(2)]
    assert cases(names) == [names[:2], names[2:]]
    assert cases([f"yes/scan_{at:04d}.png" for at in range(9)]) == []
