"""A folder that needs nothing else, says what the pipeline said, and is stable to the byte."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scanvote.arrays import read_split
from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError
from scanvote.images.decode import decode_image
from scanvote.metrics.performance import read_performance
from scanvote.params import Task
from scanvote.pipeline.package import load_package, read_metadata
from scanvote.pipeline.package.stage import build_package
from scanvote.predictions import probabilities, read_predictions
from tests.packing import LABELS, Made, changed, without, write_pipeline
from tests.searching import tree

use_backend("tensorflow")


@pytest.fixture(scope="module", autouse=True)
def root(tmp_path_factory):
    """Where files without a name lie."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(tmp_path_factory.mktemp("root")))
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    return changed(write_pipeline(tmp_path_factory.mktemp("made")), package={"onnx": False})


@pytest.fixture(scope="module")
def packed(made: Made, tmp_path_factory) -> tuple[Path, dict[str, float]]:
    out = tmp_path_factory.mktemp("packed") / "package"
    return out, build_package(*made, out)


@pytest.fixture
def copied(made: Made, tmp_path: Path) -> Made:
    """To be spoilt."""
    folders = [shutil.copytree(folder, tmp_path / folder.name) for folder in made[:-1]]
    return Made(*folders, made.params)


def test_it_says_what_the_pipeline_said(made: Made, packed):
    _, metrics = packed
    assert (metrics["members"], metrics["unets"]) == (2, 1)
    assert 0 <= metrics["difference_max"] < 1e-6
    assert metrics["differing_scans"] == 0
    assert metrics["masks_difference"] == 0
    assert "onnx_difference_max" not in metrics


def test_moved_elsewhere_it_answers_alone(made: Made, packed, tmp_path: Path):
    package = load_package(shutil.copytree(packed[0], tmp_path / "elsewhere"))
    table = read_predictions(made.ensemble / "predictions.csv")
    rows = table[(table["model"] == "vote") & (table["split"] == "test")]
    answer = package.classifiers.probabilities(
        [decode_image(made.raw / f"{s}.png") for s in rows["scan_id"]]
    )
    assert np.abs(answer.vote.probabilities - probabilities(rows)).max() < 1e-6
    winners = np.array(package.contents.classifiers.labels)[answer.vote.winners]
    assert winners.tolist() == rows["predicted"].tolist()


def test_it_tells_which_scans_it_was_trained_on_and_which_are_strange(made: Made, packed):
    package = load_package(packed[0])
    classified, marked = (
        [decode_image(path) for path in sorted((made.raw / task).glob("train-*.png"))]
        for task in ("classification", "segmentation")
    )
    assert package.classifiers.probabilities(classified).distances == pytest.approx(
        np.zeros(6), abs=0.02
    )
    assert package.segmenters.segment(marked).distances == pytest.approx(np.zeros(6), abs=0.02)
    white = np.full((30, 30, 3), 255, np.uint8)
    assert package.classifiers.probabilities([white]).distances[0] > 1
    assert package.segmenters.segment([white]).distances[0] > 1
    assert 0 <= packed[1]["outside"] <= 1
    assert 0 <= packed[1]["unet_outside"] <= 1


def test_its_members_can_be_explained(packed):
    package = load_package(packed[0])
    panel = package.classifiers.panel
    assert package.classifiers.panel is panel
    assert [one.name for one in panel.members] == ["ann/small", "cnn/small"]
    assert panel.supports("gradcam")
    scans = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 1)).astype(np.uint8)
    assert panel.probabilities(scans) == pytest.approx(
        package.classifiers.answer(scans).members, abs=1e-6
    )


def test_scans_to_try_travel_along_byte_by_byte(made: Made, packed):
    samples = tree(packed[0] / "samples")
    assert {"glioma.png", "no_tumor.png", "pituitary.png", "tumour-1.png"} <= set(samples)
    known = set(tree(made.raw).values())
    assert set(samples.values()) <= known


def test_same_inputs_same_bytes(made: Made, packed, tmp_path: Path):
    build_package(*made, tmp_path / "package")
    assert tree(tmp_path / "package") == tree(packed[0])


def test_it_tells_what_it_is_of(made: Made, packed):
    contents = read_metadata(packed[0])
    assert contents.classifiers.labels == list(LABELS)
    assert [one.model for one in contents.classifiers.members] == ["ann/small", "cnn/small"]
    assert contents.classifiers.operating is None
    assert contents.volumes == made.params.volumes
    told = "Not patient-disjoint: 6 of 6 test scans are of patients who are also in training"
    assert contents.classifiers.patients.startswith(told)
    assert contents.segmenters.patients.startswith(told)
    assert told in (packed[0] / "card.md").read_text(encoding="utf-8")
    assert contents.classifiers.explain.methods == made.params.explain.methods
    assert set(contents.data) == {"classification", "segmentation"}
    assert {"python", "keras", "numpy"} < set(contents.versions)
    text = (packed[0] / "card.md").read_text()
    assert "Research use, not for diagnosis." in text
    assert "glioma, no tumor and pituitary" in text
    assert contents.digest in text
    assert set(contents.files) == set(tree(packed[0])) - {"package.json"}


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_a_task_that_is_left_out_is_in_no_part_of_it(
    made: Made, packed, task: Task, tmp_path: Path
):
    metrics = build_package(*without(made, task, tmp_path), tmp_path / "package")
    package, whole = load_package(tmp_path / "package"), read_metadata(packed[0])
    files = tree(tmp_path / "package")
    assert set(files) < set(tree(packed[0]))
    assert task not in package.contents.data
    if task == "segmentation":
        assert (package.segmenters, package.contents.segmenters) == (None, None)
        assert package.contents.classifiers == whole.classifiers
        assert package.contents.test == whole.test, "so that it has the same champion"
        assert set(metrics) < set(packed[1])
        assert not {"unets", "unet_outside"} & set(metrics)
    else:
        assert (package.classifiers, package.contents.classifiers) == (None, None)
        assert package.contents.segmenters == whole.segmenters
        assert package.contents.test != whole.test
        assert files["test.csv"].startswith(b"scan,marked,group,overlap,predicted,truth\n")
        assert not {"members", "difference_max"} & set(metrics)
        assert "vote.json" not in files


