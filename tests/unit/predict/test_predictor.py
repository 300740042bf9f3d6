"""What a package says of scans, and that whoever asks hears the same."""

import base64
import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from scanvote.cli import app
from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError
from scanvote.images.decode import decode_image
from scanvote.inputs import InputScan
from scanvote.params import Task
from scanvote.pipeline.package import Package, load_package
from scanvote.pipeline.package.stage import build_package
from scanvote.predict.adjacent import NO_ADJACENT
from scanvote.predict.predictor import (
    STRANGE_CLASS,
    STRANGE_MASK,
    check_method,
    explain,
    predict_one,
    predict_with_masks,
)
from scanvote.predict.rows import to_row
from scanvote.predict.schema import OperatingPoint, ScanPrediction
from tests.asking import Oracle, of_adjacent_slices, of_two_classes
from tests.making import picture, write_image
from tests.packing import LABELS, changed, write_pipeline
from tests.serving import alone

use_backend("tensorflow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("packed")
    made = changed(write_pipeline(tmp_path_factory.mktemp("made")), package={"onnx": False})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(root))
        build_package(*made, root / "package")
    return root / "package"


@pytest.fixture(scope="module")
def package(folder: Path) -> Package:
    return load_package(folder)


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> list[Path]:
    root = tmp_path_factory.mktemp("scans")
    return [write_image(root / f"scan-{number}.png", number, 30 + number) for number in range(7)]


def read(paths: list[Path]) -> list[InputScan]:
    return [InputScan(str(path), decode_image(path)) for path in paths]


def numbers(finding: ScanPrediction) -> list[float]:
    kinds = [*finding.probabilities.values()]
    kinds += [value for member in finding.members for value in member.probabilities.values()]
    return [*kinds, finding.familiarity.distance, finding.mask.familiarity.distance]


def test_a_finding_agrees_with_itself(package: Package, scans: list[Path]):
    for (finding, mask), scan in zip(
        predict_with_masks(package, read(scans)), read(scans), strict=True
    ):
        assert (finding.height, finding.width) == mask.shape == scan.image.shape[:2]
        assert finding.mask.area_pixels == mask.sum()
        assert list(finding.probabilities) == list(LABELS)
        assert sum(finding.probabilities.values()) == pytest.approx(1, abs=1e-5)
        alike = [member.vote == finding.vote for member in finding.members]
        assert finding.agreement == round(sum(alike) / len(alike), 6)
        assert finding.familiarity.outside == (finding.familiarity.distance > 1)


def test_members_are_calibrated(scans: list[Path]):
    (finding,) = predict_one(Oracle(), [InputScan("a", np.full((4, 4, 3), 204, np.uint8))])
    first, second, _ = finding.members
    raw = np.array(list(second.probabilities.values())[::-1])
    assert list(first.probabilities.values()) == pytest.approx(raw**0.5 / sum(raw**0.5), abs=1e-5)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_scans_asked_together_hear_what_each_hears_alone(
    package: Package, scans: list[Path], batch: int
):
    whole, every = read(scans), range(0, len(scans), batch)
    parts = [one for first in every for one in predict_one(package, whole[first : first + batch])]
    for one, other in zip(predict_one(package, whole), parts, strict=True):
        assert numbers(one) == pytest.approx(numbers(other), abs=1.01e-6)
        assert (one.vote, one.mask.area_pixels) == (other.vote, other.mask.area_pixels)


def test_nothing_is_said_of_no_scan(package: Package):
    assert predict_with_masks(package, []) == []


@pytest.mark.parametrize(("spacing", "area"), [(0.0, None), (0.5, 4.0)])
def test_an_area_is_in_square_millimetres_where_the_spacing_is_known(spacing, area):
    image = np.zeros((8, 8, 3), np.uint8)
    image[2:6, 2:6] = 255
    (finding,) = predict_one(Oracle(), [InputScan("a", image, spacing=spacing)])
    assert finding.mask.area_pixels == 16
    assert finding.mask.area_mm2 == area
    assert finding.spacing == (spacing or None)


def test_what_is_far_from_the_training_is_outside():
    scan = InputScan("a", np.ones((9, 9, 3), np.uint8), notes=("16 bits windowed to 8",))
    (near,) = predict_one(Oracle(far=(1.0, 1.0)), [scan])
    (far,) = predict_one(Oracle(far=(1.1, 1.2)), [scan])
    assert not near.familiarity.outside
    assert near.notes == ["16 bits windowed to 8"]
    assert far.familiarity.outside
    assert far.notes == ["16 bits windowed to 8", STRANGE_CLASS, STRANGE_MASK]


