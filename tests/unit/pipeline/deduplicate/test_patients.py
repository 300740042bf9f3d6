"""Patients that a person tells, patients that copies inherit, and how a table goes wrong."""

from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.pipeline.deduplicate.clusters import find_clusters
from scanvote.pipeline.deduplicate.pairs import as_pairs
from scanvote.pipeline.deduplicate.patients import (
    patient_conflicts,
    read_patients,
    with_inherited,
    with_patients,
)
from tests.manifests import manifest

SCANS = ["glioma/one", "glioma/two"]


def table(folder: Path, *lines: str, header: str = "scan_id,patient") -> Path:
    path = folder / "patients.csv"
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return path


def test_the_patients_of_a_table(tmp_path: Path) -> None:
    path = table(tmp_path, " glioma/two , P7 ,seen in the list", header="scan_id,patient,note")
    assert read_patients(path, SCANS) == {"glioma/two": "P7"}
    assert read_patients(table(tmp_path), SCANS) == {}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["glioma/tow,P7"], r"line 2: scan_id 'glioma/tow' .*did you mean 'glioma/two'"),
        (["glioma/one,P7", "", "glioma/one,P7"], "line 4: glioma/one stands in the table already"),
        (["glioma/one,"], "line 2: the patient of glioma/one is empty"),
        (["glioma/one,N/A"], "line 2: the patient of glioma/one is 'N/A', which names nobody"),
        ([",P7"], "line 2: scan_id ''"),
        (['glioma/one,"P\n7"'], "line 2: the patient of glioma/one has a line break"),
    ],
)
def test_a_wrong_row_is_one_line(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_patients(table(tmp_path, *lines), SCANS)
    assert "\n" not in str(caught.value)


def test_a_table_without_the_column_is_one_line(tmp_path: Path) -> None:
    for header in ("scan_id,person", "scan_id;patient"):
        with pytest.raises(InputError, match=r"has no column .*patient; .* separated by commas"):
            read_patients(table(tmp_path, header=header), SCANS)
    path = table(tmp_path, "glioma/one,P7,more", header="scan_id, patient ")
    assert read_patients(path, SCANS) == {"glioma/one": "P7"}


def test_a_person_overrules_the_data_set() -> None:
    frame = with_patients(manifest(3, patient=["set/1", "set/2", ""]), {"b": "set/1"})
    assert frame["patient"].tolist() == ["set/1", "set/1", ""]


def test_half_of_a_patient_is_not_renamed() -> None:
    frame = manifest(3, patient=["set/1", "set/1", ""])
    assert with_patients(frame, {"a": "set/1"})["patient"].tolist() == ["set/1", "set/1", ""]
    assert with_patients(frame, {"a": "p", "b": "q"})["patient"].tolist() == ["p", "q", ""]
    with pytest.raises(InputError, match=r"names 1 of the 2 scans .* of set/1, as p; name all"):
        with_patients(frame, {"a": "p"})


def test_names_of_two_sets_do_not_contradict_each_other() -> None:
    patients = ["figshare/7", "kaggle/1", "", "kaggle/2"]
    frame = manifest(4, patient=patients, source=["figshare", "kaggle", "kaggle", "kaggle"])
    found = find_clusters(frame, as_pairs([(0, 1), (1, 2)]))
    assert patient_conflicts(frame, found) == []
    assert with_inherited(frame, found)["patient"].tolist() == [
        "figshare/7",
        "kaggle/1",
        "figshare/7",
        "kaggle/2",
    ]


@pytest.mark.parametrize(
    "names",
    [["kaggle/1", "kaggle/2"], ["p", "q"], ["ward/7", "p"], ["p", "kaggle/1"], ["a/1", "b/2"]],
)
def test_other_names_do(names: list[str]) -> None:
    frame = manifest(3, patient=[*names, ""], source=["kaggle"] * 3)
    found = find_clusters(frame, as_pairs([(0, 1), (1, 2)]))
    assert patient_conflicts(frame, found) == found
