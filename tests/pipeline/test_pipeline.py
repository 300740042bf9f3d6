"""The pipeline as a person runs it: real DVC, real MLflow, a tiny phantom."""

import io
import json
import re
import shutil
import time
import zipfile

import numpy as np
import pandas as pd
import pytest

from scanvote.core.metrics_file import HEADLINES, read_headlines, read_metrics
from tests.pipeline.conftest import HANGS, kill
from tests.pipeline.faults import lock_of

pytestmark = pytest.mark.slow  # all wait for a pipeline that was run to its end
TASKS = ("classification", "segmentation")
FAMILIES = ("ann", "cnn", "transfer")  # that params.yaml searches
SKIPPED = {"search@published"}
UNLOGGED = SKIPPED | {"plots"}  # it only gathers
SEARCHES = {f"search@{family}" for family in FAMILIES} | SKIPPED
DATA = {f"{stage}@{task}" for stage in ("download", "deduplicate", "prepare") for task in TASKS}
EVALUATED = [f"metrics/evaluate/{task}.json" for task in TASKS]
CURVES = r"metrics/plots/(curves/\w+\.csv)"
LOOKS = ["sources:", "always", "changed"]
"""What `dvc status` says of the stage that looks at own data, when all else is up to date."""
TERMINAL = 200
"""Columns that a terminal of a wide screen shows."""
STAGES = (
    DATA
    | SEARCHES
    | {"inflation", "unet", "baseline", "ensemble", "explain", "package", "report", "plots"}
    | {f"evaluate@{task}" for task in TASKS}
)


def _runs(workspace):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{workspace.folder}/mlflow.db")
    experiment = client.get_experiment_by_name("scanvote")
    found = client.search_runs([experiment.experiment_id])
    return {
        kind: [run for run in found if run.data.tags["scanvote.kind"] == kind]
        for kind in ("execution", "stage", "trial")
    }


# ---- one run ---------------------------------------------------------------------------


def test_every_stage_ran_and_every_output_is_there(repro):
    lock = lock_of(repro)
    assert set(lock) == STAGES | {"sources"}
    for stage in lock.values():
        for out in stage["outs"]:
            assert (repro / out["path"]).exists(), out["path"]


def test_metrics_bear_the_name_of_their_stage_and_are_flat_numbers(repro):
    seen = set()
    for name in STAGES - {"report", "plots"}:  # of pages and pictures
        stage, _, item = name.partition("@")
        item = item or ("segmentation" if stage in ("unet", "baseline") else "classification")
        path = repro / f"metrics/{stage}/{item}.json"
        headline = f"{stage}/{item}" if stage == "evaluate" else stage
        values, figures = json.loads(path.read_text()), read_metrics(path)
        assert values
        assert values == {k: figures[f] for k, f in HEADLINES[headline].items() if f in figures}
        undefined = None  # as of a class without a test scan
        assert all(isinstance(one, int | float) or one is undefined for one in figures.values())
        seen |= {(headline, key) for key in values}
    assert seen == {(name, key) for name, headline in HEADLINES.items() for key in headline}


def test_metrics_that_others_rely_on(repro):
    found = read_metrics(repro / "metrics/evaluate/classification.csv")
    wanted = ("vote_accuracy", "vote_macro_f1", "best_accuracy", "best_macro_f1", "test_scans")
    assert set(wanted) <= set(found)
    found = read_metrics(repro / "metrics/evaluate/segmentation.csv")
    wanted = ("dice_patient_mean", "dice_patient_median", "dice_slice_mean", "pixel_accuracy")
    assert {*wanted, "test_patients"} <= set(found)


def test_nobody_stands_in_two_splits(repro):
    for task in TASKS:
        frame = pd.read_csv(repro / f"data/prepared/{task}/manifest.csv", keep_default_na=False)
        known = frame[frame["patient"] != ""]
        assert (known.groupby("patient")["split"].nunique() == 1).all()
        assert set(frame["split"]) == {"train", "validation", "test"}


