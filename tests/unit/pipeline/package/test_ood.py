"""Whether a scan is like those that a network was trained on."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import keras
import numpy as np
import pytest
from keras import layers

from scanvote.arrays import write_shards
from scanvote.core.errors import InputError
from scanvote.pipeline.package import ood
from scanvote.pipeline.package.metadata import OodReference
from scanvote.pipeline.package.networks import KerasNetwork
from scanvote.pipeline.package.ood import (
    OodScorer,
    is_outside,
    load_ood_scorer,
    write_ood_reference,
)
from scanvote.pipeline.package.ood_reference import Reference
from scanvote.pipeline.package.stacks import copied_windows

SIDE = 32
SHARE = 0.95
SPLITS = {"train": range(80), "validation": range(100, 140), "test": range(200, 240)}


class Written(NamedTuple):
    gauge: OodScorer
    prepared: Path
    folder: Path
    seen: OodReference


def head(seed: int) -> np.ndarray:
    """uint8 (SIDE, SIDE, 1): a bright skull around tissue with a dark ventricle, on black."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    far = np.hypot(y / random.uniform(0.82, 0.95), x / random.uniform(0.7, 0.82))
    image = np.where(far < 1, random.uniform(90, 120), 4)
    image[(far > 0.85) & (far < 1)] = random.uniform(190, 225)
    hole = np.hypot((y + 0.25) / random.uniform(0.15, 0.25), x / random.uniform(0.1, 0.2)) < 1
    image[hole] = random.uniform(25, 40)
    image += random.normal(0, 4, image.shape)
    return np.clip(cv2.GaussianBlur(image, (3, 3), 0), 0, 255).astype(np.uint8)[..., None]


def chest(seed: int) -> np.ndarray:
    """Two dark lungs in a bright field that fills the scan, the heart between them."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    image = np.full((SIDE, SIDE), random.uniform(150, 190))
    for side in (-1, 1):
        lung = np.hypot(y / 0.75, (x - side * 0.45) / random.uniform(0.25, 0.35)) < 1
        image[lung] = random.uniform(40, 70)
    return np.clip(image + random.normal(0, 5, image.shape), 0, 255).astype(np.uint8)[..., None]


def photograph(seed: int) -> np.ndarray:
    """A gradient under clouds, as of a landscape."""
    random = np.random.default_rng(seed)
    coarse = [cv2.resize(random.random((n, n)), (SIDE, SIDE)) / n**0.5 for n in (3, 6, 12)]
    clouds = sum(coarse) + np.linspace(0, 1.5, SIDE)[:, None]
    return np.uint8(255 * (clouds - clouds.min()) / np.ptp(clouds))[..., None]


def heads(split: str) -> np.ndarray:
    return np.stack([head(seed) for seed in SPLITS[split]])


def network(features: int = 8) -> KerasNetwork:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((SIDE, SIDE, 1))
    x = layers.Conv2D(features, 3, strides=2, activation="relu")(layers.Rescaling(1 / 255)(inputs))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(features, 3, activation="relu")(x))
    return KerasNetwork(keras.Model(inputs, layers.Dense(3, activation="softmax")(x)))


def lone(names: np.ndarray) -> np.ndarray:
    """The windows of a network that sees no adjacent slices."""
    return copied_windows(len(names), 0)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder, prepared = (tmp_path_factory.mktemp(name) for name in ("package", "prepared"))
    for split, seeds in SPLITS.items():
        rows = []
        for seed in seeds:
            rows.append({"images": head(seed), "scan_ids": np.array(f"{split}-{seed}")})
            if split == "train":  # as augmentation leaves them
                rows.append(rows[-1] | {"images": 255 - rows[-1]["images"]})
        write_shards(prepared, split, rows, size=33)
    model = network()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(folder))
        radius = write_ood_reference(model, prepared, lone, SHARE, 5, folder / "seen.pkl")
    seen = OodReference(arrays="seen.pkl", radius=radius)
    return Written(load_ood_scorer(folder, seen, model), prepared, folder, seen)


def outside(written: Written, scans: np.ndarray) -> float:
    return float((written.gauge(scans)[1] > 1).mean())


def test_a_scan_of_the_training_is_at_no_distance(written: Written) -> None:
    assert written.gauge(heads("train"))[1].max() < 0.02


def test_the_share_of_the_validation_lies_within_the_radius(written: Written) -> None:
    distances = written.gauge(heads("validation"))[1]
    assert SHARE <= (distances <= 1 + 1e-6).mean() < 1


def test_what_is_no_head_lies_outside_and_heads_of_the_test_do_not(written: Written) -> None:
    test, random = heads("test"), np.random.default_rng(9)
    noise = random.integers(0, 256, test.shape).astype(np.uint8)
    blank = np.stack([np.full_like(test[0], value) for value in (0, 90, 255)])
    assert outside(written, test) < 0.2
    for kind, scans in {
        "noise": noise,
        "blank": blank,
        "inverted": 255 - test,
        "chest": np.stack([chest(seed) for seed in range(20)]),
        "photograph": np.stack([photograph(seed) for seed in range(20)]),
    }.items():
        assert outside(written, scans) > 0.9, kind


def test_a_head_that_is_turned_is_outside_more_often(written: Written) -> None:
    test = heads("test")
    for turned in (test[:, ::-1], np.rot90(test, axes=(1, 2))):
        assert outside(written, turned) > outside(written, test) + 0.2


def test_the_more_noise_the_farther_away(written: Written) -> None:
    test, noise = heads("test").astype(float), np.random.default_rng(1).normal(size=(SIDE, SIDE, 1))
    means = [
        written.gauge(np.clip(test + sigma * noise, 0, 255).astype(np.uint8))[1].mean()
        for sigma in (0, 10, 25, 50, 100)
    ]
    assert means == sorted(means)


def test_augmented_copies_are_no_scans_of_their_own(written: Written) -> None:
    assert len(written.gauge.reference.rows) == len(SPLITS["train"])
    assert outside(written, 255 - heads("train")) == 1


def test_it_answers_as_the_network_alone(written: Written) -> None:
    said, _ = written.gauge(heads("test"))
    assert said == pytest.approx(network().predict(heads("test")), abs=1e-6)


def test_a_larger_radius_brings_all_nearer(written: Written) -> None:
    wider = replace(written.gauge, radius=2 * written.gauge.radius)
    assert wider(heads("test"))[1] == pytest.approx(written.gauge(heads("test"))[1] / 2)


def test_of_many_scans_some_are_kept_always_the_same(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(ood, "MOST", 30)
    for name, seed in (("one", 5), ("again", 5), ("other", 6)):
        write_ood_reference(network(), written.prepared, lone, SHARE, seed, tmp_path / name)
    assert len(Reference.read(tmp_path / "one").rows) == 30
    assert (tmp_path / "one").read_bytes() == (tmp_path / "again").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


def test_descriptors_of_another_network_are_one_line(written: Written) -> None:
    with pytest.raises(InputError, match=r"seen\.pkl is of another network"):
        load_ood_scorer(written.folder, written.seen, network(features=7))


def test_the_radius_itself_is_inside() -> None:
    assert [is_outside(distance) for distance in (0.0, 1.000001, 1.001)] == [False, False, True]
