"""Experiments that real DVC made of given predictions, pooled."""

import subprocess
import sys
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dvc.repo import Repo

from scanvote.commands.pool import _check_comparable, _difference, cross_validate
from scanvote.commands.pool_parts import CrossValidation, check_tested_once, find_parts
from scanvote.core.errors import InputError
from scanvote.params import Params
from scanvote.predictions import mask_predictions
from scanvote.tracking.experiments import Experiment
from scanvote.tracking.provenance import git

DVC = [sys.executable, "-m", "dvc"]
STAGES = """
stages:
  unet:
    cmd: cp -r given/${model}${split.fold} models
    params: [model, split.fold]
    outs: [models]
"""
PARAMS = "model: none\nsplit: {folds: 2, fold: 0, protocol: grouped, site: null}\n"
EXPERIMENTS = {
    "good-fold0": ("good", 0),
    "good-fold1": ("good", 1),
    "poor-fold0": ("poor", 0),
    "poor-fold1": ("poor", 1),
    "twice-fold0": ("good", 0),
    "twice-fold1": ("good", 0),
    "half-fold0": ("good", 0),
    "large-fold0": ("large", 0),
    "large-fold1": ("large", 1),
    "good-site-a": ("good", 0),
}
"""By name, what is given to it, and its fold."""
SITE = ["split.protocol=site", "split.site=a"]


def predictions(fold: int, hit: int, rows: int) -> pd.DataFrame:
    """Two patients of one slice each, 4 of its pixels tumour, `hit` of them found."""
    names = [f"patient{2 * fold + number}" for number in range(2)]
    manifest = pd.DataFrame({"scan_id": names, "patient": names})
    manifest = manifest.assign(pixel_height=1.0, pixel_width=1.0, pixel_unit="px")
    truth, mask = np.zeros((2, rows, 4), bool)
    truth[0], mask[0, :hit] = True, True
    tested = mask_predictions("test", manifest, [truth] * 2, [mask] * 2)
    validated = tested.assign(split="validation", patient="another", predicted="")
    return pd.concat([tested, validated])