def test_the_vote_is_of_the_best_candidates_on_the_same_scans(repro):
    members = pd.read_csv(repro / "models/ensemble/members.csv")
    table = pd.read_csv(repro / "models/ensemble/predictions.csv")
    chosen = members["model"][members["votes"]]
    assert len(chosen) == 3
    families = members["model"].str.partition("/")[0]
    beside = members.groupby(families)["model"].first()  # the best of each family
    rules = {f"vote/{rule}" for rule in ("majority", "soft", "weighted", "stacking")}
    assert set(table["model"]) == {"vote", *rules, *chosen, *beside}
    assert members["macro_f1"].is_monotonic_decreasing
    scans = [set(rows["scan_id"]) for _, rows in table.groupby("model")]
    assert all(one == scans[0] for one in scans)


def test_status_is_clean_and_a_second_repro_runs_nothing(repro):
    assert repro.dvc("status").split() == LOOKS
    said = repro.dvc("repro")
    assert re.findall("Running stage '(.*)'", said) == ["sources"]
    assert said.count("didn't change, skipping") == len(STAGES)
    assert repro.run("git", "status", "--short").stdout == ""


def test_what_dvc_shows_a_person(repro):
    shown = repro.dvc("metrics", "show").splitlines()
    assert [line.split()[0] for line in shown] == ["Path", *EVALUATED]
    assert max(map(len, shown)) <= TERMINAL
    stages = repro.dvc("stage", "list", "--all").splitlines()
    assert {line.split()[0] for line in stages} == STAGES | {"sources"}
    assert "evaluate@classification" in repro.dvc("dag", "--md")
    plots = repro.run("dvc", "plots", "show", "--out", repro.folder.parent / "plots")
    page = (repro.folder.parent / "plots" / "index.html").read_text()
    assert plots.stdout.strip().endswith("index.html")
    assert plots.stderr == ""  # DVC complains here of a plot without its file
    assert "Dice of each test patient" in page
    assert {f"curves/{one}.csv" for one in (*FAMILIES, "unet")} <= set(re.findall(CURVES, page))


def test_a_second_clone_pulls_what_was_pushed(repro, tmp_path_factory):
    storage = repro.folder.parent / "scanvote-storage"  # beside the clones, as .dvc/config says
    clone = type(repro)(repro.folder.parent / "second")
    try:
        repro.dvc("push")
        assert storage.is_dir()
        assert repro.run("git", "clone", "--quiet", repro.folder, clone.folder).returncode == 0
        clone.dvc("pull")
        assert clone.dvc("status").split() == LOOKS
        assert (clone / "models/package/package.json").is_file()
    finally:
        for folder in (storage, clone.folder):
            shutil.rmtree(folder, ignore_errors=True)


def test_a_task_that_is_left_out_and_taken_in_again(done):
    kept = _contents(done / "models/unet")
    done.change("segmentation: {dataset: null}")
    done.dvc("repro", "plots")  # which needs all but the report and the package
    data = [f"data/{step}/segmentation" for step in ("raw", "deduplicated", "prepared")]
    for folder in (*data, "models/unet", "models/baseline", "metrics/evaluate/segmentation"):
        assert [*_contents(done / folder)] == ["left_out.txt"]
    assert not (done / "mlflow.db").exists()  # a run of nothing is not logged
    shown = done.run("dvc", "plots", "diff", "HEAD", "workspace")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Traceback" not in done.dvc("metrics", "diff")
    done.change("segmentation: {dataset: phantom}")
    done.dvc("repro", "unet")
    assert _contents(done / "models/unet") == kept


@pytest.mark.usefixtures("experiment")  # starts it, to be looked at further down
def test_another_run_gives_the_same_bytes(twin):
    assert twin.dvc("status").split() == LOOKS  # by the digests of the first
    workers = {run.data.tags.get("scanvote.worker") for run in _runs(twin)["trial"]}
    assert workers <= {"first", "second", "third"}
    assert workers & {"second", "third"}, "no trial was trained beside the scheduler"


# ---- what a change runs again ----------------------------------------------------------


def test_segmentation_alone_trains_no_classifier(repro):
    assert repro.ran("evaluate@segmentation", force=True) == {
        *(name for name in DATA if name.endswith("segmentation")),
        "unet",
        "baseline",
        "evaluate@segmentation",
    }


