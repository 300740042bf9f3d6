"""A copy of a package that needs nothing else than the library."""

import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from scanvote.cli import app
from scanvote.core.errors import InputError
from scanvote.pipeline.package import read_metadata
from scanvote.pipeline.package.metadata import write_metadata
from scanvote.predict import export as exporting
from scanvote.predict.export import export
from tests.asking import Oracle
from tests.serving import contents


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The files of a package, with ONNX graphs, that hold no network."""
    folder, whole = tmp_path / "model", contents()
    named = {"keras": "members/1.keras", "onnx": "members/1.onnx"}
    members = [one.model_copy(update=named) for one in whole.classifiers.members]
    classifiers = whole.classifiers.model_copy(update={"members": members})
    for name in (*named.values(), "unet/1.keras", "seen/1.pkl", "samples/a.png", "card.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    write_metadata(whole.model_copy(update={"classifiers": classifiers}), folder)
    Oracle().vote.write(folder / "vote.json")
    return folder


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


def test_without_graphs_it_names_none(model: Path, tmp_path: Path):
    export(model, tmp_path / "out", onnx=False)
    copy, found = files(tmp_path / "out"), read_metadata(tmp_path / "out")
    assert set(files(model)) - set(copy) == {"members/1.onnx"}
    assert {network.onnx for network in found.classifiers.members} == {None}
    assert ".onnx" not in copy["card.md"].decode()
    masks = read_metadata(model).model_copy(update={"classifiers": None})
    write_metadata(masks, model)
    (model / "vote.json").unlink()
    export(model, tmp_path / "masks", onnx=False)
    assert read_metadata(tmp_path / "masks").segmenters == masks.segmenters
    write_metadata(masks.model_copy(update={"classifiers": found.classifiers}), model)
    assert found.classifiers.prepare == read_metadata(model).classifiers.prepare


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


def test_a_copy_that_is_not_whole_takes_no_place(model: Path, tmp_path: Path, monkeypatch):
    copy = shutil.copy2

    def spoilt(source: Path, target: Path, **options: object) -> None:
        copy(source, target, **options)
        Path(target).write_text(Path(target).read_text().removesuffix("unet/1.keras"))

    copytree = partial(shutil.copytree, copy_function=spoilt)
    monkeypatch.setattr(
        exporting, "shutil", SimpleNamespace(**vars(shutil) | {"copytree": copytree})
    )
    with pytest.raises(InputError, match=r"unet/1\.keras changed while it was copied"):
        export(model, tmp_path / "out", onnx=True)
    assert not (tmp_path / "out").exists()


def test_in_the_shell(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["export", "out", "--model", "model", "--no-onnx"])
    assert (done.exit_code, done.output) == (0, "out: scanvote predict SCANS --model out\n")
    done = CliRunner().invoke(app, ["export", "there", "--model", "nowhere"])
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
