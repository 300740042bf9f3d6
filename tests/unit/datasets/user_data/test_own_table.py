"""What a table of the user's is taken for."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.user_data import read_layout
from scanvote.datasets.user_data.layout import DatasetItem
from scanvote.params import Task, load_params


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With four images and a mask."""
    for name in ("1.png", "2.png", "sub/3.png", "ä b.png", "1_mask.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


PARAMS = load_params(Path(__file__).parents[4] / "params.yaml")


def items(folder: Path, text: str | bytes, task: Task = "classification") -> list[DatasetItem]:
    path = folder / "list.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_layout(path, task, PARAMS).items


def test_rows_become_scans_in_their_order(folder: Path) -> None:
    found = items(folder, "path,label\nsub/3.png,yes\n1.png,no\n")
    assert [(item.name, item.label) for item in found] == [("sub/3.png", "yes"), ("1.png", "no")]
    assert found[0].files == (folder / "sub/3.png",)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_separators_marks_and_line_ends(
    folder: Path, separator: str, mark: str, line_end: str
) -> None:
    rows = [["path", "label"], ["ä b.png", "a"], ["2.png", "b"], []]
    text = mark + line_end.join(separator.join(row) for row in rows)
    assert [item.name for item in items(folder, text)] == ["ä b.png", "2.png"]
    assert read_layout(folder / "list.csv", "classification", PARAMS).notes == [
        "columns taken: path, label"
    ]


def test_synonyms_of_columns_and_what_else_is_told(folder: Path) -> None:
    text = (
        "Image Path,Diagnosis,Patient-ID,Series,Subset,Site,Age,Gender,Grade,Plane,Modality,Notes\n"
        "1.png,yes,7,s1,test,A,61,f,III,axial,T2,x\n2.png,no,8,,,,,,,,,\n"
    )
    first, second = items(folder, text)
    assert (first.label, first.patient, first.series, first.source_split) == (
        *("yes", "7", "s1", "test"),
    )
    assert first.facts == {
        **{"institution": "A", "age": "61", "sex": "f"},
        **{"grade": "III", "plane": "axial", "contrast": "T2"},
    }
    assert second.facts == {}
    (note,) = read_layout(folder / "list.csv", "classification", PARAMS).notes
    assert "'Image Path' as path" in note
    assert note.endswith("not used: 'Notes'")


def test_a_columns_own_name_goes_before_its_synonyms(folder: Path) -> None:
    assert items(folder, "file,path,label\nx,1.png,a\ny,2.png,b\n")[0].name == "1.png"


def test_masks_are_for_segmentation_alone(folder: Path) -> None:
    text = "path,mask,label\n1.png,1_mask.png,a\n"
    (item,) = items(folder, text, "segmentation")
    assert (item.mask_name, item.label) == ("1_mask.png", "")
    text += "2.png,,b\n"
    assert [item.mask for item in items(folder, text)] == [None, None]


def test_absolute_and_outer_paths_are_named_below_what_they_share(folder: Path) -> None:
    (folder / "lists").mkdir()
    text = f"path,label\n{folder}/1.png,a\n../sub/3.png,b\n"
    found = items(folder / "lists", text)
    assert [item.name for item in found] == ["1.png", "sub/3.png"]


def test_separators_of_windows_are_understood(folder: Path) -> None:
    assert items(folder, "path,label\nsub\\3.png,a\n1.png,b\n")[0].name == "sub/3.png"


def test_a_value_may_hold_the_separator_in_quotes(folder: Path) -> None:
    assert items(folder, 'path,label\n1.png,"a, b"\n2.png,c\n')[0].label == "a, b"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1.png,x\n", r"has no column of the path \(path, file, .*; its columns are a, b"),
        ("path,age\n1.png,3\n", r"has no column of the label .* which classification needs"),
        ("", "is empty; it needs a header"),
        ("path,label\n", "is empty; it needs a header"),
        ("path,label\n1.png,a\n3.png,b\n", "line 3: 3.png does not exist .*did you mean"),
        ("path,label\n1.png,a\n./1.png,b\n", "line 3 lists the scan of line 2 again"),
        ("path,label\n1.png,a\n2.png, \n", "line 3: the label is empty"),
        ("path,label\n,a\n", "line 2: the path is empty"),
        ("path,label,spacing\n1.png,a,0.5\n2.png,b,0\n", "line 3: the spacing '0' is no length"),
        ('path,label,spacing\n1.png,a,"0,5 mm"\n', "line 2: the spacing '0,5 mm' is no length"),
        ("path,label\n1.png,a\n2.png,a\n", "every row has the label 'a'"),
        ("path,label\n1.png,a,b\n", "line 2: 3 values under 2 columns"),
        ('path,label\n"1.png,a\n', "line 2: no row of a table"),
        ("path,label\nlist.csv,a\n", "line 2: list.csv is no image or volume"),
        ("path,label\nsub,a\n", "line 2: the folder .*sub holds no DICOM series"),
        ("path,label\n1.png,é\n".encode("latin-1"), "is not UTF-8; save it as CSV UTF-8"),
        (b"\xff\xfep", "is not UTF-8; save it as CSV UTF-8"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_row(
    folder: Path, text: str | bytes, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        items(folder, text)
    assert "\n" not in str(caught.value)
    assert "list.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,label\n1.png,a\n", "has no column of the mask"),
        ("path,mask\n1.png,\n", "line 2: the mask is empty"),
        ("path,mask\n1.png,2_mask.png\n", "line 2: 2_mask.png does not exist"),
        ("path,mask\n1.png,x.nii\n", "line 2: the mask x.nii should be an image"),
    ],
)
def test_what_is_wrong_with_a_mask_is_one_line(folder: Path, text: str, said: str) -> None:
    (folder / "x.nii").touch()
    with pytest.raises(InputError, match=said):
        items(folder, text, "segmentation")


# -- what spreadsheets and statistics packages write ---------------------------------

MISSING = ["", "NA", "n/a", "NaN", "None", "null", ".", "-", "?", "[Not Available]", "Not Reported"]


@pytest.mark.parametrize("word", [*MISSING, " unknown ", "[Not Applicable]"])
def test_a_word_for_a_missing_value_is_no_patient(folder: Path, word: str) -> None:
    found = items(folder, f"path,label,patient,age\n1.png,a,{word},{word}\n2.png,b,P1,61\n")
    assert [item.patient for item in found] == ["", "P1"]
    assert found[0].facts == {}


@pytest.mark.parametrize("word", MISSING[1:])
def test_a_word_for_a_missing_value_is_no_class(folder: Path, word: str) -> None:
    with pytest.raises(InputError, match=r"line 3: the label .* missing value; fill it.*name"):
        items(folder, f"path,label\n1.png,a\n2.png,{word}\n")


def test_a_class_may_hold_such_a_word(folder: Path) -> None:
    found = items(folder, "path,label\n1.png,none seen\n2.png,non-AD\n")
    assert [item.label for item in found] == ["none seen", "non-AD"]


def test_whole_numbers_with_a_point_are_the_same_ids(folder: Path) -> None:
    found = items(folder, "path,label,patient\n1.png,a,7.0\n2.png,b,7\nsub/3.png,b,\n")
    assert [item.patient for item in found] == ["7", "7", ""]
    found = items(folder, "path,label,patient\n1.png,a,007\n2.png,b,7a.0\n")
    assert [item.patient for item in found] == ["007", "7a.0"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_of_unicode_and_of_excel(folder: Path, encoding: str) -> None:
    text = "sep=;\r\npath;label;spacing\r\nä b.png;a;0,5\r\n2.png;b;1\r\n"
    found = items(folder, text.encode(encoding))
    assert [(item.name, item.facts["spacing"]) for item in found] == [
        ("ä b.png", "0.5"),
        ("2.png", "1"),
    ]


def many(folder: Path, header: str, *columns: Sequence[object]) -> list[DatasetItem]:
    """Rows of twelve images, the last columns given."""
    rows = [header]
    for at, values in enumerate(zip(*columns, strict=True)):
        (folder / f"m{at}.png").touch()
        rows.append(",".join([f"m{at}.png", "ab"[at % 2], *map(str, values)]))
    return items(folder, "\n".join(rows))


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("case", ["case", "control"] * 6, "no patient, it holds case, control"),
        ("case", ["x", "y"] * 6, "no patient, it holds x, y alone"),
        ("patient", ["yes", "no"] * 6, "no patient, it holds yes, no"),
        ("subject", ["a", "b"] * 6, "no patient, it holds the classes"),
        ("volume", [12.5, 80.25, 31] * 4, "no series, it holds sizes"),
        ("volume", [120, 80, 120, 95] * 3, "no series, it holds sizes"),
        ("study", ["ADNI"] * 12, "no series, it holds ADNI alone"),
    ],
)
def test_a_column_of_another_meaning_is_not_taken(
    folder: Path, name: str, values: list[object], reason: str
) -> None:
    found = many(folder, f"path,label,{name}", values)
    assert {(item.patient, item.series) for item in found} == {("", "")}
    notes = read_layout(folder / "list.csv", "classification", PARAMS).notes
    assert any(reason in note for note in notes)


