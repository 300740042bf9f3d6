"""Experiments that real DVC made of given predictions, side by side."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dvc.repo import Repo
from rich.console import Console
from typer.testing import CliRunner

from scanvote.cli import app
from scanvote.commands.compare import Comparison, compare_experiments
from scanvote.commands.compare_report import print_comparison
from scanvote.metrics.performance import (
    ClassificationPerformance,
    Estimate,
    write_performance,
)
from scanvote.predictions import mask_predictions
from scanvote.tracking.provenance import git

DVC = [sys.executable, "-m", "dvc"]
STAGES = """
stages:
  report:
    cmd: cp -r given/${model}/. .
    params:
      - params.yaml:
    outs: [models, data, metrics]
"""
PARAMS = """
model: good
lr: 0.001
seed: 1
smoke: false
compute: {workers: 1}
classification: {dataset: study, labels: {}}
segmentation: {dataset: masks}
"""
FIGURE = Estimate(value=0.9)
PERFORMANCE = ClassificationPerformance(
    scans=60,
    groups=12,
    scans_patient_known=55,
    accuracy=FIGURE,
    macro_f1=FIGURE,
    auroc=FIGURE,
    frequent_class="b",
    frequent_accuracy=0.5,
    against_frequent="better",
)
SCANS, PATIENTS = 60, 12
EXPERIMENTS = {
    "alike": "lr=1e-4",
    "bad": "model=poor compute.workers=2",
    "tried": "smoke=true",
    "elsewhere": "model=few",
    "renamed": "model=renamed",
    "alone": "segmentation.dataset=null",
}
"""By name, what it sets."""


def manifest(scans: int, patients: int, prefix: str = "scan") -> pd.DataFrame:
    number = np.arange(scans)
    names = [f"{prefix}{one:03}" for one in number]
    owners = [f"p{one % patients:02}" for one in number]
    table = pd.DataFrame({"scan_id": names, "split": "test", "patient": owners, "group": owners})
    # the content is the same whatever the name; the patient of the first is not known
    table["sha256"] = [f"digest{one:03}" for one in number]
    table.loc[table["patient"] == "p00", "patient"] = ""
    return table


def vote(scans: pd.DataFrame, right: float, labels: tuple[str, str]) -> pd.DataFrame:
    """The first share of the scans is right, and nearly sure."""
    number = np.arange(len(scans))
    truth = number % 2
    predicted = np.where(number < right * len(scans), truth, 1 - truth)
    sure = 0.9 - number / 1000
    chance = np.where(predicted == 1, sure, 1 - sure)
    names = np.array(labels)
    table = pd.DataFrame({"model": "vote", "scan_id": scans["scan_id"], "split": "test"})
    table["label"], table["predicted"] = names[truth], names[predicted]
    return table.assign(**{f"p_{labels[0]}": 1 - chance, f"p_{labels[1]}": chance})


def masks(scans: pd.DataFrame, hit: int, rows: int) -> pd.DataFrame:
    """Each has 4 pixels of tumour; `hit` of them are found, in each other slice one more."""
    truth = np.zeros((len(scans), rows, 4), bool)
    truth[:, 0] = True
    found = np.zeros_like(truth)
    found[:, 0, :hit] = True
    found[::2, 0, hit : hit + 1] = True
    table = scans.assign(pixel_height=1.0, pixel_width=1.0, pixel_unit="px")
    return mask_predictions("test", table, list(truth), list(found))


def give(folder: Path, scans: pd.DataFrame, rows: pd.DataFrame, slices: pd.DataFrame) -> None:
    for task, table, place in (
        ("classification", rows, "ensemble"),
        ("segmentation", slices, "unet"),
    ):
        for path, content in (
            (f"models/{place}/predictions.csv", table),
            (f"data/prepared/{task}/manifest.csv", scans),
        ):
            (folder / path).parent.mkdir(parents=True)
            content.to_csv(folder / path, index=False)


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with these experiments, a commit after them, and `alike` of that one too."""
    folder = tmp_path_factory.mktemp("laboratory")
    scans, given = manifest(SCANS, PATIENTS), folder / "given"
    good = vote(scans, 0.9, ("a", "b"))
    give(given / "good", scans, good, masks(scans, 3, 4))
    give(given / "poor", scans, vote(scans, 0.5, ("a", "b")), masks(scans, 1, 4))
    other = manifest(SCANS, PATIENTS, "file")
    give(given / "renamed", other, vote(other, 0.9, ("a", "c")), masks(other, 3, 3))
    few = manifest(6, 1)
    give(given / "few", few, vote(few, 0.9, ("a", "b")), masks(few, 3, 4))
    for model in ("good", "poor", "renamed", "few"):
        only = "b" if model == "poor" else None
        told = PERFORMANCE.model_copy(update={"only_class": only})
        write_performance(told, given / model / "metrics/evaluate/classification")
    (folder / "dvc.yaml").write_text(STAGES)
    (folder / "params.yaml").write_text(PARAMS)
    (folder / ".gitignore").write_text("/models\n/data\n/metrics\n")
    commit = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit"]
    before = [["git", "init", "-q"], [*DVC, "init", "-q"], ["git", "add", "-A"]]
    for command in [*before, [*commit, "-qm", "given"]]:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    def experiment(name: str, settings: str) -> None:
        with Repo() as repo:  # `dvc exp run`, in this process: half the time
            repo.experiments.run(name=name, params=settings.split())
        subprocess.run(["git", "checkout", "-q", "params.yaml"], check=True)

    with chdir(folder):
        for name, settings in EXPERIMENTS.items():
            experiment(name, settings)
        with Repo() as repo:
            repo.reproduce()
        for command in (["git", "add", "-A"], [*commit, "-qm", "run"]):
            subprocess.run(command, check=True, capture_output=True)
        # what another commit's experiment of the same name is
        bases = [git("rev-parse", commit) for commit in ("HEAD", "HEAD~1")]
        now, then = (f"refs/exps/{base[:2]}/{base[2:]}" for base in bases)
        git("update-ref", f"{now}/alike", f"{then}/alone")
    return folder