VOTE = {"ensemble", "explain", "evaluate@classification", "package"}
MASKS = {"unet", "evaluate@segmentation", "package"}
REPORT = {"report"}  # tells every setting that decides a result, and what every stage left
SHOWN = {"inflation"} | {
    name for name in STAGES if name.startswith(("prepare", "search", "unet", "evaluate"))
}
"""What `dvc plots` shows something of."""
# by change: the stages that it concerns, and all that follow where their outputs change; changes
# that have nothing in common share a dry run, which takes seconds
CHANGES = {
    "unet: {filters: 4}\nensemble: {rule: soft}": ({"unet", "ensemble"}, MASKS | VOTE),
    "baseline: {method: otsu}\ncnn: {dropout: 0.5}": (
        {"baseline", "search@cnn"},
        {"baseline", "evaluate@segmentation", "search@cnn", *VOTE},
    ),
    "ensemble: {top: 2}": ({*SEARCHES, "ensemble"}, SEARCHES | VOTE),
    "explain: {window: 0.3}": (
        {"explain", "package"},
        {"explain", "package", "evaluate@classification"},
    ),
    "evaluate: {gallery: 3}": (
        {"explain", *(f"evaluate@{task}" for task in TASKS)},
        {"explain", *(f"evaluate@{task}" for task in TASKS), "package"},
    ),
    "lr: 1e-4": ({*SEARCHES, "unet"}, SEARCHES | VOTE | MASKS),
    "prepare: {segmentation: {copies: 1}}": (
        {"prepare@segmentation", "package"},
        {"prepare@segmentation", "baseline", *MASKS},
    ),
    "split: {protocol: random}": (
        {f"prepare@{task}" for task in TASKS},
        {f"prepare@{task}" for task in TASKS} | SEARCHES | VOTE | MASKS | {"baseline"},
    ),
    "inflation: {folds: 3}\npackage: {onnx: false}": (
        {"inflation", "package"},
        {"inflation", "package"},
    ),
    "phantom: {segmentation: {slices: 5}}": (
        {"download@segmentation"},
        {name for name in DATA if name.endswith("segmentation")} | MASKS | {"baseline"},
    ),
    "download: {mirror: elsewhere}": ({f"download@{task}" for task in TASKS}, STAGES),
}


@pytest.fixture
def changeable(repro):
    """The finished workspace, its params.yaml as it was when the test ends."""
    before = (repro / "params.yaml").read_bytes()
    yield repro
    (repro / "params.yaml").write_bytes(before)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_runs_only_what_depends_on_it(changeable, downstream, change):
    changeable.change(change)
    concerned, following = CHANGES[change]
    # a dry run cannot know whether the outputs of these will change
    assert changeable.ran() == concerned | REPORT
    plots = {"plots"} if following & SHOWN else set()
    assert downstream(concerned) == following | REPORT | plots


def test_where_the_work_is_done_runs_nothing(changeable):
    changeable.change("compute: {scheduler: slurm, workers: 2}")
    assert changeable.ran() == set()


# ---- MLflow ----------------------------------------------------------------------------


def test_one_parent_holds_all_stages_and_their_trials(repro):
    runs = _runs(repro)
    (parent,) = runs["execution"]
    assert {run.info.run_name for run in runs["stage"]} == STAGES - UNLOGGED
    assert len(runs["stage"]) == len(STAGES - UNLOGGED)
    assert {run.data.tags["mlflow.parentRunId"] for run in runs["stage"]} == {parent.info.run_id}
    assert parent.data.params["lr"] == "0.001"
    assert {run.info.status for kind in runs.values() for run in kind} == {"FINISHED"}


def test_every_trial_lies_below_its_search(repro):
    runs = _runs(repro)
    names = {run.info.run_id: run.info.run_name for run in runs["stage"]}
    found = {(names[t.data.tags["mlflow.parentRunId"]], t.info.run_name) for t in runs["trial"]}
    expected = {("unet", "unet")}
    for family in FAMILIES:
        trials = pd.read_csv(repro / f"models/search/{family}/trials.csv")
        expected |= {(f"search@{family}", name) for name in trials["trial"]}
    assert found == expected
    assert all("val_loss" in run.data.metrics for run in runs["trial"])


