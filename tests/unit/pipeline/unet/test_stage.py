import pickle
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from scanvote.arrays import read_split, write_shards
from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError
from scanvote.manifest import COLUMNS, read_manifest, write_manifest
from scanvote.metrics.segmentation import count_pixels, patient_dice
from scanvote.params import Params, load_params
from scanvote.pipeline.unet.stage import train_unet, untrained_lines
from scanvote.pipeline.unet.study import UnetStudy
from scanvote.predictions import decode_mask
from scanvote.training import TrainingResult, loop
from scanvote.training.patches import Patches
from tests.searching import Log

use_backend("tensorflow")
pytestmark = pytest.mark.usefixtures("eager")

ROOT = Path(__file__).parents[4]
POSTPROCESS = {"threshold": 0.5, "smallest": 0, "largest_only": False, "fill_holes": False}
VALUES = {"filters": 2, "normalisation": "none", "block": "plain", "attention": False} | {
    "dropout": 0.0,
    "loss": "dice",
}
SIZES = {"train": 8, "validation": 4, "test": 4}


def _prepare(folder, side=16):
    """Slices with a bright square, whose mask it is; two slices a patient."""
    random = np.random.default_rng(1)
    rows = []
    for split, count in SIZES.items():
        ids = [f"{split}-{number}" for number in range(count)]
        shards = [
            _slice(one, side, random, split == "train" and n % 4 == 3) for n, one in enumerate(ids)
        ]
        write_shards(folder, split, shards)
        rows += [
            {
                "scan_id": one,
                "patient": f"{split}-{n // 2}",
                "group": f"{split}-{n // 2}",
                "split": split,
            }
            for n, one in enumerate(ids)
        ]
    frame = pd.DataFrame(rows).reindex(columns=[*COLUMNS, "group", "split"], fill_value="")
    frame = frame.assign(width=side, height=side, mask_pixels=1, series=frame["patient"])
    frame = frame.assign(pixel_height=1.0, pixel_width=1.0, pixel_unit="px")
    write_manifest(frame, folder / "manifest.csv")
    return folder


def _slice(scan_id, side, random, empty):
    mask = np.zeros((side, side), "uint8")
    top, left = random.integers(0, side - 8, 2)
    mask[top : top + 8, left : left + 8] = not empty
    image = (random.integers(0, 60, (side, side)) + 190 * mask).astype("uint8")
    return {"images": image[..., None], "scan_ids": np.array(scan_id), "masks": mask}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return _prepare(tmp_path_factory.mktemp("prepared"))


def _params(**changes):
    values = load_params(ROOT / "params.yaml").model_dump()
    tiny = {"filters": 2, "epochs": 2, "patience": 2, "batch_size": 4}
    plain = {"prior": 0.5, "sample": "all", "postprocess": POSTPROCESS}
    values["unet"] |= tiny | plain | changes
    values["lr"] = 0.01
    values["prepare"]["segmentation"] |= {"copies": 0}
    return Params.model_validate(values)