@pytest.fixture(autouse=True)
def _here(laboratory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(laboratory)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def said() -> Callable[..., str]:
    """What `scanvote compare` prints; rc 0."""

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["compare", *words])
        assert done.exit_code == 0, done.output
        return done.output

    return run


def test_a_worse_one_is_told_from_one_that_differs_by_nothing() -> None:
    found = compare_experiments(["workspace", "bad", "HEAD"])
    classes, slices = found.tasks
    assert classes.reference == slices.reference == "workspace"
    assert not classes.apart
    by = {(one.name, one.metric): one for one in (*classes.differences, *slices.differences)}
    worse = by["bad", "accuracy"]
    assert worse.difference[0] == pytest.approx(-0.4)
    assert worse.difference[2] < 0 < worse.p < worse.p_holm < 0.01
    assert worse.words() == by["bad", "dice_patient_mean"].words() == "workspace is better"
    assert by["HEAD", "auroc"].words() == "the same predictions"
    assert found.differing_params() == {
        "model": {"workspace": "good", "bad": "poor", "HEAD": "good"}
    }


def test_another_order_compares_with_the_first(said: Callable[..., str]) -> None:
    text = said("bad", "workspace")
    assert "each less bad" in text
    assert "+0.400" in text
    assert "workspace is better" in text
    assert "by chance" not in text


@pytest.fixture(scope="module")
def everything(laboratory: Path) -> Comparison:
    with chdir(laboratory):
        return compare_experiments([])


def printed(found: Comparison, columns: int) -> str:
    text = StringIO()
    queue = {"queued": ["later"], "failed": ["broken"]}
    print_comparison(found, Console(file=text, width=columns), queue)
    return text.getvalue()