def test_the_parent_compares_whole_experiments(repro):
    runs = _runs(repro)
    (parent,) = runs["execution"]
    assert parent.data.metrics == pytest.approx(
        _defined(read_headlines(repro / "metrics/evaluate"))
    )
    stages = {run.info.run_name: run for run in runs["stage"]}
    for task, path in zip(TASKS, EVALUATED, strict=True):
        logged = stages[f"evaluate@{task}"].data.metrics
        found = _defined(read_metrics(repro / path))
        assert {name: logged[name] for name in found} == pytest.approx(found)
    assert "best_val_macro_f1" in stages["search@cnn"].data.metrics


def _defined(figures):
    """Without those of a class, or of an interval, that so few scans do not allow."""
    return {name: value for name, value in figures.items() if value is not None}


def test_the_parent_names_the_data_sets_with_the_digests_of_dvc(repro):
    (parent,) = _runs(repro)["execution"]
    lock = lock_of(repro)
    assert {
        one.tags[0].value: (one.dataset.name, one.dataset.digest)
        for one in parent.inputs.dataset_inputs
    } == {task: ("phantom", lock[f"download@{task}"]["outs"][0]["md5"]) for task in TASKS}


def test_the_registered_model_says_what_the_pipeline_said(repro, tmp_path):
    """Loaded from the registry by a process that knows nothing of the repository."""
    code = """
import base64, json, sys, mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/scanvote@champion")
files = [base64.b64encode(open(path, "rb").read()).decode() for path in sys.argv[2:]]
model.predict(pd.DataFrame({"image": files})).to_json(sys.stdout, orient="records")
"""
    manifest = pd.read_csv(repro / "data/prepared/classification/manifest.csv")
    scans = manifest[manifest["split"] == "test"].set_index("scan_id")["path"]
    words = (code, f"sqlite:///{repro.folder}/mlflow.db")
    files = [repro / "data/raw/classification" / path for path in scans]
    done = type(repro)(tmp_path).run("python3", "-c", *words, *files)
    assert done.returncode == 0, done.stderr
    said = pd.DataFrame(json.loads(done.stdout.splitlines()[-1]))
    _check_as_the_pipeline(said, repro, scans.index)


def _check_as_the_pipeline(said, repro, scans):
    table = pd.read_csv(repro / "models/ensemble/predictions.csv")
    vote = table[(table["model"] == "vote") & (table["split"] == "test")]
    vote = vote.set_index("scan_id").loc[scans]
    assert said["vote"].tolist() == vote["predicted"].tolist()
    names = [name for name in vote if name.startswith("p_")]
    assert np.abs(said[names].to_numpy() - vote[names].to_numpy()).max() < 1e-5


def test_the_shell_says_what_the_pipeline_said(repro, tmp_path):
    """Of an exported package, where there is no repository; a broken file is one row."""
    manifest = pd.read_csv(repro / "data/prepared/classification/manifest.csv")
    scans = manifest[manifest["split"] == "test"].set_index("scan_id")["path"]
    files = [repro / "data/raw/classification" / path for path in scans]
    done = repro.run("scanvote", "export", tmp_path / "model")
    assert done.returncode == 0, done.stderr
    broken = tmp_path / "broken.png"
    broken.write_bytes(files[0].read_bytes()[:200])
    command = ("predict", *files, broken, "--model", "model", "--out", "table.csv")
    done = type(repro)(tmp_path).run("scanvote", *command)
    assert done.returncode == 1
    assert "1 of" in done.stderr
    table = pd.read_csv(tmp_path / "table.csv")
    assert "broken.png" in table["error"].iloc[-1]
    said = table.iloc[:-1]
    assert said["error"].isna().all()
    _check_as_the_pipeline(said, repro, scans.index)


def test_the_report_is_one_page_with_the_figures_of_the_metrics(repro):
    page = (repro / "metrics/report.html").read_text()
    found = read_metrics(repro / "metrics/evaluate/classification.csv")
    assert f"{found['vote_accuracy']:.3f}" in page
    assert "Research use, not for diagnosis" in page
    assert 'src="http' not in page
    assert "not for diagnosis" in (repro / "metrics/claim.md").read_text()


# ---- interruptions; see also test_faults.py --------------------------------------------


KILLS = 6
PREPARED = "data/prepared/classification"


def _search(family, folder):
    return "stages.search", family, PREPARED, f"{folder}/{family}", f"{folder}/{family}.json"