@pytest.fixture(scope="module")
def whole(prepared, tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    log = Log()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DVC_ROOT", str(root))
        metrics = train_unet(prepared, _params(), root / "out", log)
    return root, metrics, log


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path


def _tree(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_outputs_and_metrics(whole):
    root, metrics, log = whole
    assert sorted(_tree(root / "out")) == [
        "1.keras",
        "choices.png",
        "curves.csv",
        "curves.png",
        "postprocess.csv",
        "postprocess.json",
        "predictions.csv",
        "trials.csv",
    ]
    curves = pd.read_csv(root / "out" / "curves.csv")
    assert list(curves["epoch"]) == log.trials["unet"]["epochs"] == [0, 1]
    assert metrics["best_val_dice"] == pytest.approx(curves["val_dice_1"].max(), abs=1e-6)
    assert (metrics["trials"], metrics["models"]) == (1, 1)
    assert log.trials["unet"]["result"]["parameters"] == metrics["best_parameters"]
    model = keras.saving.load_model(root / "out" / "1.keras")
    assert model.count_params() == metrics["best_parameters"]


def test_predictions_are_masks_of_validation_and_test(whole, prepared):
    root, metrics, _ = whole
    table = pd.read_csv(root / "out" / "predictions.csv", keep_default_na=False)
    assert list(table["split"]) == ["validation"] * 4 + ["test"] * 4
    assert list(table["patient"]) == [
        f"{split}-{n // 2}" for split in ("validation", "test") for n in range(4)
    ]
    model = keras.saving.load_model(root / "out" / "1.keras")
    shard = read_split(prepared, "validation")
    expected = model.predict(shard["images"], verbose=0)[..., 0] >= 0.5
    for row, mask, truth in zip(table.itertuples(), expected, shard["masks"], strict=False):
        assert (decode_mask(row.predicted, row.height, row.width) == mask).all()
        assert (decode_mask(row.truth, row.height, row.width) == truth).all()
    counts = list(map(count_pixels, expected, shard["masks"] > 0))
    dice = patient_dice(counts, ["a", "a", "b", "b"]).mean()
    assert metrics["best_val_dice"] == pytest.approx(dice, abs=1e-6)
    assert metrics["postprocessed_val_dice"] == pytest.approx(dice, abs=1e-6)


def test_two_trainings_give_the_same_bytes(whole, prepared, root):
    assert train_unet(prepared, _params(), root / "out", Log()) == whole[1]
    assert _tree(root / "out") == _tree(whole[0] / "out")


def test_another_threshold_trains_nothing_and_changes_the_masks(whole, prepared, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(whole[0]))

    def refused(*arguments):
        raise AssertionError("trained twice")

    monkeypatch.setattr(loop, "_fit", refused)
    sizes = []
    for threshold in (0.01, 0.99):
        out = whole[0] / f"out-{threshold}"
        params = _params(postprocess={**POSTPROCESS, "threshold": threshold})
        train_unet(prepared, params, out, Log())
        table = pd.read_csv(out / "predictions.csv", keep_default_na=False)
        masks = [decode_mask(code, 16, 16) for code in table["predicted"]]
        sizes.append(np.sum(masks))
    assert sizes[0] > sizes[1]


@pytest.mark.usefixtures("graphs")
def test_it_learns_a_bright_square(prepared, root):
    params = _params(filters=4, epochs=25, patience=25)
    assert train_unet(prepared, params, root / "out", Log())["best_val_dice"] > 0.8


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"context": 1}, id="neighbours"),
        pytest.param({"sample": "balanced"}, id="balanced"),
        pytest.param({"sample": "tumour"}, id="tumour slices"),
        pytest.param({"augment": True}, id="augmented"),
        pytest.param({"mirror": True}, id="mirrored"),
        pytest.param({"normalisation": "batch", "block": "residual"}, id="residual"),
    ],
)
def test_a_setting_changes_the_masks_probabilities(whole, prepared, root, changes):
    train_unet(prepared, _params(**changes), root / "out", Log())
    model = _tree(root / "out")["1.keras"]
    assert model != _tree(whole[0] / "out")["1.keras"]
    assert len(pd.read_csv(root / "out" / "predictions.csv")) == 8


@pytest.mark.parametrize("facts", [{}, {"plane": "", "contrast": "FLAIR"}], ids=["bare", "told"])
def test_neighbours_are_the_slices_beside_in_the_series(tmp_path, root, facts):
    prepared = _prepare(tmp_path / "prepared")
    frame = read_manifest(prepared / "manifest.csv").assign(**facts)
    write_manifest(frame.iloc[::-1], prepared / "manifest.csv")
    study = UnetStudy(prepared, _params(context=1))
    scans, images = study.test["scan_ids"].tolist(), study.test["images"][..., 0]
    stacked = study.test_images()[np.arange(len(scans))]
    # two slices a patient, in the manifest the other way round
    for row, scan in enumerate(scans):
        number = int(scan.split("-")[1])
        other = scans.index(f"test-{number ^ 1}")
        above, below = (row, other) if number % 2 else (other, row)
        expected = [above, row, below]
        np.testing.assert_array_equal(stacked[row], np.moveaxis(images[expected], 0, -1))


