"""The configuration in the file of a saved Keras model, read without loading the model.

Keras's own messages about a class or function that it does not have name neither it nor a remedy.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import keras

_NAMESPACES = (
    *(keras, keras.layers, keras.initializers, keras.regularizers, keras.constraints),
    *(keras.activations, keras.dtype_policies),
)
_OTHERS = ("Functional", "Policy")  # names without an entry in these
_ALONE = "save it as .keras, of layers of Keras alone, or the part of it before that layer"


class _Foreign(NamedTuple):
    """A class or function that is not one of Keras, and the layer that holds it."""

    kind: str
    name: str
    layer: str


def why_not_loadable(path: Path) -> str:
    """Say why scanvote cannot load the model in `path`, and what to do; empty if it may."""
    config = _read_config(path)
    if config is None:
        return _WITHOUT_NETWORK if h5py.is_hdf5(path) else ""
    found = next(_foreign(config, is_root=True), None)
    if found is None:
        return ""
    layer = f"its layer {found.layer!r}"
    if not found.layer:
        return (
            f"it is of the class {found.name}, which is not one of Keras; build the network from"
            " keras.Input and layers of Keras alone, and save that as .keras"
        )
    if found.kind == "lambda":
        return f"{layer} is a Lambda with Python code, which is not run from a file; {_ALONE}"
    if found.kind == "function":
        return f"{layer} uses the function {found.name}, which is not one of Keras; {_ALONE}"
    return f"{layer} is of the class {found.name}, which is not one of Keras; {_ALONE}"


def damage(path: Path) -> str:
    """Say that the file has not the format of a Keras model; empty if it has."""
    if zipfile.is_zipfile(path) if path.suffix == ".keras" else h5py.is_hdf5(path):
        return ""
    kind = "a zip archive" if path.suffix == ".keras" else "HDF5"
    return f"it is not {kind}, but a damaged copy or a pointer of Git LFS; copy it anew"


_WITHOUT_NETWORK = (
    "it holds weights without their network; save the whole by model.save, or, if the network is"
    " one of keras.applications, name that and give this file as its weights"
)


def _read_config(path: Path) -> dict[str, Any] | None:
    """Return the configuration of the saved model; None if the file has none."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return dict(json.loads(archive.read("config.json")))
        with h5py.File(path) as file:
            return dict(json.loads(file.attrs["model_config"]))
    except Exception:  # a damaged file may raise nearly any exception
        return None


def _foreign(config: Any, layer: str = "", is_root: bool = False) -> Iterator[_Foreign]:
    """Yield the classes and functions below `config` that are not of Keras or scanvote."""
    if isinstance(config, list):
        for one in config:
            yield from _foreign(one, layer)
    if not isinstance(config, dict):
        return
    inner = config.get("config")
    if "class_name" in config and "config" in config:
        if isinstance(inner, dict) and not is_root:
            layer = str(inner.get("name", layer))
        if kind := _kind(config):
            name = str(inner) if kind == "function" else _class_name(config)
            yield _Foreign(kind, name, layer)
    for key, value in config.items():
        if key not in ("compile_config", "build_config"):
            yield from _foreign(value, layer)


def _kind(config: dict[str, Any]) -> str:
    """Return what foreign thing an entry of the configuration is; empty for one of Keras."""
    name, inner = str(config["class_name"]), config["config"]
    legacy = isinstance(inner, dict) and isinstance(inner.get("function"), list)
    if name == "__lambda__" or (name == "Lambda" and legacy):
        return "lambda"
    if name == "function":
        return "function"
    return "" if name.startswith("__") or _is_known(config, name) else "class"


def _class_name(config: dict[str, Any]) -> str:
    return str(config.get("registered_name") or config["class_name"])


def _is_known(config: dict[str, Any], name: str) -> bool:
    if _class_name(config).startswith("scanvote>"):
        return True
    module = config.get("module")
    if module is not None:
        return str(module).partition(".")[0] == "keras"
    return name in _OTHERS or any(hasattr(one, name) for one in _NAMESPACES)
