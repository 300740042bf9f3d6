"""Versions of the libraries that a package needs."""

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
"""Distributions that a package needs, beside the backend."""
_BACKENDS = {"tensorflow": ("tensorflow", "tensorflow-cpu"), "jax": ("jax",)}


def versions(backend: str) -> dict[str, str]:
    """Return versions of Python and of the distributions that a package needs."""
    found = {"python": platform.python_version()}
    for name in (*NEEDED, *_BACKENDS[backend]):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
