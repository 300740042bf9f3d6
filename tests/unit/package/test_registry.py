"""Versions of the model in MLflow's registry, and which of them is champion."""

import base64
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scanvote import tracking
from scanvote.backend import use_backend
from scanvote.errors import InputError
from scanvote.package.packing import pack
from scanvote.predictions import labels_of, probabilities, read_predictions
from scanvote.tracking import registry, store
from tests.packing import Made, changed, write_pipeline
from tests.searching import tiny_params

use_backend("tensorflow")
ASK = """
import sys
sys.path.append({packages!r})   # without what .pth files add, as an editable install does
import mlflow, pandas
mlflow.set_tracking_uri({uri!r})
model = mlflow.pyfunc.load_model("models:/scanvote@champion")
import scanvote
print(scanvote.__file__)
model.predict(pandas.read_csv("scans.csv")).to_csv("said.csv", index=False)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    return changed(write_pipeline(tmp_path_factory.mktemp("made")), package={"onnx": False})


@pytest.fixture(scope="module")
def packed(made: Made, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("packed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(root))
        pack(*made, root / "package")
    return root / "package"


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory) -> Path:
    store.quieten()
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").get_experiment_by_name("scanvote")
    return path


def enter(root: Path, database: Path, patch: pytest.MonkeyPatch) -> Path:
    """Work in a repository without runs."""
    for name in [name for name in os.environ if name.startswith(("DVC_", "GIT_", "MLFLOW_"))]:
        patch.delenv(name)
    patch.chdir(root)
    shutil.copy(database, root / "mlflow.db")
    return root


@pytest.fixture
def repository(tmp_path, monkeypatch, empty_database) -> Path:
    return enter(tmp_path, empty_database, monkeypatch)


@pytest.fixture(scope="module")
def registered(tmp_path_factory, empty_database, packed: Path) -> Iterator[Path]:
    """A repository with one version of the model, which no test changes."""
    with pytest.MonkeyPatch.context() as patch:
        root = enter(tmp_path_factory.mktemp("registered"), empty_database, patch)
        register(packed)
        yield root


def register(package: Path) -> registry.Registered:
    with tracking.stage_run("package", params=tiny_params()) as run:
        return run.register(package, "scanvote", seed=1)


def another(packed: Path, root: Path, right: float, copies: int = 40, smoke: bool = False) -> Path:
    """The package as if it had been tested on more groups, a share of them rightly."""
    folder = shutil.copytree(packed, root / f"{right}-{copies}-{smoke}" / "package")
    one = pd.read_csv(folder / "test.csv")
    many = pd.concat([one] * copies, ignore_index=True)
    many["scan"] = [f"{number:04}" for number in range(len(many))]
    many["group"] = np.arange(len(many)) // 2
    wrong = np.random.default_rng(3).random(len(many)) >= right
    other = many["label"].map({"glioma": "pituitary", "no_tumor": "glioma", "pituitary": "glioma"})
    many["predicted"] = many["label"].where(~wrong, other)
    many.to_csv(folder / "test.csv", index=False)
    if smoke:
        text = (folder / "package.json").read_text()
        (folder / "package.json").write_text(text.replace('"smoke": false', '"smoke": true'))
    return folder


def aliases() -> dict[str, str]:
    found = store.open_store().client.get_registered_model("scanvote").aliases
    return {alias: str(version) for alias, version in found.items()}


def test_the_champion_is_the_best_of_the_versions(packed: Path, repository: Path):
    good, bad, better, other, smoke = (
        another(packed, repository, *values)
        for values in ((0.5,), (0.3,), (0.95,), (1.0, 30), (1.0, 40, True))
    )
    assert register(good) == ("1", "champion: it is the first of all")
    assert aliases() == {"champion": "1"}
    version, reason = register(bad)
    assert (version, aliases()) == ("2", {"champion": "1", "challenger": "2"})
    assert reason.startswith("challenger: macro F1 0.")
    version, reason = register(better)
    assert (version, aliases()) == ("3", {"champion": "3", "challenger": "2"})
    assert reason.endswith("lies above zero")
    assert "other scans" in register(other).reason
    assert "smoke run" in register(smoke).reason
    assert aliases() == {"champion": "3", "challenger": "5"}
    tags = store.open_store().client.get_model_version("scanvote", "3").tags
    assert tags["scanvote.reason"] == reason


def test_what_is_a_version_already_is_not_registered_again(packed: Path, registered: Path):
    before = {path: path.read_bytes() for path in packed.rglob("*") if path.is_file()}
    moved = shutil.copytree(packed, registered / "moved" / "package")
    assert register(moved) == ("1", "champion: it is the first of all")
    assert len(store.open_store().client.search_model_versions("name = 'scanvote'")) == 1
    assert {path: path.read_bytes() for path in packed.rglob("*") if path.is_file()} == before


def test_it_is_signed_and_has_an_example_of_nobody(registered: Path):
    from mlflow.artifacts import load_dict
    from mlflow.models import get_model_info

    with store.as_default(store.open_store()):
        info = get_model_info("models:/scanvote@champion")
        example = load_dict("models:/scanvote@champion/input_example.json")
    assert info.signature.inputs.input_names() == ["image"]
    said = ["predicted", "p_glioma", "p_no_tumor", "p_pituitary", "agreement"]
    assert info.signature.outputs.input_names() == said
    ((text,),) = example["data"]
    assert base64.b64decode(text).startswith(b"\x89PNG")


def test_a_registry_that_refuses_is_one_line(packed: Path, repository: Path, monkeypatch):
    from mlflow import MlflowClient

    def refuse(*args: object, **kwargs: object) -> None:
        raise RuntimeError("API request to http://me:secret@host failed\nwith 404")

    monkeypatch.setattr(MlflowClient, "get_registered_model", refuse)
    with pytest.raises(InputError, match=r"package\.name: scanvote cannot be registered") as caught:
        register(packed)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_champion_answers_where_there_is_no_repository(
    made: Made, registered: Path, tmp_path: Path
):
    table = read_predictions(made.ensemble / "predictions.csv")
    rows = table[(table["model"] == "vote") & (table["split"] == "test")]
    contents = [(made.raw / f"{scan}.png").read_bytes() for scan in rows["scan_id"]]
    encoded = [base64.b64encode(content).decode() for content in contents]
    pd.DataFrame({"image": encoded}).to_csv(tmp_path / "scans.csv", index=False)
    code = ASK.format(packages=sysconfig.get_path("purelib"), uri=tracking.tracking_uri())
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", code],
        cwd=tmp_path,
        env={"PATH": "/usr/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip().splitlines()[-1]).is_relative_to(registered / "mlartifacts")
    said = pd.read_csv(tmp_path / "said.csv")
    assert said["predicted"].tolist() == rows["predicted"].tolist()
    found = said[[f"p_{label}" for label in labels_of(rows)]].to_numpy()
    assert np.abs(found - probabilities(rows)).max() < 1e-5
    assert said["agreement"].isin([0.5, 1.0]).all()


def test_text_that_is_no_image_is_one_line(registered: Path):
    import mlflow

    with store.as_default(store.open_store()):
        model = mlflow.pyfunc.load_model("models:/scanvote@champion")
    for text, reason in (("%%", "no base64 text"), ("aGVsbG8=", "no whole image")):
        with pytest.raises(InputError, match=f"the image in row 0 is {reason}"):
            model.predict(pd.DataFrame({"image": [text]}))


def test_one_process_at_a_time_decides(packed: Path, repository: Path, monkeypatch):
    from filelock import Timeout

    decide = registry.choose_champion

    def watched(*arguments: object) -> object:
        with pytest.raises(Timeout):
            store.store_lock().acquire(timeout=0)
        return decide(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(registry, "choose_champion", watched)
    assert register(packed).version == "1"