def test_killed_at_moments_of_a_search_over_all_families(done):
    done.change("search: {epochs: 9, patience: null, max_trials: 3, algorithm: grid}")
    done.run_stages(*(_search(family, "whole") for family in FAMILIES))
    memory = done / ".cache/trials"
    shutil.rmtree(memory)
    random, finished, left = np.random.default_rng(KILLS), {}, list(FAMILIES)
    for _ in range(KILLS):
        process = done.start_stages(*(_search(family, "cut") for family in left))
        for _ in range(random.integers(1, 6)):  # moments of the work, however fast the machine
            before = _written(memory)
            _wait_for(lambda before=before: _written(memory) != before, process)
        time.sleep(random.uniform(0, 0.1))
        kill(process)
        for path in memory.glob("*/result.json"):
            finished.setdefault(path, path.stat().st_mtime_ns)
        left = [family for family in left if not (done / f"cut/{family}.json").exists()]
        for family in left:  # as DVC does with the outputs of what it runs
            shutil.rmtree(done / f"cut/{family}", ignore_errors=True)
    assert finished, "killed before anything was done"
    assert left, "killed too late"
    done.run_stages(*(_search(family, "cut") for family in left))
    assert all(path.stat().st_mtime_ns == when for path, when in finished.items())
    whole, cut = (_contents(done / name) for name in ("whole", "cut"))
    assert {f"{family}/trials.csv" for family in FAMILIES} < set(whole)
    assert cut == whole


def test_a_unet_killed_between_two_epochs_ends_as_if_it_had_not_been(done):
    done.change("unet: {epochs: 6, patience: null, sample: balanced, augment: true,"
                " schedule: cosine, normalisation: batch}")  # fmt: skip
    words = "stages.unet", "data/prepared/segmentation"
    done.run_stages((*words, "whole", "whole/metrics.json"))
    memory = done / ".cache/trials"
    shutil.rmtree(memory)
    process = done.start_stages((*words, "cut", "cut/metrics.json"))
    _wait_for(lambda: list(memory.glob("*/checkpoint.npz")), process)
    kill(process)
    assert not list(memory.glob("*/result.json")), "killed too late"
    done.run_stages((*words, "cut", "cut/metrics.json"))
    whole, cut = (_contents(done / name) for name in ("whole", "cut"))
    assert {"1.keras", "curves.csv", "predictions.csv", "metrics.json"} < set(whole)
    assert cut == whole


def _contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _written(memory):
    """Differs once another file of a trial was written: a write ends with a renaming."""
    return {folder.name: folder.stat().st_mtime_ns for folder in memory.glob("*")}


def _wait_for(found, process):
    for _ in range(18_000):
        if now := found():
            return now
        assert process.poll() is None, "ended before"
        time.sleep(0.01)
    raise AssertionError("waited for minutes")


# ---- the right Python ------------------------------------------------------------------


def test_dvc_of_the_environment_without_the_environment_on_the_path(repro, tmp_path):
    workspace = repro.copy(tmp_path / "scanvote")
    workspace.run(".venv/bin/dvc", "config", "core.analytics", "false")
    command = (".venv/bin/dvc", "repro", "--single-item", "--force", "ensemble")
    done = workspace.run("env", "-i", "PATH=/usr/bin:/bin", f"HOME={tmp_path}", *command)
    assert done.returncode == 0, done.stderr
    assert (workspace / "dvc.lock").read_bytes() == (repro / "dvc.lock").read_bytes()


def test_a_stage_without_any_environment_says_what_to_do(repro, tmp_path):
    workspace = repro.copy(tmp_path / "scanvote")
    (workspace / ".venv").unlink()
    done = workspace.run("env", "-i", "/usr/bin/env", "python3", "-S", "-m", "stages.ensemble")
    assert done.returncode != 0
    assert done.stderr.strip().endswith("run `make env`")
    assert len(done.stderr.splitlines()) == 1


def test_a_stage_runs_the_code_of_its_own_copy(repro, tmp_path):
    workspace = repro.copy(tmp_path / "scanvote")
    (workspace / "src/scanvote/core/errors.py").write_text("raise SystemExit('this copy')\n")
    done = workspace.run(".venv/bin/python", "-m", "stages.ensemble", "--help")
    assert done.stderr.strip() == "this copy"


# ---- bad input -------------------------------------------------------------------------


