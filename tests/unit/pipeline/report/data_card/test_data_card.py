"""The data card: every figure is of the files, and what they do not tell is unknown."""

import math
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from scanvote.cli import app
from scanvote.core.errors import InputError
from scanvote.core.files import write_csv
from scanvote.core.metrics_file import write_metrics
from scanvote.manifest import COLUMNS, write_manifest
from scanvote.params import Params
from scanvote.pipeline.download.integrity import COLUMNS as FOUND
from scanvote.pipeline.download.integrity import RULES
from scanvote.pipeline.report.data_card import data_card
from scanvote.pipeline.report.data_card.tables import table


def scans(count: int = 12, **columns: list[object]) -> pd.DataFrame:
    """Half tumours, half not, of the yes/no set, a patient each two scans."""
    values: dict[str, list[object]] = {name: [""] * count for name in COLUMNS}
    names = [f"brain_tumor_yes_no/yes/{number}" for number in range(count)]
    values |= {
        "scan_id": list(names),
        "path": [f"{name}.jpg" for name in names],
        "source": ["brain_tumor_yes_no"] * count,
        "label": ["tumor", "no_tumor"] * (count // 2),
        "sha256": [f"{number:064d}" for number in range(count)],
        "width": [64] * count,
        "height": [32] * count,
        "mask_pixels": [0] * count,
        "mode": ["L"] * (count - 2) + ["RGB"] * 2,
    }
    return pd.DataFrame(values | columns)


def left(
    root: Path, frame: pd.DataFrame, found: list[tuple[object, ...]] | None = None
) -> pd.DataFrame:
    """What `download` leaves."""
    raw = root / "data/raw/classification"
    write_manifest(frame, raw / "manifest.csv")
    write_csv(pd.DataFrame(found or [], columns=list(FOUND)), raw / "integrity.csv")
    return frame


def of(params: Params, *names: str, labels: dict[str, str | None] | None = None) -> Params:
    section = {"dataset": list(names), "labels": labels or {}}
    return params.model_copy(
        update={"classification": params.classification.model_copy(update=section)}
    )


def card(params: Params, root: Path, *names: str, **labels: str | None) -> str:
    chosen = of(params, *(names or ("brain_tumor_yes_no",)), labels=labels)
    return data_card("classification", chosen, root)


def row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def section(text: str, title: str) -> str:
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


def test_it_says_first_what_it_is_not_for(tmp_path: Path, params: Params) -> None:
    left(tmp_path, scans())
    lines = card(params, tmp_path).splitlines()
    assert lines[0] == "# Data card: classification on brain_tumor_yes_no"
    assert lines[2] == "**Research use, not for diagnosis.**"


def test_every_section_of_a_datasheet_is_there(tmp_path: Path, params: Params) -> None:
    left(tmp_path, scans())
    heads = [line[3:] for line in card(params, tmp_path).splitlines() if line.startswith("## ")]
    assert heads == [
        *("Motivation", "Composition", "Collection", "Preprocessing, cleaning, labelling"),
        *("Uses", "Distribution", "Maintenance"),
    ]


def test_what_nobody_tells_is_unknown(tmp_path: Path, params: Params) -> None:
    left(tmp_path, scans())
    text = card(params, tmp_path)
    assert "**For what was it made?** unknown" in text
    assert "**How many patients?** unknown" in text
    assert "**Are there copies?** unknown: `deduplicate` has not run" in text
    assert "**How many scans are in each split?** unknown: `prepare` has not run" in text


def test_scans_of_a_class_and_a_part_are_counted(tmp_path: Path, params: Params) -> None:
    left(tmp_path, scans(source_split=["Training"] * 9 + ["Testing"] * 3))
    text = section(card(params, tmp_path), "Composition")
    assert row("tumor", 6) in text
    assert row("class \\ published part", "Testing", "Training") in text
    assert row("tumor", 1, 5) in text
    assert row("all", 3, 9) in text


def test_a_partial_archive_shows(tmp_path: Path, params: Params) -> None:
    place = "brain_tumor_yes_no/yes/99.jpg"
    left(tmp_path, scans(), [("unreadable", place, "is empty", True, RULES["unreadable"].words)])
    text = card(params, tmp_path)
    assert row("brain_tumor_yes_no", 12, 1, 253) in text
    assert f"- unreadable, {place}: is empty" in text
    assert row("unreadable", RULES["unreadable"].words, "1 scan", "left out") in text
    assert row("mixed_sizes", RULES["mixed_sizes"].words, "0 data sets", "reported") in text


def test_patients_and_facts_are_counted_where_known(tmp_path: Path, params: Params) -> None:
    patients: list[object] = ["p", "p", "q", "q", *[""] * 8]
    sites: list[object] = ["north"] * 3 + ["south"] + [""] * 8
    ages: list[object] = ["40", "40", "60", "60", *[""] * 8]
    left(tmp_path, scans(patient=patients, institution=sites, age=ages))
    text = card(params, tmp_path)
    assert "**How many patients?** 2; unknown for 8 scans" in text
    assert row("north", 3, 2) in text
    assert row("south", 1, 1) in text
    assert row("none given", 8, "unknown") in text
    assert "Age: 40 to 60 years, median 50, of 2 patients; unknown for 8." in text


def test_masks_are_told(tmp_path: Path, params: Params) -> None:
    masks: list[object] = ["m.png"] * 4 + [""] * 8
    left(tmp_path, scans(mask_path=masks, mask_pixels=[0, 512, 512, 1024] + [0] * 8))
    text = card(params, tmp_path)
    assert "Yes, of 4 scans; 3 are not empty, with a median of 25.0% of the pixels." in text


def test_copies_and_splits_are_those_of_the_stages(tmp_path: Path, params: Params) -> None:
    frame = left(tmp_path, scans())
    judged = frame.assign(kept=[True] * 9 + [False] * 3, conflict=[False] * 10 + [True] * 2)
    write_manifest(judged, tmp_path / "data/deduplicated/classification/manifest.csv")
    split = judged[judged["kept"]].assign(split=["train"] * 6 + ["validation", "test", "test"])
    split["group"] = range(len(split))
    write_manifest(split, tmp_path / "data/prepared/classification/manifest.csv")
    write_metrics(tmp_path / "metrics/deduplicate/classification.json", {"byte_copies": 1}, {})
    figures = {"leaked_pairs_patient": 0, "share": math.nan}
    write_metrics(tmp_path / "metrics/prepare/classification.json", figures, {})
    text = card(params, tmp_path)
    assert "1 scans are copies of one that is kept; 2 have copies in another class" in text
    assert row("all", 6, 1, 2) in text
    assert row("byte_copies", 1) in text
    assert row("leaked_pairs_patient", 0) in text
    assert row("share", "undefined") in text


def test_patients_that_a_person_told_are_known_and_contradictions_are_listed(
    tmp_path: Path, params: Params
) -> None:
    frame = left(tmp_path, scans(source_label=["tumor"] * 12))
    judged = frame.assign(kept=True, conflict=False, patient=["p", "q"] * 6)
    folder = tmp_path / "data/deduplicated/classification"
    write_manifest(judged, folder / "manifest.csv")
    names = {"scan_id": "copy", "duplicate_of": "scan", "patient": "set/p", "patient_of": "set/q"}
    write_csv(pd.DataFrame([names]), folder / "duplicates.csv")
    text = card(params, tmp_path)
    assert "**How many patients?** 2\n" in text
    assert "Scans with another class at their source: 6." in text
    assert f"- {frame['scan_id'][1]}: no_tumor here, tumor at its source" in text
    assert "- copy is of set/p, scan of set/q" in text


@pytest.mark.parametrize("change", ["file", "scan", "column"])
def test_results_on_other_scans_do_not_count(tmp_path: Path, params: Params, change: str) -> None:
    frame = left(tmp_path, scans())
    judged = frame.assign(kept=True, conflict=False)
    if change == "file":
        judged.loc[0, "sha256"] = "f" * 64
    elif change == "scan":
        judged = judged.iloc[1:]
    else:
        judged = judged.drop(columns="source")
    write_manifest(judged, tmp_path / "data/deduplicated/classification/manifest.csv")
    write_metrics(tmp_path / "metrics/deduplicate/classification.json", {"byte_copies": 77}, {})
    text = card(params, tmp_path)
    assert "`deduplicate` has not run on these scans" in text
    assert "byte_copies" not in text


def test_joined_sets_are_told_apart(tmp_path: Path, params: Params) -> None:
    sources: list[object] = ["brain_tumor_yes_no", "phantom"] * 6
    left(tmp_path, scans(source=sources))
    text = card(params, tmp_path, "brain_tumor_yes_no", "phantom", glioma="tumor", pituitary=None)
    assert row("tumor", 6, 6, 0) in text
    assert "The class tumor comes from brain_tumor_yes_no alone" in text
    assert "glioma became tumor, pituitary was left out." in text
    assert "- phantom: To run the whole pipeline" in text


def test_cautions_follow_from_the_data(tmp_path: Path, params: Params) -> None:
    labels: list[object] = ["tumor"] * 10 + ["no_tumor"] * 2
    detail = "9x9: 10 scans, all tumor"
    told = ("telling_format", "brain_tumor_yes_no", detail, False, "")
    left(tmp_path, scans(label=labels), [told])
    text = section(card(params, tmp_path), "Uses")
    assert "The patients of 12 scans are unknown" in text
    assert "The scans are of unknown institutions" in text
    assert f"The file format gives away the class in brain_tumor_yes_no ({detail})." in text
    assert "The classes are imbalanced: 10 tumor, 2 no_tumor" in text


def test_many_findings_are_cut_short(tmp_path: Path, params: Params) -> None:
    found = [("large_mask", f"s/{n}", "60% of the pixels", False, "") for n in range(30)]
    left(tmp_path, scans(), found)
    text = card(params, tmp_path)
    assert text.count("- large_mask, s/") == 20
    assert "- and 10 more in integrity.csv" in text


def test_the_same_files_give_the_same_card_and_others_another(
    tmp_path: Path, params: Params
) -> None:
    left(tmp_path, scans())
    once = card(params, tmp_path)
    assert card(params, tmp_path) == once
    left(tmp_path, scans(sha256=[f"{number:064d}" for number in range(1, 13)]))
    assert card(params, tmp_path) != once


def test_without_a_download_it_is_one_line(tmp_path: Path, params: Params) -> None:
    with pytest.raises(InputError, match=r"has no manifest\.csv yet; run dvc repro download@"):
        card(params, tmp_path)


def test_other_params_than_at_the_download_are_one_line(tmp_path: Path, params: Params) -> None:
    left(tmp_path, scans())
    with pytest.raises(InputError, match=r"holds brain_tumor_yes_no, params\.yaml names phantom"):
        card(params, tmp_path, "phantom")


def test_a_cell_keeps_to_its_row() -> None:
    lines = table(["a", "b"], [["x|y\nz", 12345], [True, 0.5]]).splitlines()
    assert lines == ["| a | b |", "| --- | --- |", "| x\\|y z | 12,345 |", "| True | 0.5 |"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with params.yaml for the yes/no set, and nothing else."""
    here = Path(__file__).parents[5] / "params.yaml"
    lines = here.read_text().split("classification:\n", 1)
    changed = lines[1].replace("dataset: phantom", "dataset: brain_tumor_yes_no", 1)
    (tmp_path / "params.yaml").write_text(f"{lines[0]}classification:\n{changed}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_prints_or_writes_the_card(repository: Path) -> None:
    left(repository, scans())
    printed = CliRunner().invoke(app, ["data", "card"])
    assert printed.exit_code == 0
    assert printed.output.startswith("# Data card: classification on brain_tumor_yes_no\n")
    out = repository / "docs/card.md"
    done = CliRunner().invoke(app, ["data", "card", "classification", "--out", str(out)])
    assert (done.exit_code, done.output) == (0, "")
    assert out.read_text() == printed.output


def test_the_command_says_in_one_line_what_is_missing(repository: Path) -> None:
    done = CliRunner().invoke(app, ["data", "card", "segmentation"])
    assert done.exit_code == 1
    assert done.output == (
        "scanvote: data/raw/segmentation has no manifest.csv yet;"
        " run dvc repro download@segmentation\n"
    )


def test_no_task_of_that_name_writes_nothing(repository: Path) -> None:
    done = CliRunner().invoke(app, ["data", "card", "detection", "--out", "card.md"])
    assert done.exit_code == 2
    assert not (repository / "card.md").exists()