def test_columns_that_are_meant_are_taken(folder: Path) -> None:
    people, volumes = [f"P{at // 3}" for at in range(12)], [at // 2 for at in range(12)]
    found = many(folder, "path,label,case,volume", people, volumes)
    assert [item.patient for item in found] == people
    assert [item.series for item in found] == [str(one) for one in volumes]


@pytest.mark.parametrize(
    ("one", "other"), [("AD", "ad"), ("1", "1.0"), ("no tumour", "no  tumour")]
)
def test_one_class_in_two_spellings_is_one_line(folder: Path, one: str, other: str) -> None:
    with pytest.raises(InputError, match="one class in several spellings"):
        items(folder, f"path,label\n1.png,{one}\n2.png,{other}\nsub/3.png,x\n")


def test_images_that_share_a_mask_are_one_case(folder: Path) -> None:
    found = items(folder, "path,mask\n1.png,1_mask.png\n2.png,1_mask.png\n", "segmentation")
    assert [item.case for item in found] == ["1", "1"]


def test_a_file_is_found_by_its_name_alone(folder: Path) -> None:
    found = items(folder, "image_id,dx\n3,mel\n1.png,nv\n")
    assert [item.name for item in found] == ["sub/3.png", "1.png"]


def test_a_label_of_several_classes_is_refused(folder: Path) -> None:
    rows = "path,label\n1.png,Edema|Mass\n2.png,Edema\nsub/3.png,x\n"
    with pytest.raises(InputError, match=r"'Edema\|Mass' holds several classes"):
        items(folder, rows)


def test_columns_of_0_and_1_are_no_label(folder: Path) -> None:
    with pytest.raises(InputError, match="the one class of each row, which MEL, NV mark by 1"):
        items(folder, "image,MEL,NV\n1.png,1.0,0.0\n2.png,0.0,1.0\n")