def test_a_slice_of_no_known_series_stands_alone(tmp_path, root):
    prepared = _prepare(tmp_path / "prepared")
    frame = read_manifest(prepared / "manifest.csv").assign(series="")
    write_manifest(frame, prepared / "manifest.csv")
    study = UnetStudy(prepared, _params(context=1))
    stacked = study.test_images()[np.arange(len(study.test["scan_ids"]))]
    np.testing.assert_array_equal(stacked, np.repeat(study.test["images"], 3, axis=-1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"context": 0}, {"context": 1}, id="neighbours"),
        pytest.param({"weights": "none"}, {"weights": "imagenet"}, id="weights"),
        pytest.param({"sample": "all"}, {"sample": "tumour"}, id="sample"),
    ],
)
def test_trials_that_learn_another_thing_are_remembered_apart(tmp_path, root, one, other):
    prepared, places = _prepare(tmp_path / "prepared", side=32), set()
    for changes in (one, other):
        study = UnetStudy(prepared, _params(encoder="DenseNet121", **changes))
        places.add(study.training_spec(VALUES, 2).cache_dir)
    assert len(places) == 2


def test_the_grid_is_searched_and_the_best_point_marks_the_masks(prepared, root):
    params = _params(filters=[1, 4], max_trials=2, epochs=1)
    log = Log()
    metrics = train_unet(prepared, params, root / "out", log)
    trials = pd.read_csv(root / "out" / "trials.csv")
    assert set(log.trials) == set(trials["trial"]) == {"filters1", "filters4"}
    assert trials["val_dice"].is_monotonic_decreasing
    assert metrics["best_val_dice"] == pytest.approx(trials["val_dice"][0], abs=1e-6)
    model = keras.saving.load_model(root / "out" / "1.keras")
    assert model.count_params() == trials["parameters"][0]


def test_folds_share_out_the_patients_and_average_on_the_test(prepared, root):
    metrics = train_unet(prepared, _params(folds=3, epochs=1), root / "out", Log())
    assert metrics["models"] == 3
    table = pd.read_csv(root / "out" / "predictions.csv", keep_default_na=False)
    validated = table[table["split"] == "validation"]
    assert sorted(validated["scan_id"]) == sorted(
        [f"train-{n}" for n in range(8)] + [f"validation-{n}" for n in range(4)]
    ), "each slice once, by the model that did not see it"
    shard = read_split(prepared, "test")
    models = [keras.saving.load_model(root / "out" / f"{n}.keras") for n in (1, 2, 3)]
    mean = np.mean([model.predict(shard["images"], verbose=0) for model in models], axis=0)
    for row, mask in zip(table[table["split"] == "test"].itertuples(), mean, strict=True):
        assert (decode_mask(row.predicted, 16, 16) == (mask[..., 0] >= 0.5)).all()


def test_no_patient_is_on_both_sides_of_a_fold(prepared, root):
    study = UnetStudy(prepared, _params(folds=3))
    seen = []
    for number in range(3):
        fold = study.fold(number)
        train, held = (
            set(study.owners(study.pool["scan_ids"][rows]))
            for rows in (fold.train_rows, fold.validation_rows)
        )
        assert not train & held
        assert len(train | held) == 6
        seen += sorted(held)
    assert len(seen) == len(set(seen)) == 6


