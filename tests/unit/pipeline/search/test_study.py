import shutil
from dataclasses import asdict

import keras
import numpy as np
import pandas as pd
import pytest

from scanvote.core.backend import use_backend
from scanvote.core.errors import InputError
from scanvote.core.files import write_json
from scanvote.pipeline.search.stage import search
from scanvote.pipeline.search.study import ClassifierStudy
from scanvote.training import TrainingFailed, TrainingResult
from scanvote.tuning.tuner import run_tuner
from tests.searching import Log, tiny_params, tree, write_prepared

use_backend("tensorflow")

TRANSFER = {"backbones": ["one.keras", "two.keras"], "units": [0]}
POINT = {"backbone": "one.keras", "pooling": "average", "units": 0, "dropout": 0.25}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return write_prepared(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Scans of two classes."""
    return write_prepared(tmp_path_factory.mktemp("pair"), labels=["normal", "tumor"])


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository with two saved backbones, of which one alone has a layer `second`."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.delenv("SCANVOTE_MIRROR", raising=False)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, name="first")(inputs)
    keras.Model(inputs, x).save(tmp_path / "one.keras")
    keras.Model(inputs, keras.layers.Conv2D(4, 1, name="second")(x)).save(tmp_path / "two.keras")
    return tmp_path


def _points(study):
    points = []
    params = tiny_params(search={"max_trials": 99}).search
    run_tuner(study.space, lambda values, epochs: points.append(values) or 0.0, params, 1, 1)
    return points


# ---- names ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "changes", "names"),
    [
        (
            "ann",
            {},
            ["dense_layers0", "dense_layers1-units4", "dense_layers1-units8"],
        ),
        ("ann", {"ann": {"dense_layers": [1], "units": [4]}}, ["ann"]),
        (
            "cnn",
            {"cnn": {"convolutions": [1, 2], "filters": [4], "dense_layers": [0, 1]}},
            [f"convolutions{c}-dense_layers{d}" for c in (1, 2) for d in (0, 1)],
        ),
        ("transfer", {"transfer": TRANSFER}, ["one", "two"]),
        (
            "transfer",
            {"transfer": {"backbones": ["VGG16"], "units": [0, 8], "weights": "none"}},
            ["VGG16-untrained-units0", "VGG16-untrained-units8"],
        ),
        ("published", {"published": {"networks": ["cnn_lime"]}}, ["cnn_lime"]),
    ],
)
def test_a_trial_is_named_by_what_varies(prepared, root, family, changes, names):
    study = ClassifierStudy(family, prepared, tiny_params(**changes))
    assert sorted(study.trial(point, 2).name for point in _points(study)) == sorted(names)


def test_a_trial_of_fewer_epochs_has_another_name(prepared, root):
    """Hyperband tries the same choices for longer: the vote tells its members by their names."""
    study = ClassifierStudy("ann", prepared, tiny_params(search={"epochs": 9}))
    names = {study.trial({"dense_layers": 0}, epochs).name for epochs in (3, 9)}
    assert len(names) == 2


# ---- what makes a training another ----------------------------------------------------


def _key(family, prepared, values, epochs=2, **changes):
    study = ClassifierStudy(family, prepared, tiny_params(**changes))
    return study.training_spec(values, epochs).cache_dir.name


DECIDES = [
    {"seed": 1},
    {"lr": 0.02},
    {"ann": {"dropout": 0.1}},
    *(
        {"search": change}
        for change in [
            {"output": "sigmoid"},
            {"loss": "focal"},
            {"label_smoothing": 0.1},
            {"class_weights": "balanced"},
            {"augment": True},
            {"mirror": True},
            {"optimizer": "sgd"},
            {"optimizer": "adamw"},
            {"precision": "mixed_bfloat16"},
            {"batch_size": 16},
            {"patience": None},
            {"schedule": "cosine"},
            {"warm_up": 1},
            {"objective": "loss"},
        ]
    ),
]


def _told(change):
    return "-".join(str(one) for one in change.items())


@pytest.mark.parametrize("change", DECIDES, ids=_told)
def test_what_decides_makes_it_another(pair, root, change):
    point = {"dense_layers": 0}
    assert _key("ann", pair, point) != _key("ann", pair, point, **change)


def test_all_that_decide_are_told_apart(pair, root):
    keys = {_key("ann", pair, {"dense_layers": 0}, **change) for change in DECIDES}
    assert len(keys) == len(DECIDES)


@pytest.mark.parametrize("point", [{"dense_layers": 0}, {"dense_layers": 1, "units": 4}])
@pytest.mark.parametrize(
    "change",
    [
        {"compute": {"workers": 2}},
        {"search": {"max_trials": 50}},
        {"search": {"algorithm": "hyperband"}},
        {"search": {"families": ["ann"]}},
        {"ann": {"units": [4, 8, 16]}},
        {"ann": {"dense_layers": [2, 1, 0]}},
        {"cnn": {"dropout": 0.1}},
        {"ensemble": {"top": 1}},
        {"evaluate": {"gallery": 3}},
        {"prepare": {"augment": {"rotation": 3.0}}},
    ],
    ids=_told,
)
def test_what_does_not_decide_leaves_it_the_same(prepared, root, point, change):
    if "prepare" in change:
        change = _bounds(**change["prepare"]["augment"])
    assert _key("ann", prepared, point) == _key("ann", prepared, point, **change)


def _bounds(**changes):
    plain = tiny_params().prepare
    augment = plain.augment.model_copy(update=changes)
    return {"prepare": plain.model_copy(update={"augment": augment}).model_dump()}


def test_bounds_of_an_augmentation_decide_where_there_is_one(prepared, root):
    point, augmented = {"dense_layers": 0}, {"search": {"augment": True}}
    other = _key("ann", prepared, point, **augmented, **_bounds(rotation=3.0))
    assert _key("ann", prepared, point, **augmented) != other


def test_the_point_and_its_epochs_decide(prepared, root):
    points = [({"dense_layers": 0}, 2), ({"dense_layers": 0}, 1), ({"dense_layers": 1}, 2)]
    assert len({_key("ann", prepared, *point) for point in points}) == 3


def test_the_content_of_a_backbone_decides_and_not_its_place(prepared, root, monkeypatch):
    before = _key("transfer", prepared, POINT, transfer=TRANSFER)
    (root / "mirror").mkdir()
    shutil.move(root / "one.keras", root / "mirror" / "one.keras")
    moved = {"download": {"mirror": str(root / "mirror")}}
    assert _key("transfer", prepared, POINT, transfer=TRANSFER, **moved) == before
    shutil.copy(root / "two.keras", root / "mirror" / "one.keras")
    assert _key("transfer", prepared, POINT, transfer=TRANSFER, **moved) != before


@pytest.mark.parametrize(
    ("family", "point"),
    [
        ("transfer", {**POINT, "backbone": "ResNet50"}),
        ("published", {"network": "resnet50_yes_no"}),
    ],
)
def test_the_content_of_a_weights_file_decides(prepared, root, family, point):
    settings = {"transfer": {"weights": "a.h5"}, "published": {"weights": "a.h5"}}
    keys = set()
    for content in ("one", "another"):
        (root / "a.h5").write_text(content)
        keys.add(_key(family, prepared, point, **settings))
    assert len(keys) == 2


def test_weights_of_the_resnet_do_not_decide_for_another_network(prepared, root):
    point = {"network": "cnn_lime"}
    (root / "a.h5").write_text("one")
    before = _key("published", prepared, point, published={"weights": "a.h5"})
    (root / "a.h5").write_text("another")
    assert _key("published", prepared, point, published={"weights": "a.h5"}) == before


def _features(prepared, family="transfer", point=POINT, **changes):
    return (
        ClassifierStudy(family, prepared, tiny_params(**changes)).training_spec(point, 2).features
    )


def test_trials_with_the_same_frozen_backbone_share_its_features(prepared, root):
    kept = _features(prepared, transfer=TRANSFER)
    assert kept is not None
    assert _features(prepared, point=POINT | {"units": 99}, transfer=TRANSFER) == kept
    assert _features(prepared, point=POINT | {"pooling": "max"}, transfer=TRANSFER) != kept
    assert _features(prepared, search={"batch_size": 16}, transfer=TRANSFER) != kept
    shutil.copy(root / "two.keras", root / "one.keras")
    assert _features(prepared, transfer=TRANSFER) != kept


def test_an_untrained_backbone_is_another_one_in_each_trial(prepared, root):
    point = POINT | {"backbone": "ResNet50"}
    assert _features(prepared, point=point, transfer={"weights": "none"}) is None
    assert _features(prepared, "ann", {"dense_layers": 0}) is None


@pytest.mark.parametrize("change", [{"thaw": "all"}, {"thaw": "all", "thaw_after": 1}])
def test_thawing_decides(prepared, root, change):
    before = _key("transfer", prepared, POINT, transfer=TRANSFER)
    assert _key("transfer", prepared, POINT, transfer=TRANSFER | change) != before


# ---- what a training is given --------------------------------------------------------------


def test_balanced_classes_weigh_the_same(tmp_path, root):
    """Of three classes one has half of the scans, one a twelfth."""
    labels = ["a", "b", "a", "b", "a", "b", "a", "b", "a", "b", "c", "a"]
    folder = write_prepared(tmp_path / "uneven", labels=["a", "b", "c"])
    params = tiny_params(search={"class_weights": "balanced"})
    study = ClassifierStudy("ann", folder, params)
    codes = np.array(["abc".index(one) for one in labels * 2])
    study.splits["train"]["labels"] = codes
    weights = study.training_spec({"dense_layers": 0}, 2).weights
    assert weights.dtype == np.float32
    assert weights.sum() == pytest.approx(len(codes))
    sums = [weights[codes == code].sum() for code in range(3)]
    assert sums == pytest.approx([len(codes) / 3] * 3)


def test_a_class_without_a_training_scan_weighs_nothing_and_breaks_nothing(prepared, root):
    study = ClassifierStudy("ann", prepared, tiny_params(search={"class_weights": "balanced"}))
    study.splits["train"]["labels"] = codes = np.array([0, 0, 0, 2] * 6)
    weights = study.training_spec({"dense_layers": 0}, 2).weights
    assert np.isfinite(weights).all()
    assert weights.sum() == pytest.approx(24)
    assert weights[codes == 0].sum() == pytest.approx(weights[codes == 2].sum())


def test_scans_weigh_the_same_unless_asked(prepared, root):
    assert ClassifierStudy("ann", prepared, tiny_params()).training_spec({}, 2).weights is None


@pytest.mark.parametrize(("output", "width"), [("softmax", 2), ("sigmoid", 1)])
def test_targets_are_as_wide_as_the_output(pair, root, output, width):
    study = ClassifierStudy("ann", pair, tiny_params(search={"output": output}))
    targets = study.training_spec({"dense_layers": 0}, 2).train[1]
    assert targets.shape == (24, width)
    assert targets.dtype == np.float32
    codes = targets[:, -1].astype(int)  # the second class is the last column, and the only one
    assert codes.tolist() == study.splits["train"]["labels"].tolist()


def test_a_score_is_the_same_of_one_output_or_two(pair, root):
    of_tumor = np.random.default_rng(1).random((8, 1))
    params = tiny_params(search={"output": "sigmoid"})
    one = ClassifierStudy("ann", pair, params).score(of_tumor)
    assert one == ClassifierStudy("ann", pair, tiny_params()).score(
        np.hstack([1 - of_tumor, of_tumor])
    )


# ---- refusals and failures ------------------------------------------------------------


def test_a_sigmoid_for_four_classes_is_one_line(prepared, root):
    with pytest.raises(InputError, match=r"^search\.output: sigmoid is for two classes") as refused:
        ClassifierStudy("ann", prepared, tiny_params(search={"output": "sigmoid"}))
    assert str(refused.value).isprintable()
    assert "glioma, meningioma, no_tumor, pituitary" in str(refused.value)


def test_a_network_that_does_not_fit_is_a_failure_of_its_trial(prepared, root):
    study = ClassifierStudy("cnn", prepared, tiny_params(cnn={"filters": [2], "dense_layers": [0]}))
    point = {"convolutions": 2, "filters": 2, "dense_layers": 0}
    assert study.build_or_fail(point).output_shape == (None, 4)
    with pytest.raises(TrainingFailed, match=r"^it cannot be built: ") as failed:
        study.build_or_fail({**point, "convolutions": 3})
    assert str(failed.value).isprintable()


def test_the_reason_of_a_failure_is_plain_text(prepared, root):
    """Keras adds colours for the terminal to what a pooling says."""
    with pytest.raises(TrainingFailed, match="output size would be zero or negative") as failed:
        ClassifierStudy("published", prepared, tiny_params()).build_or_fail(
            {"network": "pneumonia_cnn3"}
        )
    assert str(failed.value).isprintable()


TRAINED = TrainingResult(
    history=[],
    best={"val_macro_f1": 0.75, "val_loss": 2.0},
    parameters=1,
    seconds=1.0,
    images_per_second=1.0,
    memory_mib=1,
)


def test_what_is_remembered_is_the_score_to_maximise(prepared, root):
    study = ClassifierStudy("ann", prepared, tiny_params())
    point = {"dense_layers": 0}
    with pytest.raises(TrainingFailed, match="it has no result"):
        study.cached_score(point, 2)
    memory = study.training_spec(point, 2).cache_dir
    memory.mkdir(parents=True)
    write_json(memory / "result.json", asdict(TRAINED))
    assert study.cached_score(point, 2) == 0.75
    (memory / "result.json").write_text('{"problem": "the loss is not finite"}')
    with pytest.raises(TrainingFailed, match="not finite"):
        study.cached_score(point, 2)


def test_a_loss_is_maximised_downwards(prepared, root):
    study = ClassifierStudy("ann", prepared, tiny_params(search={"objective": "loss"}))
    memory = study.training_spec({"dense_layers": 0}, 2).cache_dir
    memory.mkdir(parents=True)
    write_json(memory / "result.json", asdict(TRAINED))
    assert study.cached_score({"dense_layers": 0}, 2) == -2


def test_thawing_a_layer_that_one_backbone_lacks_fails_its_trial_alone(prepared, root):
    settings = TRANSFER | {"thaw": "second", "thaw_after": 1}
    params = tiny_params(transfer=settings, ensemble={"top": 1})
    metrics = search("transfer", prepared, params, root / "out", Log())
    assert (metrics["trials"], metrics["failed_trials"]) == (2, 1)
    trials = pd.read_csv(root / "out" / "trials.csv").set_index("trial")
    assert trials["problem"]["one"].startswith(
        "transfer.thaw: the backbone has no layer 'second'; its last are "
    )
    assert trials.index.tolist() == ["two", "one"]
    assert "1.keras" in tree(root / "out")