def test_a_slice_is_marked_with_those_beside_it_and_a_note_says_where_there_are_none():
    def slices(plane: str) -> list[InputScan]:
        bright = [0, 255, 255, 255, 0]  # of three, the mean is above 200 in the middle alone
        images = [np.full((4, 4, 3), value, np.uint8) for value in bright]
        return [InputScan("a", one, plane, at) for at, one in enumerate(images)]

    one = InputScan("a", np.full((4, 4, 3), 255, np.uint8))
    found = predict_one(Oracle(of_adjacent_slices()), [*slices("axial"), *slices("coronal"), one])
    areas = [finding.mask.area_pixels for finding in found]
    assert areas == [*[0, 0, 16, 0, 0] * 2, 16]
    assert [finding.notes for finding in found] == [[]] * 10 + [[NO_ADJACENT]]
    assert predict_one(Oracle(), [one])[0].notes == []


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_of_a_task_that_is_left_out_nothing_is_said(task: Task):
    scan = InputScan("a", np.full((4, 4, 3), 204, np.uint8))
    ((found, mask),) = predict_with_masks(Oracle(alone(task)), [scan])
    ((whole, whole_mask),) = predict_with_masks(Oracle(), [scan])
    gone = ["mask"]
    if task == "segmentation":
        assert np.array_equal(mask, whole_mask)
        gone = ["vote", "probabilities", "agreement", "members", "familiarity"]
    assert not any(getattr(found, name) for name in gone)
    kept = found.model_dump(exclude={*gone, "doubts"})
    assert kept == whole.model_dump(exclude={*gone, "doubts"})


def test_the_class_not_to_miss_is_called_from_its_threshold_on():
    scan = InputScan("a", picture(1, 9)[..., None].repeat(3, axis=2))

    def asked(threshold: float) -> ScanPrediction:
        (finding,) = predict_one(Oracle(of_two_classes(threshold)), [scan])
        return finding

    told = asked(0.3).probabilities["sick"]
    assert asked(told).operating == OperatingPoint(positive="sick", threshold=told, called=True)
    assert not asked(told + 1e-6).operating.called


@pytest.mark.parametrize("method", ["gradcam", "occlusion", "lime"])
def test_an_explanation_is_as_large_as_the_scan_and_the_same_again(package: Package, method):
    image = np.zeros((40, 61, 3), np.uint8)
    image[8:30, 20:50] = picture(3, 48)[:22, :30, None]
    maps = explain(package, InputScan("a.png", image), method)
    assert list(maps) == ["vote", *package.classifiers.vote.members]
    for heat in maps.values():
        assert heat.shape == (40, 61)
        assert heat.dtype == np.uint8
        assert heat.max() in (0, 255)
    again = explain(package, InputScan("another name.png", image.copy()), method)
    assert all(np.array_equal(maps[name], again[name]) for name in maps)


def test_a_method_that_serves_no_member_names_those_that_do():
    class Classifiers:
        class panel:
            @staticmethod
            def supports(method: str) -> bool:
                return method != "gradcam"

    check_method(Classifiers(), "lime")
    with pytest.raises(InputError, match="choose occlusion or lime"):
        check_method(Classifiers(), "gradcam")
    with pytest.raises(InputError, match="no vote to explain"):
        check_method(None, "lime")


def test_shell_and_mlflow_say_what_the_examination_says(
    package: Package, folder: Path, scans: list[Path], tmp_path: Path, monkeypatch
):
    from mlflow.pyfunc import PythonModelContext

    from scanvote.tracking.package_model import PackageModel

    done = CliRunner().invoke(
        app,
        ["predict", *map(str, scans), "--model", str(folder), "--out", str(tmp_path / "t.csv")],
    )
    assert done.exit_code == 0, done.output
    with (tmp_path / "t.csv").open(newline="") as file:
        shell = list(csv.DictReader(file))
    model = PackageModel()
    model.load_context(PythonModelContext({"package": str(folder)}, {}))
    texts = [base64.b64encode(path.read_bytes()).decode() for path in scans]
    mlflow = model.predict(None, pd.DataFrame({"image": texts})).to_dict("records")
    for path, row, served, finding in zip(
        scans, shell, mlflow, predict_one(package, read(scans)), strict=True
    ):
        expected = to_row(finding, package.contents)
        assert row["file"] == str(path)
        for name, value in expected.items():
            if isinstance(value, float) and not isinstance(value, bool):
                assert float(row[name]) == pytest.approx(value, abs=1.01e-6)
                assert served[name] == pytest.approx(value, abs=1.01e-6)
            else:
                assert row[name] == ("" if value is None else str(value))
                assert name == "vote" or value is None or served[name] == value
