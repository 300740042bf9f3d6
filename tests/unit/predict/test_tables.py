"""Tables that grow row by row."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from scanvote.core.errors import InputError
from scanvote.predict.quality import quality
from scanvote.predict.rows import columns
from scanvote.predict.schema import FileError, ScanPrediction
from scanvote.predict.tables import table_file, table_on_stdout
from tests.asking import finding
from tests.serving import contents

COLUMNS = columns(contents(), {"mask": 1})
REFUSAL = FileError(file="b.png", status=415, reason="b.png is text")


def fill(path: Path) -> None:
    with table_file(path, contents(), COLUMNS) as add:
        add(finding("a, or\n'ä'.png"), {"mask": "masks/a.png"})
        add(REFUSAL, {})


def test_csv_reads_back(tmp_path: Path):
    fill(tmp_path / "said.csv")
    first, second = csv.DictReader((tmp_path / "said.csv").open(encoding="utf-8", newline=""))
    assert list(first) == COLUMNS
    assert (first["file"], first["mask"]) == ("a, or\n'ä'.png", "masks/a.png")
    assert (first["slice"], first["area_mm2"], first["error"]) == ("", "", "")
    assert first["model_digest"] == contents().digest
    assert {name: value for name, value in second.items() if value} == {
        "file": "b.png",
        "error": "b.png is text",
    }
    assert pd.read_csv(tmp_path / "said.csv")["agreement"].iloc[0] == 1.0


def test_json_is_one_object_of_all_and_says_what_it_is_not_for(tmp_path: Path):
    fill(tmp_path / "said.json")
    whole = json.loads((tmp_path / "said.json").read_text(encoding="utf-8"))
    assert whole["disclaimer"] == "Research use, not for diagnosis."
    assert whole["model"] == quality(contents())
    first, second = whole["scans"]
    assert first.pop("files") == {"mask": "masks/a.png"}
    assert whole["model_digest"] == first.pop("model_digest") == contents().digest
    assert ScanPrediction.model_validate(first) == finding("a, or\n'ä'.png")
    assert FileError.model_validate(second) == REFUSAL


def test_json_lines_are_an_object_each(tmp_path: Path):
    fill(tmp_path / "said.jsonl")
    first, second = map(json.loads, (tmp_path / "said.jsonl").read_text("utf-8").splitlines())
    assert (first["vote"], second) == ("glioma", REFUSAL.model_dump())
    assert first["model_digest"] == contents().digest


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl"])
def test_a_table_of_nothing_is_a_table(tmp_path: Path, ending: str):
    path = tmp_path / "new" / f"said.{ending}"
    with table_file(path, contents(), COLUMNS):
        pass
    lines = path.read_text("utf-8").splitlines()
    assert {"csv": len(lines) == 1, "jsonl": not lines}.get(
        ending, ending == "json" and json.loads("\n".join(lines))["scans"] == []
    )


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl"])
def test_what_is_broken_off_leaves_the_table_before(tmp_path: Path, ending: str):
    path = tmp_path / f"said.{ending}"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), table_file(path, contents(), COLUMNS) as add:
        add(finding(slice=1 // 0), {})
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_rows_are_on_disk_before_the_last_is_added(tmp_path: Path):
    with table_file(tmp_path / "said.csv", contents(), COLUMNS) as add:
        for _ in range(500):
            add(finding(), {})
        assert not (tmp_path / "said.csv").exists()
        (beside,) = tmp_path.iterdir()
        assert beside.stat().st_size > 10_000


def test_a_name_that_is_no_text_can_be_written(tmp_path: Path):
    for ending in ("csv", "json", "jsonl"):
        with table_file(tmp_path / f"said.{ending}", contents(), COLUMNS) as add:
            add(FileError(file="caf\udce9.png", status=422, reason="r"), {})
        assert "caf\\udce9.png" in (tmp_path / f"said.{ending}").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("said.xlsx", "none of the endings .csv, .json, .jsonl"), ("folder.csv", "is a folder")],
)
def test_a_place_that_is_none_is_refused(tmp_path: Path, name: str, reason: str):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=reason), table_file(tmp_path / name, contents(), COLUMNS):
        pass


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "said.csv"
    with pytest.raises(InputError, match="--out"), table_file(path, contents(), COLUMNS):
        pass


def test_standard_output_is_comma_separated(capsys: pytest.CaptureFixture[str]):
    with table_on_stdout(contents(), COLUMNS) as add:
        add(REFUSAL, {})
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("file,slice,plane,vote,p_glioma,")
    assert second.startswith("b.png,,,")
    assert second.endswith(",b.png is text")
