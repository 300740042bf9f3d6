"""The training step of a network with Keras's batch normalisation and with the fused kernel.

    python benchmarks/normalisation.py NETWORK.keras --side 192 --rounds 5

Both train the same saved backbone with a new head on the same batch, in turn, in one process.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from scanvote.core.backend import use_backend

BATCH, CLASSES = 32, 4


def learner(path: Path, fused: bool):
    import keras

    from scanvote.training.normalisation import fuse_normalisation

    backbone = keras.models.load_model(path, compile=False)
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output)
    model = keras.Model(backbone.input, keras.layers.Dense(CLASSES, activation="softmax")(pooled))
    model.trainable = True
    if fused:
        fuse_normalisation(model)
    model.compile(optimizer=keras.optimizers.AdamW(1e-4), loss="categorical_crossentropy")
    return model


def seconds(model, scans: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Wall and processor seconds of a step."""
    wall, processor = time.perf_counter(), time.process_time()
    model.train_on_batch(scans, targets)
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", type=Path)
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    use_backend("tensorflow")
    random = np.random.default_rng(0)
    scans = random.integers(0, 256, (BATCH, args.side, args.side, 3)).astype("float32")
    targets = np.eye(CLASSES, dtype="float32")[random.integers(0, CLASSES, BATCH)]
    models = {name: learner(args.network, name == "fused") for name in ("Keras", "fused")}
    for model in models.values():
        seconds(model, scans, targets)  # builds the graph
    taken = {name: [] for name in models}
    for _ in range(args.rounds):
        for name, model in models.items():
            taken[name].append(seconds(model, scans, targets))
    for name, steps in taken.items():
        wall, processor = (statistics.median(one) for one in zip(*steps, strict=True))
        print(
            f"{name}: {BATCH / wall:.1f} scans/s, {processor / BATCH:.3f} processor seconds a scan"
        )


if __name__ == "__main__":
    main()