def test_without_names_all_are_shown_and_those_apart_say_why(everything: Comparison) -> None:
    text = printed(everything, 200)
    flat = " ".join(text.replace("│", " ").split())
    assert "60 test scans in 12 groups, 11 known patients, unknown for 5 scans" in flat
    assert "a smoke run, which is no result" in flat
    assert "other test scans: 6 of its 6 test scans are tested by workspace too" in flat
    assert "other classes: a, c, not a, b" in flat
    assert "masks of 3 x 4 in px, not 4 x 4 in px" in flat
    assert "segmentation.dataset is null: this task was left out" in flat
    assert "one is expected to look real by chance" in flat
    assert "Without results yet: queued: later; failed: broken" in flat
    assert "bad: The vote names b for every test scan: it distinguishes nothing." in flat
    assert "workspace: The vote" not in flat
    assert "not for diagnosis" in flat
    alike = {word.strip(",") for word in text.split() if word.startswith("alike@")}
    assert len(alike) == 2, "one of each commit"
    assert "HEAD" not in everything.experiments, "it is what the workspace holds"


@pytest.mark.parametrize("columns", [80, 120])
def test_no_column_is_cut(columns: int, everything: Comparison) -> None:
    lines = printed(everything, columns).splitlines()
    assert max(map(len, lines)) <= columns
    assert all(line[-1] in "┓┃┩│┘" for line in lines if line.startswith(tuple("┏┃┡│└")))
    assert "…" not in "".join(lines)


def test_a_name_of_two_commits_stands_for_both_and_one_can_be_told() -> None:
    both = compare_experiments(["alike"])
    assert len(both.experiments) == 2
    _, earlier = both.experiments
    (own,) = compare_experiments([earlier]).experiments.values()
    assert own == both.experiments[earlier]
    by_revision = compare_experiments([str(own.revision)[:10]])
    assert list(by_revision.experiments) == [earlier]


def test_the_files_hold_what_is_printed(said: Callable[..., str], tmp_path: Path) -> None:
    said("workspace", "bad", "tried", "--out", str(tmp_path / "all.csv"))
    table = pd.read_csv(tmp_path / "all.csv").set_index(["task", "experiment"])
    bad = table.loc["classification", "bad"]
    assert bad["compared_with"] == "workspace"
    assert bad["difference_accuracy"] == pytest.approx(-0.4)
    assert bad["accuracy"] == pytest.approx(0.5)
    assert bad["accuracy_low"] < 0.5 < bad["accuracy_high"]
    assert bad["params.model"] == "poor"
    assert table.loc["segmentation", "tried"]["not_compared"].startswith("a smoke run")
    said("workspace", "--out", str(tmp_path / "all.json"))
    written = json.loads((tmp_path / "all.json").read_text())
    assert "not for diagnosis" in written["note"]
    assert [row["experiment"] for row in written["rows"]] == ["workspace", "workspace"]
    assert written["rows"][0]["revision"] is None


def test_settings_changed_since_the_results_are_not_theirs(
    said: Callable[..., str], laboratory: Path
) -> None:
    params = laboratory / "params.yaml"
    params.write_text(PARAMS.replace("0.001", "0.5").replace("workers: 1", "workers: 2"))
    try:
        text = " ".join(said("workspace", "HEAD").split())
    finally:
        params.write_text(PARAMS)
    assert "(lr is 0.5, was 0.001)" in text, "and nothing of compute"
    assert "No setting differs" in text


def test_what_is_not_in_the_cache_stands_apart(laboratory: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(laboratory, copy, symlinks=True)
    shutil.rmtree(copy / ".dvc/cache")
    with chdir(copy):
        classes, _ = compare_experiments(["workspace", "bad"]).tasks
    assert [row.name for row in classes.rows] == ["workspace"]
    (row,) = classes.apart
    assert "models/ensemble/predictions.csv is not in DVC's cache; `dvc pull` it" in row.why


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("bat", "there is no experiment or commit 'bat'; did you mean 'bad'?"),
        ("--out table.txt", "table.txt must end in .csv or .json"),
        ("HEAD~1", "there are no results to compare; HEAD~1: models/ensemble/predictions.csv is"),
    ],
)
def test_what_cannot_be_compared_is_one_line(words: str, fault: str) -> None:
    done = CliRunner().invoke(app, ["compare", *words.split()])
    assert done.exit_code == 1
    assert done.stderr.startswith(f"scanvote: {fault}")
    assert done.stderr.count("\n") == 1


def test_outside_a_repository_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["compare"])
    assert done.exit_code == 1
    assert done.stderr.startswith("scanvote: params.yaml is missing; run from the root")
