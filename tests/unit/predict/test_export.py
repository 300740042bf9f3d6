"""A copy of a package that needs nothing else than the library."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from scanvote.cli import app
from scanvote.core.errors import InputError
from scanvote.pipeline.package import read_metadata
from scanvote.pipeline.package.metadata import write_metadata
from scanvote.predict.export import export
from tests.asking import write_package
from tests.serving import contents


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The files of a package, with ONNX graphs, that hold no network."""
    named = {"keras": "members/1.keras", "onnx": "members/1.onnx"}
    members = [one.model_copy(update=named) for one in contents().classifiers.members]
    classifiers = contents().classifiers.model_copy(update={"members": members})
    graph = {"onnx": "unet/1.onnx"}
    unets = [one.model_copy(update=graph) for one in contents().segmenters.networks]
    segmenters = contents().segmenters.model_copy(update={"networks": unets})
    parts = {"classifiers": classifiers, "segmenters": segmenters}
    whole = contents().model_copy(update=parts)
    return write_package(tmp_path / "model", whole)


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_it_is_the_package_whole_and_how_to_use_it(model: Path, tmp_path: Path):
    export(model, tmp_path / "new" / "out", onnx=True)
    copy = files(tmp_path / "new" / "out")
    readme = copy.pop("README.md").decode()
    assert copy == files(model)
    for words in ("scanvote predict SCANS --model out", "scanvote serve --model out"):
        assert words in readme
    assert "Research use, not for diagnosis." in readme
    assert "pip install 'scanvote[serve]'" in readme


def test_without_graphs_it_names_none(model: Path, tmp_path: Path):
    export(model, tmp_path / "out", onnx=False)
    copy, found = files(tmp_path / "out"), read_metadata(tmp_path / "out")
    assert set(files(model)) - set(copy) == {"members/1.onnx", "unet/1.onnx"}
    assert {network.onnx for network in found.classifiers.members} == {None}
    assert ".onnx" not in copy["card.md"].decode()
    assert "pip install 'scanvote[cpu]'" in copy["README.md"].decode()
    whole = read_metadata(model)
    assert found.digest != whole.digest, "because Keras answers, up to rounding"
    assert found.classifiers.prepare == whole.classifiers.prepare
    masks = whole.model_copy(update={"classifiers": None})
    (model / "vote.json").unlink()
    write_metadata(masks, model)
    export(model, tmp_path / "masks", onnx=False)
    assert read_metadata(tmp_path / "masks").segmenters == masks.segmenters


def test_a_package_is_replaced_and_nothing_else_is(model: Path, tmp_path: Path):
    export(model, tmp_path / "out", onnx=True)
    (tmp_path / "out" / "old").write_text("of before")
    export(tmp_path / "model", tmp_path / "out", onnx=False)
    assert not (tmp_path / "out" / "old").exists()
    (tmp_path / "mine").mkdir()
    export(model, tmp_path / "mine", onnx=True)  # there was nothing in it
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "scan.png").write_text("dear to somebody")
    with pytest.raises(InputError, match="something else than a package"):
        export(model, tmp_path / "other", onnx=True)
    assert files(tmp_path / "other") == {"scan.png": b"dear to somebody"}
    with pytest.raises(InputError, match="something else than a package"):
        export(model, tmp_path / "other" / "scan.png", onnx=True)


def test_it_goes_nowhere_into_itself(model: Path):
    for out in (model, model / "copy", model.parent):
        with pytest.raises(InputError, match="lie in one another"):
            export(model, out, onnx=True)
    assert "package.json" in files(model)


def test_an_export_can_be_exported(model: Path, tmp_path: Path):
    export(model, tmp_path / "one", onnx=False)
    export(tmp_path / "one", tmp_path / "two", onnx=True)
    assert files(tmp_path / "one").keys() == files(tmp_path / "two").keys()


@pytest.mark.parametrize("name", ["unet/1.keras", "members/1.onnx", "vote.json", "card.md"])
def test_a_copy_that_is_not_whole_takes_no_place(model: Path, tmp_path: Path, name: str):
    (model / name).write_text("of another package")
    with pytest.raises(InputError, match=f"{name} is not as it was packaged"):
        export(model, tmp_path / "out", onnx=True)
    (model / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        export(model, tmp_path / "out", onnx=True)
    assert not (tmp_path / "out").exists()


def test_in_the_shell(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["export", "out", "--model", "model", "--no-onnx"])
    assert (done.exit_code, done.output) == (0, "out: scanvote predict SCANS --model out\n")
    done = CliRunner().invoke(app, ["export", "there", "--model", "nowhere"])
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
