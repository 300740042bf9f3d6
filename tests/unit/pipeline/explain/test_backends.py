"""In a process of its own: the same map on JAX, and networks that nothing built there."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from scanvote.core.files import write_csv
from scanvote.models.backbones import Preprocessing
from scanvote.models.flip_tta import with_flip_tta
from scanvote.models.saving import save_model
from scanvote.pipeline.explain.gradcam import gradcam, split_at_last_conv
from tests.unit.pipeline.explain.networks import bright, looking

ROOT = Path(__file__).parents[4]

SCRIPT = """
import json, keras
from scanvote.pipeline.explain.gradcam import gradcam, split_at_last_conv
from tests.unit.pipeline.explain.networks import bright, looking
assert keras.config.backend() == "jax"
print(json.dumps(gradcam(split_at_last_conv(looking()), bright(), 1).tolist()))
"""

LOADING = """
import sys
from pathlib import Path
from scanvote.pipeline.explain.panel import load_ensemble
from tests.unit.pipeline.explain.networks import vote_of
panel = load_ensemble(Path(sys.argv[1]), vote_of("transfer/a"))
print(panel.members[0].split.features.output_shape)
"""


def run_alone(script: str, *words: str, backend: str = "tensorflow") -> str:
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_saved_network_with_a_layer_of_ours_is_loaded_in_a_fresh_process(tmp_path: Path) -> None:
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(2, 3)(Preprocessing("tf")(inputs))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    save_model(with_flip_tta(model), tmp_path / "transfer" / "1.keras")
    table = pd.DataFrame({"model": ["transfer/a"]})
    write_csv(table, tmp_path / "transfer" / "predictions.csv")
    assert run_alone(LOADING, str(tmp_path)).strip() == "(None, 10, 10, 2)"


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed here")
def test_grad_cam_is_the_same_on_jax() -> None:
    on_jax = json.loads(run_alone(SCRIPT, backend="jax"))
    cut = split_at_last_conv(looking())
    assert cut is not None
    assert np.allclose(on_jax, gradcam(cut, bright(), 1), rtol=1e-4)