@pytest.fixture
def refused(checkout, tmp_path_factory):
    """Runs a download that must fail with one line, which it returns."""
    workspace = checkout("refused")

    def run(change="", **environment):
        if change:
            workspace.change(change)
        words = ("classification", "data/raw/x", "data/taken/x.json", "metrics/x.json")
        done = workspace.run("python3", "-m", "stages.download", *words, **environment)
        assert done.returncode == 1, done.stderr
        assert done.stdout == ""
        lines = done.stderr.splitlines()
        assert len(lines) == 1, done.stderr
        assert lines[0].startswith("scanvote: ")
        assert not (workspace / "data/raw/x").exists()
        assert not (workspace / "metrics/x.json").exists()
        return lines[0].removeprefix("scanvote: ")

    run.workspace = workspace
    return run


MRI = "classification: {dataset: brain_tumor_mri}"


def test_missing_mirror(refused):
    said = refused(f"{MRI}\ndownload: {{mirror: nowhere}}")
    folder = refused.workspace / "nowhere"
    assert said == f"the mirror {folder} is no folder; correct download.mirror or SCANVOTE_MIRROR"


def test_corrupt_archive(refused, tmp_path):
    _archive(tmp_path, refused, b"PK\x03\x04 and then nothing")
    assert "is damaged or no archive" in refused(MRI, SCANVOTE_MIRROR=str(tmp_path))


def test_archive_with_a_path_outside(refused, tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../outside.png", b"x")
    _archive(tmp_path, refused, content.getvalue())
    said = refused(MRI, SCANVOTE_MIRROR=str(tmp_path))
    assert "its member '../outside.png' leads outside of the folder" in said
    assert list(refused.workspace.folder.rglob("outside.png")) == []


def _archive(folder, refused, content):
    from scanvote.datasets.brain_tumor_mri import ARCHIVE

    (folder / ARCHIVE.name).write_bytes(content)


def test_unknown_data_set(refused):
    said = refused("classification: {dataset: brain_tumour_mri}")
    assert said == (
        "classification.dataset: no data set and no path 'brain_tumour_mri';"
        " did you mean 'brain_tumor_mri'?"
    )


def test_misspelt_key_of_params(refused):
    params = refused.workspace / "params.yaml"
    params.write_text(params.read_text().replace("correlation:", "corelation:"))
    assert "deduplicate.corelation is no known key; did you mean 'correlation'?" in refused()


def test_impossible_value_of_params(refused):
    assert "split.test" in refused("split: {test: 1.5}")


def test_a_failing_stage_stops_dvc_with_the_same_line(refused):
    refused.workspace.change("classification: {dataset: phantasm}")
    done = refused.workspace.run("dvc", "repro", "download@classification")
    assert done.returncode != 0
    assert "no path 'phantasm'; did you mean 'phantom'?" in done.stderr
    assert "Traceback" not in done.stderr


# ---- an experiment, last because it runs beside all this ---------------------------------


def test_experiment_with_another_lr(experiment):
    done, process = experiment
    out, err = process.communicate(timeout=HANGS)
    assert process.returncode == 0, f"{out[-3000:]}\n{err[-3000:]}"
    ran = {run.info.run_name for run in _runs(done)["stage"]}
    assert ran == (CHANGES["lr: 1e-4"][1] | REPORT) - UNLOGGED
    (parent,) = _runs(done)["execution"]
    assert parent.info.run_name == "slower"
    assert float(parent.data.params["lr"]) == 1e-4
    (shown,) = json.loads(done.dvc("exp", "show", "--json"))[1]["experiments"]
    (revision,) = shown["revs"]
    assert revision["name"] == "slower"
    assert revision["data"]["params"]["params.yaml"]["data"]["lr"] == 1e-4
    assert set(revision["data"]["metrics"]) == set(EVALUATED)
    head = done.dvc("exp", "show").splitlines()[1][:TERMINAL].split()
    assert {*_defined(read_headlines(done / "metrics/evaluate")), "lr"} <= set(head)
    changed = done.dvc("exp", "show", "--only-changed", "--drop", ".*/").splitlines()
    assert max(map(len, changed)) <= TERMINAL
    assert max(map(len, done.dvc("metrics", "diff", "HEAD", "slower").splitlines())) <= TERMINAL
