import json
import math
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from pydantic import BaseModel

from scanvote import tracking
from scanvote.core.errors import InputError
from scanvote.core.metrics_file import HEADLINES
from scanvote.params import load_params
from scanvote.tracking import store

ROOT = Path(__file__).parents[3]
LOCK = """\
stages:
  download@classification:
    outs:
    - {path: data/raw/classification, md5: 64bde4227a42a79c112f25dc2c5affd3.dir}
  download@segmentation:
    outs:
    - {path: data/raw/segmentation, md5: 65fe317480e277c2a2773e1bdd7ee51e.dir}
  deduplicate@classification:
    outs:
    - {path: data/deduplicated/classification, md5: 6245.dir}
"""


class Settings(BaseModel):
    lr: float = 1e-4
    mirror: str | None = None
    cnn: dict[str, list[int]] = {"filters": [32, 64]}
    classification: dict[str, list[str]] = {"dataset": ["brain_tumor_mri", "ixi"]}
    segmentation: dict[str, list[str]] = {"dataset": ["phantom"]}


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A repository without runs, and no variable of DVC, Git or MLflow."""
    for name in [name for name in os.environ if name.startswith(("DVC_", "GIT_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    root = tmp_path / "main"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def repository(outside, empty_database):
    shutil.copy(empty_database, outside / "mlflow.db")
    return outside


def _runs(root):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    experiment = client.get_experiment_by_name("scanvote")
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
    return [(run.data.tags["scanvote.kind"], run.info.run_name, run) for run in runs]


def _one(root, kind):
    (found,) = [run for other, _, run in _runs(root) if other == kind]
    return found


def _ends(root):
    return {(kind, name): run.info.status for kind, name, run in _runs(root)}


def _artifacts(root, kind, path=None):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    return [file.path for file in client.list_artifacts(_one(root, kind).info.run_id, path)]


def _python(code, root, **environment):
    code = (
        "import os, signal, sys\n"
        "from pydantic import BaseModel\n"
        "from scanvote import tracking\n"
        "class Settings(BaseModel):\n"
        "    lr: float = 1e-4\n"
    ) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


# ---- what a run holds --------------------------------------------------------------


def test_trial_lies_below_stage_below_execution(repository):
    with tracking.stage_run("search", item="cnn", params=Settings()) as run:
        with run.trial("conv2", {"convolutions": 2}) as trial:
            trial.epoch(0, {"loss": 0.5})
            trial(1, {"loss": 0.3})
            trial.result({"val_accuracy": 0.7})
        run.log_metrics({"best": 0.7})
    parent, stage, trial = (_one(repository, kind) for kind in ("execution", "stage", "trial"))
    assert "mlflow.parentRunId" not in parent.data.tags
    assert stage.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert trial.data.tags["mlflow.parentRunId"] == stage.info.run_id
    assert (stage.info.run_name, trial.info.run_name) == ("search@cnn", "conv2")
    assert trial.data.params == {"convolutions": "2"}
    assert trial.data.metrics == {"loss": 0.3, "val_accuracy": 0.7}
    assert stage.data.metrics == {"best": 0.7}
    assert set(_ends(repository).values()) == {"FINISHED"}


def test_parent_holds_all_params_a_stage_its_sections(repository):
    with tracking.stage_run("search", params=Settings(), sections=("cnn",)):
        pass
    assert _one(repository, "execution").data.params == {
        "lr": "0.0001",
        "mirror": "null",
        "cnn.filters": "[32, 64]",
        "classification.dataset": '["brain_tumor_mri", "ixi"]',
        "segmentation.dataset": '["phantom"]',
    }
    assert _one(repository, "stage").data.params == {"cnn.filters": "[32, 64]"}


def test_the_params_of_this_repository(repository):
    params = load_params(ROOT / "params.yaml")
    with tracking.stage_run("search", params=params, sections=("lr", "search", "cnn")):
        pass
    assert _one(repository, "execution").data.params["lr"] == str(params.lr)
    assert "search.max_trials" in _one(repository, "stage").data.params


def test_any_number_of_params_of_any_length_and_name(repository):
    many = {f"p{i}": [i] * 1000 for i in range(250)} | {"../odd@key#": [1]}
    with tracking.stage_run("x", params=Settings(cnn=many), sections=("cnn",)):
        pass
    params = _one(repository, "stage").data.params
    assert len(params) == 251
    assert params["cnn.p1"].startswith("[1, 1, 1")


def test_tags_tell_where_a_run_comes_from(repository, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "sated-mats")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0a1b")
    (repository / "dvc.lock").write_text(LOCK)
    data = [Path("data/deduplicated/classification")]
    with tracking.stage_run("prepare", item="classification", params=Settings(), inputs=data):
        pass
    tags = _one(repository, "stage").data.tags
    assert tags["DVC_STAGE"] == "prepare@classification"
    assert tags["DVC_EXP_NAME"] == "sated-mats"
    assert tags["DVC_EXP_BASELINE_REV"] == "0a1b"
    assert tags["dvc.md5.data/deduplicated/classification"] == "6245.dir"
    parent = _one(repository, "execution")
    assert parent.info.run_name == "sated-mats"
    assert "DVC_STAGE" not in parent.data.tags


MRI = ("brain_tumor_mri + ixi", "64bde4227a42a79c112f25dc2c5affd3.dir", "classification")
MASKS = ("phantom", "65fe317480e277c2a2773e1bdd7ee51e.dir", "segmentation")


@pytest.mark.parametrize(
    ("stage", "inputs", "shown"),
    [
        ("download", [], []),
        ("prepare", ["data/raw/segmentation"], [MASKS]),
        ("search", ["data/deduplicated/classification"], [MRI]),
        ("package", ["models/unet", "data/raw"], [MRI, MASKS]),
        ("ensemble", ["models/search"], []),
    ],
)
def test_the_data_set_of_a_run_is_that_of_dvc(repository, stage, inputs, shown):
    (repository / "dvc.lock").write_text(LOCK)
    for _ in range(2):  # the next stage finds it on the parent
        with tracking.stage_run(stage, params=Settings(), inputs=[Path(one) for one in inputs]):
            pass
    for kind in ("execution", "stage"):
        run = [run for other, _, run in _runs(repository) if other == kind][-1]
        found = [
            (one.dataset.name, one.dataset.digest, one.tags[0].value)
            for one in run.inputs.dataset_inputs
        ]
        assert sorted(found) == sorted(shown)


def test_odd_numbers_stop_no_stage(repository):
    with tracking.stage_run("unet", params=Settings()) as run:
        run.log_metrics({"nan": math.nan, "inf": math.inf, "no": None, "dice@patient": 1})
    metrics = _one(repository, "stage").data.metrics
    assert math.isnan(metrics.pop("nan"))
    assert metrics == {"dice_patient": 1.0}


def test_a_folders_fitting_files_become_artifacts(repository):
    folder = repository / "out"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.csv", "b.png", "c.pkl", "deep/d.csv"):
        (folder / name).write_text(name)
    with tracking.stage_run("prepare", params=Settings()) as run:
        run.log_folder(folder, patterns=("*.csv", "*.png"))
    assert _artifacts(repository, "stage") == ["a.csv", "b.png", "deep"]
    assert _artifacts(repository, "stage", "deep") == ["deep/d.csv"]


def test_evaluate_writes_on_the_execution(repository):
    figure = repository / "roc.png"
    figure.write_bytes(b"png")
    with tracking.stage_run("evaluate", item="classification", params=Settings()) as run:
        run.log_on_parent({"vote_f1": 0.9, "dice": None}, [figure])
    assert _one(repository, "execution").data.metrics == {"vote_f1": 0.9}
    assert _artifacts(repository, "execution", "evaluate@classification") == [
        "evaluate@classification/roc.png"
    ]


def test_system_metrics_where_asked_for(repository, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "1")  # MLflow's own, goes first
    with tracking.stage_run("unet", params=Settings(), system_metrics=True):
        time.sleep(1.3)
    assert "system/cpu_utilization_percentage" in _one(repository, "stage").data.metrics


def test_a_saved_keras_model_is_logged_and_loads(repository):
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    model.save(repository / "best.keras")
    with tracking.stage_run("search", params=Settings()) as run:
        uri = run.log_model(repository / "best.keras", name="best")
    assert [
        name for name in os.environ if name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID")
    ] == []
    import mlflow

    with store.as_default(store.open_store()):
        loaded = mlflow.keras.load_model(uri)
        signature = mlflow.models.get_model_info(uri).signature
    assert loaded.count_params() == 0
    assert signature.inputs.inputs[0].shape == (-1, 4, 4, 1)


# ---- one parent an execution -------------------------------------------------------


def test_the_next_stage_finds_the_parent_again(repository):
    for stage in ("download", "deduplicate"):
        with tracking.stage_run(stage, params=Settings()):
            pass
    stages = [run for kind, _, run in _runs(repository) if kind == "stage"]
    parent = _one(repository, "execution").info.run_id
    assert [run.data.tags["mlflow.parentRunId"] for run in stages] == [parent, parent]


def test_another_experiment_has_another_parent(repository, monkeypatch):
    for name in ("sated-mats", "hefty-huia"):
        monkeypatch.setenv("DVC_EXP_NAME", name)
        with tracking.stage_run("download", params=Settings()):
            pass
    parents = [name for kind, name, _ in _runs(repository) if kind == "execution"]
    assert parents == ["sated-mats", "hefty-huia"]


def test_processes_that_begin_at_once_share_database_and_parent(outside):
    # and each without chatter (its whole output is looked at), telemetry or an early import
    code = """
        assert "mlflow" not in sys.modules
        with tracking.stage_run(sys.argv[0], params=Settings()) as run:
            for number in range(5):
                with run.trial(str(number), {}) as trial:
                    for step in range(5):
                        trial(step, {"loss": step})
        from mlflow.telemetry import get_telemetry_client
        assert get_telemetry_client() is None
    """
    started = [_python(code, outside, DVC_STAGE=f"search@{i}") for i in range(3)]
    assert [(process.communicate()[0], process.returncode) for process in started] == [("", 0)] * 3
    kinds = [kind for kind, _, _ in _runs(outside)]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "execution": 1,
        "stage": 3,
        "trial": 15,
    }
    assert set(_ends(outside).values()) == {"FINISHED"}


# ---- how runs end ------------------------------------------------------------------


def _fail(error, stage="search"):
    with tracking.stage_run(stage, params=Settings()) as run, run.trial("t", {}):
        raise error


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (InputError("no mirror\nat x"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(1), "FAILED"),
        (SystemExit(0), "FINISHED"),
    ],
)
def test_an_exception_ends_trial_stage_and_execution(repository, error, end):
    with pytest.raises(type(error)):
        _fail(error)
    assert list(_ends(repository).values()) == [end] * 3


def test_a_failed_run_says_why(repository):
    with pytest.raises(InputError):
        _fail(InputError("no mirror\nat x"))
    assert _one(repository, "stage").data.tags["scanvote.error"] == "InputError: no mirror at x"


def test_an_independent_stage_redeems_nothing_a_second_try_does(repository):
    with pytest.raises(ValueError, match="bad"):
        _fail(ValueError("bad"))
    with tracking.stage_run("unet", params=Settings()):
        assert _one(repository, "execution").info.status == "RUNNING"
    assert _one(repository, "execution").info.status == "FAILED"
    with tracking.stage_run("search", params=Settings()):
        pass
    assert _one(repository, "execution").info.status == "FINISHED"


def test_runs_of_a_process_that_was_killed_are_killed_by_the_next(repository):
    code = """
        with tracking.stage_run("search", params=Settings()) as run:
            with run.trial("t", {}):
                os.kill(os.getpid(), signal.SIGKILL)
    """
    process = _python(code, repository)
    assert process.wait() == -signal.SIGKILL
    assert set(_ends(repository).values()) == {"RUNNING"}
    with tracking.stage_run("deduplicate", params=Settings()):
        dead = [run for _, _, run in _runs(repository) if run.info.status == "KILLED"]
        alive = [run for _, _, run in _runs(repository) if run.info.status == "RUNNING"]
    assert (len(dead), len(alive)) == (3, 2)


# ---- the store ---------------------------------------------------------------------


def test_a_copy_logs_into_the_main_repository(repository, monkeypatch):
    copy = repository / ".dvc" / "tmp" / "exps" / "tmp1"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(repository))
    (copy / "a.csv").write_text("1")
    with tracking.stage_run("prepare", params=Settings()) as run:
        run.log_folder(copy, ("*.csv",))
    assert [path.name for path in copy.iterdir()] == ["a.csv"]
    assert _artifacts(repository, "stage") == ["a.csv"]
    assert Path(_one(repository, "stage").info.artifact_uri.removeprefix("file://")).is_relative_to(
        repository / "mlartifacts"
    )


def test_a_relative_database_counts_from_the_main_repository(outside, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs/a.db")
    assert tracking.tracking_uri() == f"sqlite:///{outside}/runs/a.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////srv/a.db")
    assert tracking.tracking_uri() == "sqlite:////srv/a.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example.org")
    assert tracking.tracking_uri() == "https://mlflow.example.org"


def test_a_deleted_experiment_comes_back(repository):
    opened = store.open_store()
    opened.client.delete_experiment(opened.experiment)
    with tracking.stage_run("download", params=Settings()):
        pass
    assert _one(repository, "stage").info.status == "FINISHED"


def _experiment(root):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{root}/mlflow.db").get_experiment_by_name("scanvote")


def test_the_experiment_is_of_model_training_and_has_a_view(repository):
    opened = store.open_store()
    tags = _experiment(repository).tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    address = tracking.ui_address(port=5001)
    page, _, query = address.partition("?")
    assert page == f"http://127.0.0.1:5001/#/experiments/{opened.experiment}/runs"
    words = dict(word.split("=") for word in query.split("&"))
    assert words["workflowType"] == "machine_learning"
    saved = json.loads(tags[f"mlflow.sharedViewState.{words['viewStateShareKey']}"])
    columns = json.loads(saved["state"])["selectedColumns"]
    shown = {key for kind, one in HEADLINES.items() if "evaluate" in kind for key in one}
    metrics = {name[9:-1] for name in columns if name.startswith("metrics.")}
    assert metrics == {"vote_f1", "dice"} <= shown
    assert set(columns) >= {"params.`lr`", "attributes.`Dataset`"}


def test_an_older_experiment_gets_what_it_lacks_and_keeps_what_a_person_chose(repository):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{repository}/mlflow.db")
    chosen = {"mlflow.experimentKind": "classification"}
    client.create_experiment("scanvote", tags=chosen)
    store.open_store()
    tags = _experiment(repository).tags
    assert tags["mlflow.experimentKind"] == "classification"
    assert "mlflow.sharedViewState.headline" in tags


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("http://me:secret@127.0.0.1:9", "http://***@127.0.0.1:9"),
        ("./mlruns", "./mlruns"),
        ("gopher://x", "gopher://x"),
    ],
)
def test_a_store_that_cannot_be_reached_is_one_line(outside, monkeypatch, uri, told):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(InputError) as caught, tracking.stage_run("download", params=Settings()):
        pass
    message = str(caught.value)
    assert message.startswith(f"MLFLOW_TRACKING_URI={told}: ")
    assert "secret" not in message
    assert "\n" not in message
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_a_broken_database_is_one_line(outside):
    (outside / "mlflow.db").write_text("no database" * 1000)
    with (
        pytest.raises(InputError, match=r"mlflow\.db: .* not a database"),
        tracking.stage_run("download", params=Settings()),
    ):
        pass


def test_the_command_that_opens_the_pages(repository, monkeypatch):
    words = tracking.ui_command(port=5001)
    assert words[:4] == [sys.executable, "-m", "mlflow", "ui"]
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert options["--backend-store-uri"] == f"sqlite:///{repository}/mlflow.db"
    assert options["--default-artifact-root"] == (repository / "mlartifacts").as_uri()
    assert (options["--host"], options["--port"]) == ("127.0.0.1", "5001")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example.org")
    with pytest.raises(InputError, match=r"open https://mlflow\.example\.org"):
        tracking.ui_command()
