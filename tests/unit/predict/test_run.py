"""The command scanvote predict."""

import csv
import json
import re
from importlib.metadata import version
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from scanvote.cli import app
from scanvote.params import Task
from scanvote.pipeline.package.metadata import read_metadata, write_metadata
from scanvote.predict import answers, run, terminal
from scanvote.predict.rows import columns
from scanvote.predict.schema import FileError, OodScore
from tests.asking import Oracle, finding, write_package
from tests.making import write_image, write_nifti
from tests.serving import alone, contents


class Explained(Oracle):
    """One that can be explained: by the scan itself."""

    @property
    def panel(self) -> object:
        class Panel:
            def supports(self, method: str) -> bool:
                return method != "gradcam"

        return Panel()


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with scans and a model in which there are no networks."""
    write_package(tmp_path / "model")
    for name in ("scans/1.png", "scans/2.png", "scans/10.png"):
        write_image(tmp_path / name, len(name), side=20)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        run,
        "load_package",
        lambda folder, runtime: Explained(read_metadata(folder), runtime=runtime or "onnx"),
    )
    heat = np.full((20, 20), 128, np.uint8)
    monkeypatch.setattr(answers, "explain", lambda *arguments: {"vote": heat})
    return tmp_path


def predict(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["predict", "--model", "model", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done.exit_code, done.stdout, done.stderr


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def test_to_a_program_it_writes_comma_separated_rows():
    code, out, err = predict("scans")
    assert code == 0
    assert [row["file"] for row in rows(out)] == ["scans/1.png", "scans/2.png", "scans/10.png"]
    assert list(rows(out)[0]) == columns(contents(), {})
    told, named, of_class, of_outline = err.splitlines()
    digest = read_metadata(Path("model")).digest
    assert {row["model_digest"] for row in rows(out)} == {digest}
    assert re.fullmatch(rf"Model {digest[:12]}\. ONNX Runtime [0-9.]+, CPU\.", named)
    assert told == "Research use, not for diagnosis."
    tested = "tested on 172 scans of 110 patients: accuracy 0.92 (0.86–0.96)"
    assert of_class.startswith(f"Class: {tested}")
    assert of_outline == "Outline: tested on 57 slices of 7 patients: mean Dice 0.81 (0.66–0.90)."


@pytest.mark.parametrize(
    ("runtime", "named"), [("onnx", "ONNX Runtime "), ("keras", f"Keras {version('keras')}.")]
)
def test_the_runtime_is_chosen_and_named(runtime: str, named: str):
    code, _, err = predict("scans/1.png", "--runtime", runtime)
    assert code == 0
    assert f". {named}" in err.splitlines()[1]


def test_a_table_in_a_new_folder_and_nothing_else():
    code, out, _ = predict("scans", "--out", "new/said.csv")
    assert (code, out) == (0, "")
    assert len(rows(Path("new/said.csv").read_text())) == 3
    assert sorted(path.name for path in Path().iterdir()) == ["model", "new", "scans"]


def test_a_file_that_cannot_be_read_is_a_row_and_the_exit_code_says_so():
    Path("scans/3.png").write_text("text")
    code, out, err = predict("scans")
    assert code == 1
    assert [bool(row["error"]) for row in rows(out)] == [False, False, True, False]
    assert err.endswith("scanvote: 1 of 4 files could not be read\n")


def test_where_nothing_can_be_read_it_is_said():
    Path("broken.png").write_bytes(Path("scans/1.png").read_bytes()[:100])
    code, out, err = predict("broken.png", "--out", "said.json")
    assert (code, out) == (1, "")
    assert err.endswith("scanvote: none of 1 file could be read\n")
    (row,) = json.loads(Path("said.json").read_text())["scans"]
    assert (row["file"], row["status"]) == ("broken.png", 422)


def test_what_is_passed_over_is_counted():
    Path("scans/notes.txt").write_text("text")
    code, out, err = predict("scans")
    assert (code, len(rows(out))) == (0, 3)
    assert "passed over 1 file, such as notes.txt (" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nowhere.png"], "nowhere.png does not exist"),
        (["empty"], "empty: no file is there"),
        (["texts"], "texts: 1 file, such as a.txt ("),
        (["scans", "--out", "said.xls"], "none of the endings"),
        (["scans", "--model", "nowhere"], "nowhere is no folder"),
        (["scans", "--model", "scans"], "scans is no package of scanvote"),
        (["scans", "--masks", "scans/masks"], "choose a folder apart"),
        (["scans", "--masks", "m", "--explain", "lime", "--explanations", "m"], "are one folder"),
        (["scans", "--explain", "gradcam", "--masks", "m"], "choose occlusion or lime"),
        (["scans", "--masks", "texts/a.txt"], "cannot be a folder"),
        (["scans", "--scheduler", "8786"], "should be processes, slurm, or the address"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_table(words: list[str], reason: str):
    Path("empty").mkdir()
    Path("texts").mkdir()
    Path("texts/a.txt").write_text("text")
    code, _, err = predict("--out", "said.csv", *words)
    assert code == 1
    assert reason in err.splitlines()[-1]
    assert "Traceback" not in err
    assert not Path("said.csv").exists()
    assert not Path("m").exists()


@pytest.mark.parametrize(
    ("task", "words", "reason"),
    [
        ("classification", ["--masks", "m"], "--masks: this model marks nothing"),
        ("segmentation", ["--explain", "lime"], "--explain: this model has no vote to explain"),
    ],
)
def test_a_model_of_one_task_says_that_alone(
    task: Task, words: list[str], reason: str, monkeypatch
):
    write_metadata(alone(task), Path("model"))
    monkeypatch.setattr(run, "load_package", lambda folder, _: Oracle(read_metadata(folder)))
    code, out, err = predict("scans")
    assert code == 0
    assert list(rows(out)[0]) == columns(alone(task), {})
    assert len(err.splitlines()) == 3
    code, out, err = predict("scans", *words)
    assert (code, out) == (1, "")
    assert reason in err
    assert not Path("m").exists()


def test_masks_are_as_large_as_the_scans_and_listed():
    write_nifti(Path("volumes/a.nii.gz"))
    code, _, _ = predict("scans", "volumes", "--masks", "masks", "--out", "said.csv")
    listed = rows(Path("said.csv").read_text())
    assert code == 0
    assert [row["mask"] for row in listed[:3]] == [
        "masks/scans/1.png",
        "masks/scans/2.png",
        "masks/scans/10.png",
    ]
    assert listed[3]["mask"] == f"masks/volumes/a-axial-{listed[3]['slice']}.png"
    for row in listed:
        mask = cv2.imread(row["mask"], cv2.IMREAD_UNCHANGED)
        assert int((mask == 255).sum()) == int(row["area_pixels"])
        assert set(np.unique(mask)) <= {0, 255}
    assert mask.shape == (24, 24)
    assert len(list(Path("masks").rglob("*.png"))) == len(listed)


def test_explanations_lie_over_the_scans_and_are_listed():
    code, _, _ = predict("scans/1.png", "--explain", "lime", "--out", "said.jsonl")
    (row,) = map(json.loads, Path("said.jsonl").read_text().splitlines())
    assert code == 0
    assert row["files"] == {"explanation": "explanations/1-lime.png"}
    assert cv2.imread("explanations/1-lime.png").shape == (20, 20, 3)


def test_what_fails_in_the_middle_leaves_the_table_before(monkeypatch: pytest.MonkeyPatch):
    Path("said.csv").write_text("before")

    def fail(*arguments: object) -> None:
        raise ArithmeticError  # a bug, which is no fault of the machine

    monkeypatch.setattr(run, "write_picture", fail)
    done = CliRunner().invoke(
        app, ["predict", "scans", "--model=model", "--masks=m", "--out=said.csv"]
    )
    assert isinstance(done.exception, ArithmeticError)
    assert Path("said.csv").read_text() == "before"


def test_a_person_is_shown_the_first_and_told_of_the_rest(monkeypatch: pytest.MonkeyPatch):
    shown = StringIO()
    monkeypatch.setattr(terminal, "Console", lambda: Console(file=shown, width=160))
    monkeypatch.setattr(terminal, "SHOWN", 2)
    with terminal.table_on_terminal(contents()) as add:
        add(finding("[bold]a.png", slice=3, plane="axial"), {})
        for _ in range(1234):
            add(finding("other.png"), {})
    text = shown.getvalue()
    assert "[bold]a.png, axial 3" in text
    assert text.count("other.png") == 1
    assert "… and 1,233 more; --out writes all" in text
    assert "3 of 3" in text


def test_at_80_columns_a_row_is_a_line_and_doubts_and_failures_stand_below(
    monkeypatch: pytest.MonkeyPatch,
):
    shown = StringIO()
    monkeypatch.setattr(terminal, "Console", lambda: Console(file=shown, width=80))
    far = OodScore(distance=2.34, outside=True)
    with terminal.table_on_terminal(contents()) as add:
        add(finding("a.png", familiarity=far, doubts=["Of both.", "Of a."]), {})
        add(finding("b.png", doubts=["Of both."]), {})
        add(FileError(file="cut.png", status=422, reason="cut.png is cut off"), {})
    lines = shown.getvalue().splitlines()
    assert "vote 2.3" in next(line for line in lines if "a.png" in line)
    assert "farther than 1" in shown.getvalue()
    assert {"a.png and 1 more: Of both.", "a.png: Of a."} <= set(lines)
    assert "not read: cut.png is cut off" in lines
