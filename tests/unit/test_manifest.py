"""The table that every stage reads."""

from pathlib import Path

import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.manifest import COLUMNS, owners, read_manifest, scan_ids, write_manifest


def table(**columns: list[object]) -> pd.DataFrame:
    values = {name: ["", ""] for name in COLUMNS}
    values |= {"scan_id": ["a", "b"], "width": [64, 128], "height": [32, 64]}
    values |= {"mask_pixels": [0, 7]}
    return pd.DataFrame(values | columns)


def test_text_stays_text(tmp_path: Path) -> None:
    odd = table(scan_id=["001", "1e5"], label=["NA", "null"], patient=["", 'ü, "x"'])
    write_manifest(odd, tmp_path / "manifest.csv")
    again = read_manifest(tmp_path / "manifest.csv")
    assert again["scan_id"].tolist() == ["001", "1e5"]
    assert again["label"].tolist() == ["NA", "null"]
    assert again["patient"].tolist() == ["", 'ü, "x"']
    assert again["series"].tolist() == ["", ""]


def test_numbers_and_flags_have_their_types(tmp_path: Path) -> None:
    write_manifest(table(kept=[True, False], split=["1", "2"]), tmp_path / "manifest.csv")
    again = read_manifest(tmp_path / "manifest.csv")
    assert again["width"].tolist() == [64, 128]
    assert again["mask_pixels"].tolist() == [0, 7]
    assert again["kept"].dtype == bool
    assert again[again["kept"]]["scan_id"].tolist() == ["a"]
    assert again["split"].tolist() == ["1", "2"]


def test_writing_what_was_read_changes_no_byte(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    write_manifest(table(conflict=[False, True]), path)
    content = path.read_bytes()
    write_manifest(read_manifest(path), path)
    assert path.read_bytes() == content
    assert b"\r" not in content


def test_an_empty_manifest_keeps_its_columns(tmp_path: Path) -> None:
    write_manifest(table().iloc[:0], tmp_path / "manifest.csv")
    assert list(read_manifest(tmp_path / "manifest.csv")) == list(COLUMNS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is missing"),
        (b"", "no CSV table"),
        (b"\xff\xfe\x00", "no CSV table"),
        (b"scan_id,task\na,b\n", "has no column source, path, mask_path"),
    ],
)
def test_what_is_no_manifest_is_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "manifest.csv").write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_manifest(tmp_path / "manifest.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("column", [{"width": ["wide", 1]}, {"kept": ["yes", "no"]}])
def test_a_value_of_another_type_names_its_column(
    tmp_path: Path, column: dict[str, list[object]]
) -> None:
    write_manifest(table(**column), tmp_path / "manifest.csv")
    with pytest.raises(InputError, match=f"the column {next(iter(column))} is n"):
        read_manifest(tmp_path / "manifest.csv")


def test_a_scan_is_named_by_its_path_without_the_ending() -> None:
    assert scan_ids(["yes/Y1.JPG", "no/1 no.jpeg"]) == ["yes/Y1", "no/1 no"]


def test_an_ambiguous_name_keeps_its_ending() -> None:
    assert scan_ids(["a/1.jpg", "a/1.png", "a/2.png"]) == ["a/1.jpg", "a/1.png", "a/2"]


def test_names_are_unique_even_with_two_endings() -> None:
    paths = ["a.png", "a.jpg", "a.png.jpg"]
    assert len(set(scan_ids(paths))) == 3


def test_a_scan_of_nobody_known_is_its_own_patient() -> None:
    found = owners(pd.DataFrame({"scan_id": ["a", "b"], "patient": ["P7", ""]}, index=[4, 2]))
    assert found.to_dict() == {4: "P7", 2: "b"}
