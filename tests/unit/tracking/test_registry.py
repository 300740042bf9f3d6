"""Versions of the model in MLflow's registry, and which of them is champion."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from scanvote import tracking
from scanvote.commands.model_option import package_folder
from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError
from scanvote.pipeline.package import read_metadata
from scanvote.pipeline.package.metadata import write_metadata
from scanvote.pipeline.package.reference_outputs import digest_of
from scanvote.pipeline.package.stage import build_package
from scanvote.predictions import labels_of, probabilities, read_predictions
from scanvote.tracking import registry, store
from tests.making import write_nifti
from tests.packing import Made, changed, write_pipeline
from tests.searching import tiny_params, tree

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
        build_package(*made, root / "package")
    return root / "package"


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
    contents = read_metadata(folder).model_copy(update={"test": digest_of(many), "smoke": smoke})
    write_metadata(contents, folder)
    return folder


def reference_outputs(package: Path) -> bytes:
    return (package / "test.csv").read_bytes()


def aliases() -> dict[str, str]:
    found = store.open_store().client.get_registered_model("scanvote").aliases
    return {alias: str(version) for alias, version in found.items()}


FIRST = "champion: it is the first that was tested on its test scans"


def test_the_champion_is_the_best_of_the_versions_of_its_test_scans(packed: Path, repository: Path):
    good, bad, better, other, smoke = (
        another(packed, repository, *values)
        for values in ((0.5,), (0.3,), (0.95,), (1.0, 30), (1.0, 20, True))
    )
    assert register(good) == ("1", FIRST)
    one, two = (registry.line_alias(read_metadata(folder).test) for folder in (good, other))
    assert aliases() == {"champion": "1", one: "1"}
    # as a version of scanvote left it in which lines had no alias
    store.open_store().client.delete_registered_model_alias("scanvote", one)
    version, reason = register(bad)
    assert (version, aliases()) == ("2", {"champion": "1", one: "1", "challenger": "2"})
    assert reason.startswith("challenger: macro F1 0.")
    version, reason = register(better)
    line = {"champion": "3", one: "3", "challenger": "2"}
    assert (version, aliases()) == ("3", line)
    assert reason.endswith("lies above zero")
    found = store.open_store().client.get_model_version("scanvote", "3")
    assert found.tags["scanvote.reason"] == reason
    told = found.tags["scanvote.patients.classification"]
    assert told.startswith("Not patient-disjoint: 6 of 6 test scans")
    assert f"Test of classification: {told}\n" in found.description
    digest = read_metadata(better).digest
    assert found.tags["scanvote.model_digest"] == digest
    assert f"Model digest: {digest}." in found.description
    assert found.description.startswith("Class: tested on 172 scans of 110 patients: accuracy 0.92")
    # other scans start a line of their own, and say so
    version, reason = register(other)
    assert reason == (
        f"{FIRST}; `champion` is now version 4, and no longer version 3, which was tested on other"
        f" scans and stays `{one}`"
    )
    assert aliases() == line | {"champion": "4", two: "4"}
    # where the package of the first scans lies, it is their champion that `champion` means
    assert (package_folder("champion") / "test.csv").read_bytes() == reference_outputs(other)
    shutil.copytree(good, repository / "models" / "package")
    assert (package_folder("champion") / "test.csv").read_bytes() == reference_outputs(better)
    assert "smoke run" in register(smoke).reason
    assert aliases() == line | {"champion": "4", two: "4", "challenger": "5"}
    # back to the first scans: their champion is found again, by a new package or the same
    assert "`champion` is now version 3, and no longer version 4" in register(better).reason
    assert aliases()["champion"] == "3"
    text = store.open_store().client.get_registered_model("scanvote").description
    assert text.startswith("Champion: version 3.\n\nClass: tested on 172 scans")


def test_what_is_a_version_already_is_not_registered_again(packed: Path, registered: Path):
    before = {path: path.read_bytes() for path in packed.rglob("*") if path.is_file()}
    moved = shutil.copytree(packed, registered / "moved" / "package")
    assert register(moved) == ("1", FIRST)
    assert len(store.open_store().client.search_model_versions("name = 'scanvote'")) == 1
    assert {path: path.read_bytes() for path in packed.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("loss", ["gone", "older"])
def test_a_champion_that_cannot_be_read_stops_nothing(
    packed: Path, repository: Path, loss: str
) -> None:
    first = another(packed, repository, 0.3)
    assert register(first).version == "1"
    (model,) = (repository / "mlartifacts/models").iterdir()
    table = model / "artifacts/artifacts/package/test.csv"
    if loss == "gone":
        shutil.rmtree(model)
    else:
        table.write_text("scan,label\n")
    version, reason = register(another(packed, repository, 0.95))
    assert (version, aliases()["champion"], aliases()["challenger"]) == ("2", "1", "2")
    assert reason.startswith("challenger: not compared, as the champion, version 1, cannot be read")
    found = store.open_store().client.get_model_version("scanvote", "2")
    assert found.tags["scanvote.reason"] == reason
    if loss == "gone":
        with pytest.raises(InputError, match="its files are gone"):
            package_folder("models:/scanvote/1")
        with pytest.raises(InputError, match="set the alias to another version in `scanvote ui`"):
            package_folder("champion")
        # and of the champion itself there is a new version
        version, reason = register(first)
        assert (version, aliases()["champion"]) == ("3", "3")
        assert reason == "champion: the same as version 1, which is unreadable"
        assert (package_folder("champion") / "test.csv").read_bytes() == reference_outputs(first)


def test_a_registration_that_was_ended_is_completed(
    packed: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    def away(*args: object) -> None:
        raise ConnectionError("refused")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_registered_model_alias", away)
        with pytest.raises(InputError, match="needs a model registry that answers: refused; run"):
            register(packed)
    assert register(packed) == ("1", FIRST)
    assert aliases()["champion"] == "1"


def test_a_name_may_have_what_an_address_can_hold(packed: Path, repository: Path) -> None:
    name = "St Mary's & Ätna (v2)"
    with tracking.stage_run("package", params=tiny_params(package={"name": name})) as run:
        assert run.register(packed, name, seed=1).version == "1"
        assert run.register(packed, name, seed=1).version == "1"
    assert tree(package_folder(f"models:/{name}@champion")) == tree(packed)


def test_it_is_signed_and_has_an_example_of_nobody(packed: Path, registered: Path):
    from mlflow.artifacts import load_dict
    from mlflow.models import get_model_info

    with store.as_default(store.open_store()):
        info = get_model_info("models:/scanvote@champion")
        example = load_dict("models:/scanvote@champion/input_example.json")
    assert info.metadata == {"scanvote.model_digest": read_metadata(packed).digest}
    assert info.signature.inputs.input_names() == ["image"]
    said = info.signature.outputs.input_names()
    assert {"vote", "p_glioma", "p_no_tumor", "p_pituitary", "agreement"} < set(said)
    assert {"ann/small", "cnn/small", "area_pixels", "distance", "outside"} < set(said)
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
    made: Made, packed: Path, registered: Path, tmp_path: Path
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
    assert said["vote"].tolist() == rows["predicted"].tolist()
    found = said[[f"p_{label}" for label in labels_of(rows)]].to_numpy()
    assert np.abs(found - probabilities(rows)).max() < 1e-5
    assert set(said["model_digest"]) == {read_metadata(packed).digest}
    assert said["agreement"].isin([0.5, 1.0]).all()
    assert said["ann/small"].isin(labels_of(rows)).all()
    assert (said["outside"] == (said["distance"] > 1)).all()


def test_each_row_is_answered_or_says_why_not(made: Made, registered: Path, tmp_path: Path):
    import mlflow

    with store.as_default(store.open_store()):
        model = mlflow.pyfunc.load_model("models:/scanvote@champion")
    volume = base64.b64encode(write_nifti(tmp_path / "a.nii.gz").read_bytes()).decode()
    content = (made.raw / "classification" / "test-0.png").read_bytes()
    plain, lines = base64.b64encode(content).decode(), base64.encodebytes(content).decode()
    texts = [plain, "%%", lines, "aGVsbG8=", "ä", volume, plain.replace("A", "B"), ""]
    said = model.predict(pd.DataFrame({"image": texts}))
    assert said["vote"].notna().tolist() == [True, False, True] + [False] * 5
    assert said.loc[0].drop("error").equals(said.loc[2].drop("error"))
    assert said.loc[[0, 2], "error"].tolist() == [None, None]
    reasons = ["is no base64 text of a file", "is text", "is no base64", "is a volume of", "is a"]
    for row, reason in zip((1, 3, 4, 5, 6), reasons, strict=True):
        assert said.loc[row, "error"].startswith(f"the image in row {row} {reason}")
    assert said.loc[7, "error"] == "the image in row 7 is empty"
    json.dumps(said.to_dict("records"), allow_nan=False)
    assert model.predict(pd.DataFrame({"image": ["%%"]})).loc[0, "vote"] is None


@pytest.mark.slow
def test_served_over_http_it_says_what_the_shell_says(made: Made, registered: Path, tmp_path: Path):
    from scanvote.cli import app

    scans = sorted((made.raw / "classification").glob("test-*.png"))
    texts = [[base64.b64encode(path.read_bytes()).decode()] for path in scans]
    question = json.dumps({"dataframe_split": {"columns": ["image"], "data": texts}})
    with served("models:/scanvote@champion") as address:
        header = {"Content-Type": "application/json"}
        request = Request(f"{address}/invocations", question.encode(), header)
        with urlopen(request, timeout=60) as answer:
            text = answer.read().decode()
    assert "NaN" not in text  # which is no JSON
    table = tmp_path / "said.csv"
    words = ["predict", *map(str, scans), "--model", "champion", "--out", str(table)]
    assert CliRunner().invoke(app, words).exit_code == 0
    shell = pd.read_csv(table)
    over_http = pd.DataFrame(json.loads(text)["predictions"])
    assert set(shell) - set(over_http) == {"file", "slice", "plane"}
    for name in over_http:
        if over_http[name].dtype == float:
            assert np.abs(over_http[name] - shell[name]).max() < 1e-6, name
        else:
            same = over_http[name].replace("", None).dropna().tolist()
            assert same == shell[name].dropna().tolist(), name


@contextmanager
def served(uri: str) -> Iterator[str]:
    """The address at which MLflow serves the model, as the README says."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    command += ["-m", uri, "-h", "127.0.0.1", "-p", str(port)]
    place = {"MLFLOW_TRACKING_URI": tracking.tracking_uri(), "MLFLOW_DISABLE_TELEMETRY": "true"}
    place["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    server = subprocess.Popen(
        command, env=os.environ | place, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_for(server, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)


def wait_for(server: "subprocess.Popen[bytes]", address: str) -> None:
    for _ in range(600):
        assert server.poll() is None
        with suppress(URLError), urlopen(f"{address}/ping", timeout=5):
            return
        time.sleep(0.2)
    raise TimeoutError(address)


@pytest.mark.parametrize("model", ["champion", "models:/scanvote/1", "models:/scanvote@champion"])
def test_a_version_is_brought_to_a_folder(packed: Path, registered: Path, model: str):
    assert tree(package_folder(model)) == tree(packed)


def test_the_model_of_a_run_is_brought_too(packed: Path, registered: Path):
    run = store.open_store().client.get_model_version("scanvote", "1").run_id
    assert tree(package_folder(f"runs:/{run}/package")) == tree(packed)


@pytest.mark.parametrize("model", ["champion", "models:/other/1", "runs:/0123/package"])
def test_a_model_that_is_not_there_is_one_line(repository: Path, model: str):
    with pytest.raises(
        InputError, match=r"cannot be loaded from sqlite:.*give --model a folder"
    ) as told:
        package_folder(model)
    assert "\n" not in str(told.value)


def test_one_process_at_a_time_decides(packed: Path, repository: Path, monkeypatch):
    from filelock import Timeout

    decide = registry.choose_champion

    def watched(*arguments: object) -> object:
        with pytest.raises(Timeout):
            store.store_lock().acquire(timeout=0)
        return decide(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(registry, "choose_champion", watched)
    assert register(packed).version == "1"
