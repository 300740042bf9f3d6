"""Persons told by the names of files and folders."""

import pytest

from scanvote.datasets.user_data.layout import DatasetItem
from scanvote.datasets.user_data.people import join_spellings, tie_listed, tie_numbers
from scanvote.datasets.user_data.person_names import named_person, shared_numbers
from scanvote.datasets.user_data.place import Place


def keys(*names: str) -> int:
    """Number of keys that names of one folder, all with one, share."""
    found = shared_numbers({at: ("yes", name) for at, name in enumerate(names)})
    assert len(found) in (0, len(names))
    return len(set(found.values()))


@pytest.mark.parametrize(
    ("name", "person"),
    [
        *(("patient12_slice3", "patient12"), ("slice3-Patient 12", "Patient 12")),
        *(("sub-a1_T1w", "sub-a1"), ("person1_virus_6", "person1"), ("x_pt_7", "pt_7")),
        *(("TCGA-CS-4941_12", "TCGA-CS-4941"), ("ADNI_002_S_0295_MR", "002_S_0295")),
        *(
            ("inpatient12", ""),
            ("impatient 3", ""),
            ("pattern12", ""),
            ("12", ""),
            ("patients", ""),
        ),
    ],
)
def test_a_word_for_a_person_before_a_number_names_the_patient(name: str, person: str) -> None:
    assert named_person(name) == person


@pytest.mark.parametrize(
    "form",
    [
        *("P{}_L_{}", "{:03d}_{}", "CNV-{}-{}", "OAS1_{:04d}_MR1_mpr-{}", "c{}_2019010{}"),
        *("{}_idx5_x{}_y7_class0", "BraTS-GLI-{:05d}-{:03d}", "SOB_B-14-22{:03d}AB-40-{}"),
    ],
)
def test_a_number_that_others_share_is_a_person(form: str) -> None:
    names = [form.format(person, at) for person in range(101, 105) for at in (1, 2)]
    assert keys(*names) == 4


def test_views_of_one_number_are_of_a_person() -> None:
    assert keys(*(f"P{at}_{view}" for at in range(4) for view in ("L_CC", "R_CC", "L_MLO"))) == 4


@pytest.mark.parametrize(
    "names",
    [
        [f"image ({at})" for at in range(9)],
        [f"fold{fold}_{at}" for fold in range(5) for at in range(3)],
        [f"slice_{at}_{other}" for at in range(5) for other in "abc"],
        ["IMG_20200101_123456", "IMG_20200101_133457", "IMG_20200102_143458"],
        ["1.2.840.7.15", "1.2.840.8.16", "1.2.840.9.17"],
        [f"T{contrast}_{at}" for contrast in (1, 2) for at in range(9)],
        [f"m{batch}({at})" for batch in (1, 2, 3) for at in range(61)],
    ],
)
def test_other_numbers_tell_nothing(names: list[str]) -> None:
    assert keys(*names) == 0


def test_equal_numbers_of_two_folders_alone_tell_nothing() -> None:
    names = [(of, f"{at} {of}") for of in ("yes", "no") for at in range(9)]
    assert shared_numbers(dict(enumerate(names))) == {}


def test_folders_of_visits_of_one_person_are_tied_with_a_remark() -> None:
    names = [f"hgg/GLI-{person:03d}-{visit}" for person in range(4) for visit in (0, 1)]
    items = [DatasetItem(f"{name}/1.png", "image", (), patient=name) for name in names]
    places = [Place(tuple(name.split("/")), patient_at=1) for name in names]
    found, notes = tie_numbers(items, places)
    assert len({item.case for item in found} - {""}) == 4
    assert notes == [
        "names: 4 numbers stand in several names, such as GLI-000-0 and GLI-000-1, which are kept"
        " together as of one person; a table with `patient` overrules"
    ]


@pytest.mark.parametrize("ids", [("Pat1", "pat1"), ("7", "007"), ("P 07", "p7")])
def test_two_spellings_of_a_patient_are_one(ids: tuple[str, str]) -> None:
    items = [DatasetItem(name, "image", (), patient=name) for name in (*ids, "other")]
    found, notes = join_spellings(items)
    assert [item.patient for item in found] == [ids[0], ids[0], "other"]
    assert notes[0].startswith(f"patients: {ids[0]!r} and {ids[1]!r} are taken for one person")


def test_in_a_table_names_tie_only_whom_it_does_not_tell() -> None:
    names = [f"patient{person}/study{at}/x.png" for person in range(2) for at in range(2)]
    told = [DatasetItem(name, "image", (), patient=name) for name in names]
    unknown = [DatasetItem(name, "image", ()) for name in names]
    assert [item.case for item in tie_listed(told)[0]] == [""] * 4
    cases = [item.case for item in tie_listed(unknown)[0]]
    assert cases[0] == cases[1] != cases[2] == cases[3]