def test_a_fold_does_not_validate_with_copies(tmp_path, root):
    folder = _prepare(tmp_path / "copied")
    shard = read_split(folder, "train")
    twice = [{key: shard[key][n // 2] for key in shard} for n in range(16)]
    write_shards(folder, "train", twice)
    study = UnetStudy(folder, _params(folds=3))
    for number in range(3):
        fold = study.fold(number)
        held = list(study.pool["scan_ids"][fold.validation_rows])
        assert len(held) == len(set(held))
        assert not set(held) & set(study.pool["scan_ids"][fold.train_rows])


def test_dice_is_of_patients_not_of_slices(prepared, root):
    study = UnetStudy(prepared, _params())
    truths = study.pool["masks"][study.validation_rows]
    masks = truths.astype("float32")[..., None]
    masks[1] = 0  # a slice of the first patient is missed
    wanted = (2 * 64 / (64 + 128) + 1) / 2
    scores = study.score(lambda truth, predicted: np.float32(0.25), masks)
    assert scores == {"val_loss": 0.25, "val_dice": pytest.approx(wanted)}


def test_a_scan_of_nobody_known_stands_for_itself(tmp_path, root):
    folder = _prepare(tmp_path / "unknown")
    manifest = pd.read_csv(folder / "manifest.csv", keep_default_na=False, dtype=str)
    manifest.loc[manifest["scan_id"] == "test-1", "patient"] = ""
    manifest.to_csv(folder / "manifest.csv", index=False)
    study = UnetStudy(folder, _params())
    assert study.owners(np.array(["test-0", "test-1"])) == ["test-0", "test-1"]


def test_scans_that_cannot_be_halved_four_times_are_refused(tmp_path, root):
    with pytest.raises(
        InputError, match=r"^prepare.segmentation.image_size: 24 must be a multiple of 16"
    ):
        train_unet(_prepare(tmp_path / "odd", side=24), _params(), root / "out", Log())


@pytest.mark.parametrize(
    ("patch", "fault"),
    [
        (24, "unet.patch: 24 must be a multiple of 16 for the U-Net"),
        (32, "unet.patch: 32 is larger than the slices, of 16 pixels"),
    ],
)
def test_patches_that_do_not_fit_are_refused(prepared, root, patch, fault):
    with pytest.raises(InputError, match=f"^{fault}$"):
        UnetStudy(prepared, _params(patch=patch))


def test_a_fold_is_the_same_where_it_is_rebuilt(prepared, root):
    fold = UnetStudy(prepared, _params(folds=2)).fold(1)
    rebuilt = pickle.loads(pickle.dumps(fold.rebuild))()
    places = {one.training_spec(VALUES, 1).cache_dir for one in (fold, rebuilt)}
    assert len(places) == 1
    other = UnetStudy(prepared, _params(folds=2))
    assert other.training_spec(VALUES, 1).cache_dir not in places


def test_patches_are_trained_on_and_whole_slices_answered(tmp_path, root):
    prepared, places = _prepare(tmp_path / "prepared", side=32), set()
    for changes, patches in (
        ({}, None),
        ({"patch_on_tumour": 1.0}, None),
        ({"patch": 16}, Patches(16, 0.5)),
        ({"patch": 16, "patch_on_tumour": 1.0}, Patches(16, 1.0)),
    ):
        spec = UnetStudy(prepared, _params(**changes)).training_spec(VALUES, 2)
        assert spec.patches == patches
        places.add(spec.cache_dir)
    assert len(places) == 3
    train_unet(prepared, _params(patch=16), root / "out", Log())
    model = keras.saving.load_model(root / "out" / "1.keras", compile=False)
    assert model.input_shape == (None, 32, 32, 1)


def test_tumour_slices_that_are_not_there_are_told(tmp_path, root):
    folder = _prepare(tmp_path / "healthy")
    shard = read_split(folder, "train")
    healthy = [
        {**{k: shard[k][n] for k in shard}, "masks": 0 * shard["masks"][n]} for n in range(8)
    ]
    write_shards(folder, "train", healthy)
    with pytest.raises(InputError, match=r"^unet.sample: balanced, but no slice to train on"):
        train_unet(folder, _params(sample="balanced"), root / "out", Log())


def test_neighbours_of_copies_are_refused(prepared, root):
    params = _params(context=1)
    task = params.prepare.segmentation.model_copy(update={"copies": 1})
    prepare = params.prepare.model_copy(update={"segmentation": task})
    with pytest.raises(InputError, match=r"^unet.context: a copy is augmented apart"):
        UnetStudy(prepared, params.model_copy(update={"prepare": prepare}))


def test_a_loss_that_is_not_finite_is_one_line(prepared, root, monkeypatch):
    monkeypatch.setattr(
        keras.Model,
        "predict_on_batch",
        lambda self, x: np.full((len(x), 16, 16, 1), np.nan, "float32"),
    )
    with pytest.raises(InputError, match=r"^every trial of unet failed, the first: the loss is"):
        train_unet(prepared, _params(), root / "out", Log())
    assert not (root / "out").exists()


def test_a_network_that_did_not_learn_is_named(prepared, root):
    study = UnetStudy(prepared, _params())
    trials = [study.trial(VALUES, 1) for _ in range(3)]
    for trial, dice in zip(trials, (0.8, 0.0, 0.02), strict=True):
        scores = {"loss": 1.0, "val_loss": 1.0, "val_dice": dice}
        trial.trained = TrainingResult([scores], scores, 1, 1.0, 1.0, 1)
    (line,) = untrained_lines(trials)
    assert line.startswith("unet: network 2 marks nothing of its validation patients")
