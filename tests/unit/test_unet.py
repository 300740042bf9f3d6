from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from scanvote import unet as training_unet
from scanvote.arrays import write_shards
from scanvote.backend import use_backend
from scanvote.errors import InputError
from scanvote.manifest import COLUMNS, write_manifest
from scanvote.params import load_params
from scanvote.predictions import decode_mask
from scanvote.training import loop
from scanvote.unet import train_unet

use_backend("tensorflow")

ROOT = Path(__file__).parents[2]
SIZES = {"train": 8, "validation": 4, "test": 4}


class _Trial:
    def __init__(self):
        self.epochs, self.results = [], []

    def epoch(self, step, scores):
        self.epochs.append(step)

    def result(self, metrics):
        self.results.append(dict(metrics))


@contextmanager
def _unheard(name, values):
    yield _Trial()


def _prepare(folder, side=16):
    """Slices with a bright square, whose mask it is; two slices a patient."""
    random = np.random.default_rng(1)
    rows = []
    for split, count in SIZES.items():
        ids = [f"{split}-{number}" for number in range(count)]
        write_shards(folder, split, [_slice(one, side, random) for one in ids])
        rows += [{"scan_id": one, "patient": f"{split}-{n // 2}"} for n, one in enumerate(ids)]
    frame = pd.DataFrame(rows).reindex(columns=list(COLUMNS), fill_value="")
    write_manifest(frame.assign(width=side, height=side, mask_pixels=0), folder / "manifest.csv")
    return folder


def _slice(scan_id, side, random):
    mask = np.zeros((side, side), "uint8")
    top, left = random.integers(0, side - 8, 2)
    mask[top : top + 8, left : left + 8] = 1
    image = (random.integers(0, 60, (side, side)) + 190 * mask).astype("uint8")
    return {"images": image[..., None], "scan_ids": np.array(scan_id), "masks": mask}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return _prepare(tmp_path_factory.mktemp("prepared"))


def _params(**changes):
    params = load_params(ROOT / "params.yaml")
    section = {"filters": 2, "epochs": 2, "patience": 2, "batch_size": 4, **changes}
    unet = type(params.unet).model_validate({**params.unet.model_dump(), **section})
    return params.model_copy(update={"unet": unet, "lr": 0.01})


@pytest.fixture(scope="module")
def whole(prepared, tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    trial = _Trial()

    @contextmanager
    def record(name, values):
        assert (name, values["filters"]) == ("unet", 2)
        yield trial

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DVC_ROOT", str(root))
        metrics = train_unet(prepared, _params(), root / "out", record)
    return root, metrics, trial


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path


def _tree(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_outputs_and_metrics(whole):
    root, metrics, trial = whole
    assert sorted(_tree(root / "out")) == [
        "curves.csv",
        "curves.png",
        "model.keras",
        "predictions.csv",
    ]
    curves = pd.read_csv(root / "out" / "curves.csv")
    assert list(curves["epoch"]) == trial.epochs == [0, 1]
    assert metrics["best_val_dice"] == pytest.approx(curves["val_dice"].max(), abs=1e-6)
    assert metrics["epochs"] == 2
    assert trial.results[0]["parameters"] == metrics["parameters"]
    model = keras.saving.load_model(root / "out" / "model.keras")
    assert model.count_params() == metrics["parameters"]


def test_predictions_are_masks_of_validation_and_test(whole, prepared):
    root, _, _ = whole
    table = pd.read_csv(root / "out" / "predictions.csv", keep_default_na=False)
    assert list(table["split"]) == ["validation"] * 4 + ["test"] * 4
    assert list(table["patient"]) == [
        f"{split}-{n // 2}" for split in ("validation", "test") for n in range(4)
    ]
    model = keras.saving.load_model(root / "out" / "model.keras")
    shard = training_unet.mapped_split(prepared, "validation")
    expected = model.predict(shard["images"], verbose=0)[..., 0] >= 0.5
    for row, mask, truth in zip(table.itertuples(), expected, shard["masks"], strict=False):
        assert (decode_mask(row.predicted, row.height, row.width) == mask).all()
        assert (decode_mask(row.truth, row.height, row.width) == truth).all()


def test_two_trainings_give_the_same_bytes(whole, prepared, root):
    assert train_unet(prepared, _params(), root / "out", _unheard) == whole[1]
    assert _tree(root / "out") == _tree(whole[0] / "out")


def test_another_threshold_trains_nothing_and_changes_the_masks(whole, prepared, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(whole[0]))

    def refused(*arguments):
        raise AssertionError("trained twice")

    monkeypatch.setattr(loop, "_fit", refused)
    sizes = []
    for threshold in (0.01, 0.99):
        out = whole[0] / f"out-{threshold}"
        train_unet(prepared, _params(threshold=threshold), out, _unheard)
        table = pd.read_csv(out / "predictions.csv", keep_default_na=False)
        masks = [decode_mask(code, 16, 16) for code in table["predicted"]]
        sizes.append(np.sum(masks))
    assert sizes[0] > sizes[1]


def test_it_learns_a_bright_square(prepared, root):
    params = _params(filters=4, epochs=25, patience=25)
    assert train_unet(prepared, params, root / "out", _unheard)["best_val_dice"] > 0.8


def test_dice_is_of_patients_not_of_slices():
    truths = np.zeros((3, 4, 4), bool)
    truths[0, :2], truths[1, 0, 0], truths[2, 0] = True, True, True
    masks = truths.copy()
    masks[1] = False  # the smaller slice of patient a is missed
    masks[2, 0, :2] = False  # half of patient b
    dice = training_unet._patient_dice(masks, truths, ["a", "a", "b"])
    assert dice == pytest.approx((2 * 8 / (8 + 9) + 2 * 2 / (2 + 4)) / 2)


def test_a_scan_of_nobody_known_stands_for_itself(tmp_path):
    frame = pd.DataFrame({"scan_id": ["a", "b"], "patient": ["p", ""]})
    frame = frame.reindex(columns=list(COLUMNS), fill_value="")
    frame = frame.assign(width=16, height=16, mask_pixels=0)
    write_manifest(frame, tmp_path / "manifest.csv")
    assert training_unet._patients(tmp_path) == {"a": "p", "b": "b"}


def test_scans_that_cannot_be_halved_four_times_are_refused(tmp_path, root):
    with pytest.raises(InputError, match=r"^prepare.segmentation.image_size: 24 must divide by 16"):
        train_unet(_prepare(tmp_path / "odd", side=24), _params(), root / "out", _unheard)


def test_a_loss_that_is_not_finite_is_one_line(prepared, root, monkeypatch):
    monkeypatch.setattr(
        keras.Model, "predict", lambda *a, **k: np.full((4, 16, 16, 1), np.nan, "float32")
    )
    with pytest.raises(InputError, match=r"^unet: the loss is not finite in epoch 1; .*$"):
        train_unet(prepared, _params(), root / "out", _unheard)
    assert not (root / "out").exists()