def test_it_records_how_good_it_is_and_how_large_masks_are(made: Made, packed):
    contents = read_metadata(packed[0])
    for task, part in contents.parts.items():
        assert part.performance == read_performance(task, made.evaluated / task)
    masks = read_split(made.prepared / "segmentation", "train")["masks"][::2]  # without copies
    assert contents.segmenters.largest_mask == pytest.approx(
        masks.mean(axis=(1, 2)).max(), abs=1e-6
    )


def test_no_scan_or_patient_is_named(packed):
    for name, content in tree(packed[0]).items():
        if not name.endswith(".keras"):
            assert b"test-0" not in content, name


def test_two_classes_have_an_operating_point(tmp_path: Path):
    made = write_pipeline(tmp_path, labels=("no", "yes"))
    build_package(
        *changed(made, package={"onnx": False}, evaluate={"positive": "no"}), tmp_path / "package"
    )
    operating = read_metadata(tmp_path / "package").classifiers.operating
    assert operating is not None
    assert operating.positive == "no"
    assert (
        "operating point: no, the class not to be missed, is called from a probability of"
        f" {operating.threshold:g} on" in (tmp_path / "package" / "card.md").read_text()
    )
    table = read_predictions(made.ensemble / "predictions.csv")
    rows = table[(table["model"] == "vote") & (table["split"] == "validation")]
    assert (rows.loc[rows["label"] == "no", "p_no"] >= operating.threshold).all()


def test_of_a_smoke_run_it_says_so_and_grey_values_of_a_series_are_taken_as_prepared(
    tmp_path: Path,
):
    made = write_pipeline(tmp_path, intensity="window", intensity_of="series")
    made = made._replace(params=made.params.model_copy(update={"smoke": True}))
    shutil.rmtree(made.raw)
    plain = {"onnx": False, "samples": "none"}
    metrics = build_package(*changed(made, package=plain), tmp_path / "package")
    assert metrics["difference_max"] < 1e-6
    text = (tmp_path / "package" / "card.md").read_text()
    assert "where the training used those of its series" in text
    assert read_metadata(tmp_path / "package").smoke
    assert "smoke run" in text


def test_another_network_than_that_of_the_tables_is_refused(copied: Made, tmp_path: Path):
    shutil.copyfile(copied.searches / "ann" / "1.keras", copied.searches / "cnn" / "1.keras")
    with pytest.raises(InputError, match=r"the packaged vote is up to \d"):
        build_package(*copied, tmp_path / "package")
    assert not (tmp_path / "package").exists()


def test_a_scan_that_is_prepared_otherwise_is_refused(copied: Made, tmp_path: Path):
    spoilt = copied.raw / "classification" / "test-3.png"
    shutil.copyfile(copied.raw / "classification" / "test-4.png", spoilt)
    with pytest.raises(InputError, match=r"test-3\.png is preprocessed otherwise"):
        build_package(*copied, tmp_path / "package")


def test_masks_that_are_not_the_tables_are_refused(copied: Made, tmp_path: Path):
    path = copied.unet / "predictions.csv"
    table = pd.read_csv(path, keep_default_na=False)
    table.assign(predicted="0 100").to_csv(path, index=False)
    with pytest.raises(InputError, match="pixels of the packaged U-Net's test masks"):
        build_package(*copied, tmp_path / "package")


def test_what_is_no_package_is_one_line(packed, tmp_path: Path):
    with pytest.raises(InputError, match=r"package\.json is missing"):
        load_package(tmp_path)
    folder = shutil.copytree(packed[0], tmp_path / "package")
    text = (folder / "package.json").read_text()
    older = text.replace('"form": 5', '"form": 2')
    for spoilt in (older, "{}", "[]", "no JSON", text.replace('"backend"', '"back"')):
        (folder / "package.json").write_text(spoilt)
        reason = (
            "has format 2, and this version of scanvote reads formats 3 to 5; build it again"
            if spoilt == older
            else "is no package of this version"
        )
        with pytest.raises(InputError, match=reason) as caught:
            load_package(folder)
        assert "\n" not in str(caught.value)


def test_a_network_that_is_missing_is_one_line(packed, tmp_path: Path):
    folder = shutil.copytree(packed[0], tmp_path / "package")
    (folder / "members" / "2.keras").unlink()
    with pytest.raises(InputError, match=r"members/2\.keras is missing"):
        load_package(folder)


def test_without_the_scans_of_the_training_it_is_one_line(packed, copied: Made, tmp_path: Path):
    folder = shutil.copytree(packed[0], tmp_path / "packed")
    (folder / "seen" / "unet.pkl").unlink()
    with pytest.raises(InputError, match=r"seen/unet\.pkl is missing"):
        load_package(folder)
    (copied.prepared / "segmentation" / "train-00000.pkl").unlink()
    with pytest.raises(InputError, match="has no train shards; run `dvc repro prepare`"):
        build_package(*copied, tmp_path / "package")


def test_no_unet_is_one_line(copied: Made, tmp_path: Path):
    (copied.unet / "1.keras").unlink()
    with pytest.raises(InputError, match="unet holds no network"):
        build_package(*copied, tmp_path / "package")
