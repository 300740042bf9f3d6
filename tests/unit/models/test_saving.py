import subprocess
import sys
import time
import zipfile
from pathlib import Path

import keras
import numpy as np

from scanvote.models.saving import save_model

SOURCES = Path(__file__).parents[3] / "src"
SCRIPT = """
import sys, keras
sys.path.insert(0, {sources!r})
from pathlib import Path
from scanvote.models.saving import save_model
keras.utils.set_random_seed(1)
inputs = keras.Input((8, 8, 1))
x = keras.layers.Dropout(0.5)(keras.layers.Conv2D(2, 3)(inputs))
model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
save_model(model, Path({path!r}))
"""


def _model():
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(2, 3)(inputs))
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x), name="small")


def test_same_network_same_bytes_at_another_time(tmp_path):
    save_model(_model(), tmp_path / "one.keras")
    time.sleep(2.1)  # a zip counts every second second
    save_model(_model(), tmp_path / "two.keras")
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "two.keras").read_bytes()


def test_same_bytes_in_another_process(tmp_path):
    paths = [tmp_path / "one.keras", tmp_path / "two.keras"]
    here, there = (SCRIPT.format(sources=str(SOURCES), path=str(path)) for path in paths)
    keras.utils.clear_session()  # which numbers the names of layers
    exec(here, {})
    words = [sys.executable, "-c", there]
    environment = {"PYTHONHASHSEED": "1", "PATH": "/usr/bin", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(words, env=environment, timeout=120, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_other_weights_other_bytes(tmp_path):
    model = _model()
    save_model(model, tmp_path / "one.keras")
    model.set_weights([weight + 1 for weight in model.get_weights()])
    save_model(model, tmp_path / "two.keras")
    assert (tmp_path / "one.keras").read_bytes() != (tmp_path / "two.keras").read_bytes()


def test_loads_back_with_equal_weights_and_predictions(tmp_path):
    model = _model()
    save_model(model, tmp_path / "folder" / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "folder" / "model.keras")
    scans = np.random.default_rng(1).random((5, 8, 8, 1))
    expected = model.predict(scans, verbose=0)
    assert np.array_equal(loaded.predict(scans, verbose=0), expected)
    assert loaded.name == "small"
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_compiled_and_trained_network_is_saved_without_its_optimizer(tmp_path):
    model = _model()
    save_model(model, tmp_path / "plain.keras")
    weights = model.get_weights()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(np.zeros((4, 8, 8, 1)), np.zeros(4), verbose=0)
    save_model(model, tmp_path / "trained.keras")
    with zipfile.ZipFile(tmp_path / "trained.keras") as archive:
        assert b"adam" not in archive.read("config.json")
    assert not hasattr(keras.saving.load_model(tmp_path / "trained.keras"), "optimizer")
    model.set_weights(weights)
    save_model(model, tmp_path / "reset.keras")
    assert (tmp_path / "reset.keras").read_bytes() == (tmp_path / "plain.keras").read_bytes()


def test_nothing_is_left_beside_the_file(tmp_path):
    save_model(_model(), tmp_path / "model.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]
