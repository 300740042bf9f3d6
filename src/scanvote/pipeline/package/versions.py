"""Versions of the libraries that a package needs."""

import platform
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

ANSWERING = (
    "nibabel",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pillow",
    "pydantic",
    "pydicom",
    "pyjpegls",
    "python-gdcm",
    "scikit-image",
    "scipy",
    "simpleitk",
)
"""Distributions that read files and compute the graphs of a package."""
_BACKENDS = {"tensorflow": ("tensorflow", "tensorflow-cpu"), "jax": ("jax",)}


def in_keras(backend: str) -> tuple[str, ...]:
    """Return the distributions that compute a package's networks in Keras."""
    return "keras", *_BACKENDS[backend]


def versions(backend: str) -> dict[str, str]:
    """Return versions of Python and of all that built a package and can answer with it."""
    return {"python": platform.python_version()} | dict(_installed(*ANSWERING, *in_keras(backend)))


def requirements(packaged: dict[str, str], backend: str, graphs: bool) -> dict[str, str]:
    """Return the version of each distribution that a package needs to answer.

    Args:
        packaged: those of the package; what they do not name is that which is installed.
        backend: of the package.
        graphs: whether it has ONNX graphs, and needs no Keras.
    """
    names = ANSWERING if graphs else (*ANSWERING, *in_keras(backend))
    found = dict(_installed(*names)) | packaged
    return {name: found[name] for name in names if name in found}


def _installed(*names: str) -> Iterator[tuple[str, str]]:
    for name in names:
        with suppress(PackageNotFoundError):  # TensorFlow goes by two names
            yield name, version(name)