def name_experiment(name: str, other: str) -> None:
    """Give an experiment of the commit that is checked out another name, too."""
    head = git("rev-parse", "HEAD")
    of_commit = f"refs/exps/{head[:2]}/{head[2:]}"
    git("update-ref", f"{of_commit}/{other}", f"{of_commit}/{name}")


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with these experiments, and a commit after them."""
    folder = tmp_path_factory.mktemp("laboratory")
    for model, hit, rows in (("good", 4, 2), ("poor", 2, 2), ("large", 4, 3)):
        for fold in (0, 1):
            for stage, found in (("unet", hit), ("baseline", 1)):
                place = folder / "given" / f"{model}{fold}" / stage
                place.mkdir(parents=True)
                table = predictions(fold, found, rows)
                table.to_csv(place / "predictions.csv", index=False)
    (folder / "dvc.yaml").write_text(STAGES)
    (folder / "params.yaml").write_text(PARAMS)
    commit = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit"]
    before = [["git", "init", "-q"], [*DVC, "init", "-q"], ["git", "add", "-A"]]
    for command in [*before, [*commit, "-qm", "given"]]:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    ran: dict[tuple[str, int], str] = {}
    with chdir(folder):
        for name, (model, fold) in EXPERIMENTS.items():
            own = SITE if "-site-" in name else []
            if (model, fold) in ran and not own:  # the same again: another name is enough
                name_experiment(ran[model, fold], name)
                continue
            with Repo() as repo:  # `dvc exp run`, in this process: half the time
                parts = [f"model={model}", f"split.fold={fold}", *own]
                repo.experiments.run(name=name, params=parts)
            ran[model, fold] = name
    later = [*commit, "-q", "--allow-empty", "-m", "later"]
    subprocess.run(later, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(autouse=True)
def _here(laboratory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(laboratory)


def test_every_patient_is_tested_once_and_the_first_model_is_compared(
    params: Params, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = cross_validate(["good", "poor"], params, tmp_path)
    table = pd.read_csv(tmp_path / "models.csv", index_col="model")
    assert list(table.index) == ["good", "poor", "baseline"]
    assert found["poor"]["dice_patient_mean"] == pytest.approx(2 / 3)
    assert set(table["patients"]) == {4}
    assert set(table["experiments"]) == {2}
    assert table["dice_patient_mean"].tolist() == pytest.approx([1, 2 / 3, 0.4])
    assert table["ahead_by"].tolist() == pytest.approx([0, 1 / 3, 0.6])
    assert table.loc["poor", ["ahead_by_low", "dice_patient_mean_low"]].isna().all(), "of four"
    patients = pd.read_csv(tmp_path / "patients.csv")
    assert sorted(patients["patient"]) == sorted([f"patient{n}" for n in range(4)] * 3)
    assert (tmp_path / "dice_by_model.png").stat().st_size > 5000
    said = " ".join(capsys.readouterr().out.split())  # wrapped where the folder's name ends
    assert "not for diagnosis" in said
    assert "No intervals: fewer than 5 patients" in said


def test_institutions_are_pooled_apart_from_folds(params: Params, tmp_path: Path) -> None:
    found = cross_validate(["good"], params, tmp_path, sites=True)
    assert found["good"]["patients"] == 2
    assert found["good"]["experiments"] == 1


def test_outside_a_repository_is_one_line(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^this is no DVC repository"):
        cross_validate(["good"], params, tmp_path)


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        ("god", "there is no experiment god-fold…; did you mean 'good'?; run `scanvote recipe"),
        ("good good-fold0", "there is no experiment good-fold0-fold…"),
        ("twice", "twice-fold0 and twice-fold1 both test fold 0; `dvc exp remove` one"),
        ("half", "half: no experiment tests fold 1 of 2; run `scanvote"),
        ("good large", "(good: 2 x 4 in px, large: 3 x 4 in px); run all with one"),
    ],
)
def test_what_cannot_be_pooled_is_one_line(
    names: str, fault: str, params: Params, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as refused:
        cross_validate(names.split(), params, tmp_path)
    assert fault in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_table_of_some_folds_says_so(
    params: Params, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cross_validate(["half"], params, tmp_path, incomplete=True)
    said = " ".join(capsys.readouterr().out.split())
    assert "INCOMPLETE, half: no experiment tests fold 1 of 2." in said
    table = pd.read_csv(tmp_path / "models.csv", dtype=str)
    assert table["missing"].tolist() == ["1", "1"]


def test_missing_institutions_of_several_words_stay_apart(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = replace(find_parts("good", "folds", (), False), missing=["New York", "Oslo"])
    monkeypatch.setattr("scanvote.commands.pool.find_parts", lambda *_: lacking)
    cross_validate(["good"], params, tmp_path, incomplete=True)
    table = pd.read_csv(tmp_path / "models.csv")
    assert table["missing"].tolist() == ["New York, Oslo"] * 2


def test_other_true_masks_of_the_same_scans_are_refused() -> None:
    one = predictions(0, 4, 2)
    with pytest.raises(InputError, match="the true mask of patient0 differs between a and b"):
        _check_comparable({"a": one, "b": one.assign(truth="0 1")})


def test_models_without_a_patient_in_common_are_refused() -> None:
    tables = {f"{fold}": pd.DataFrame({"patient": [fold], "dice": [1.0]}) for fold in (0, 1)}
    patients = {name: table.set_index("patient") for name, table in tables.items()}
    with pytest.raises(InputError, match="0 and 1 tested no patient in common"):
        _difference(patients, "0", "1", 0)


@pytest.mark.parametrize(("by_scan", "fault"), [(False, "patient p"), (True, "scan a")])
def test_a_patient_of_two_parts_is_refused_unless_scans_were_split(
    by_scan: bool, fault: str
) -> None:
    parts = [Experiment(name, "abc") for name in ("x-fold0", "x-fold1")]
    whole = CrossValidation("x", parts, [], 2, by_scan)
    first = pd.DataFrame({"scan_id": ["scan a"], "patient": ["patient p"]})
    other = first.assign(scan_id="scan b")
    if by_scan:
        check_tested_once(whole, [first, other])
    with pytest.raises(InputError, match=f"^x: {fault} is tested by two .* x-fold0 and x-fold1"):
        check_tested_once(whole, [first, first if by_scan else other])
