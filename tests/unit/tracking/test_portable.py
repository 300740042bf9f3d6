"""A logged network of our layers loads where scanvote is not imported, and says the same."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from scanvote import tracking
from scanvote.core.backend import use_backend

use_backend("tensorflow")
import keras  # noqa: E402
from keras import layers  # noqa: E402

from scanvote.models.backbones import Preprocessing, to_rgb  # noqa: E402
from scanvote.models.encoders import _Middle  # noqa: E402
from scanvote.models.flip_tta import with_flip_tta  # noqa: E402
from scanvote.models.saving import save_model  # noqa: E402
from scanvote.tracking.portable import portable  # noqa: E402

SCANS = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1)).astype("float32")
LOAD = """
import sys
sys.path.append({packages!r})   # without what .pth files add, as an editable install does
import mlflow, numpy
mlflow.set_tracking_uri({uri!r})
scans = numpy.load("scans.npy")
for name, load in dict(keras=mlflow.keras.load_model, pyfunc=mlflow.pyfunc.load_model).items():
    numpy.save(name, load({model!r}).predict(scans))
assert not [name for name in sys.modules if name.startswith("scanvote")]
"""


class Settings(BaseModel):
    lr: float = 0.1


def network(mode: str) -> Any:
    """A classifier with each of our layers and initializers, and a weight of its own."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 1), name="scan")
    x = Preprocessing(mode, name="preprocessing")(to_rgb(inputs))
    x = layers.Conv2D(3, 1, use_bias=False, kernel_initializer=_Middle(1), name="neighbours")(x)
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(x))
    x = layers.Dense(3, activation="softmax")(layers.Dropout(0.2)(layers.Flatten()(x)))
    return with_flip_tta(keras.Model(inputs, x, name="small"))


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_it_has_the_same_answers_and_layers_of_keras_alone(mode: str) -> None:
    own = network(mode)
    said = own.predict_on_batch(SCANS)
    plain = portable(own)
    assert np.abs(plain.predict_on_batch(SCANS) - said).max() < 1e-6
    assert "scanvote" not in plain.to_json()
    assert (plain.name, plain.input_shape) == (own.name, own.input_shape)
    assert plain.count_params() == own.count_params()


def test_a_plain_network_stays_as_it_is() -> None:
    plain = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten()])
    assert portable(plain) is plain


@pytest.mark.slow
def test_a_new_process_loads_what_was_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> None:
    for name in [name for name in os.environ if name.startswith(("DVC_", "GIT_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_database, "mlflow.db")
    save_model(network("caffe"), Path("1.keras"))
    with tracking.stage_run("search", params=Settings()) as run:
        model = run.log_model(Path("1.keras"), name="small")
    np.save("scans.npy", SCANS)
    packages = sysconfig.get_path("purelib")
    code = LOAD.format(packages=packages, uri=tracking.tracking_uri(), model=model)
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", code],
        env={"PATH": "/usr/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = keras.saving.load_model("1.keras", compile=False).predict_on_batch(SCANS)
    for name in ("keras", "pyfunc"):
        assert np.abs(np.load(f"{name}.npy") - said).max() < 1e-6
