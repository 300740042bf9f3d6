"""What a package is asked with."""

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

NEEDED = (
    "keras",
    "nibabel",
    "numpy",
    "opencv-python-headless",
    "pandas",
    "pillow",
    "pydantic",
    "pydicom",
    "scipy",
)
"""Distributions that a package is asked with, beside the backend."""
_BACKENDS = {"tensorflow": ("tensorflow", "tensorflow-cpu"), "jax": ("jax",)}


def versions(backend: str) -> dict[str, str]:
    """Of Python, and of the distributions that a package is asked with."""
    found = {"python": platform.python_version()}
    for name in (*NEEDED, *_BACKENDS[backend]):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
