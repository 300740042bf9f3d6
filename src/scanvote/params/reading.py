"""Read params.yaml and report a fault in it in one line."""

from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from scanvote.core.errors import InputError, did_you_mean
from scanvote.params.whole import Params

FREE = "labels"
"""The section with keys of the user's own, which is one value."""


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate `path`.

    Raises:
        InputError: the file is missing, is no YAML mapping, or a key or value is wrong.
    """
    return validate(load_values(path), str(path))


def with_changes(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `changes` over `values`, nested mappings key by key, but for `FREE`."""
    merged = dict(values)
    for key, value in changes.items():
        nested = isinstance(value, Mapping) and isinstance(values.get(key), Mapping)
        nested &= key != FREE
        merged[key] = with_changes(values[key], value) if nested else value
    return merged


def load_values(path: Path) -> dict[str, Any]:
    """Read the mapping in a YAML 1.2 file, without validating it.

    Raises:
        InputError: the file is missing, or is no YAML mapping.
    """
    try:
        return parse_values(path, str(path))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run from the root of the repository") from None


def parse_values(source: Path | str, where: str) -> dict[str, Any]:
    """Parse the mapping in a YAML 1.2 file or text.

    Args:
        source: path of the file, or the text.
        where: beginning of the error message.

    Raises:
        InputError: `source` is no YAML mapping.
    """
    from ruamel.yaml.error import YAMLError

    try:
        values = _parse(source if isinstance(source, str) else source.read_bytes())
    except YAMLError as error:
        raise InputError(f"{where} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise InputError(f"{where} holds no mapping of sections")
    return deepcopy(values)


@lru_cache(maxsize=8)
def _parse(text: str | bytes) -> object:
    # a command reads params.yaml again for each recipe, which takes a tenth of a second
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(text)


def validate(values: Mapping[str, Any], where: str) -> Params:
    """Validate the values of params.yaml.

    Args:
        values: by section.
        where: beginning of the error message.

    Raises:
        InputError: a key or value is wrong.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{where}: {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    # a misspelt key is both unknown and missing: report the unknown one, which tells more
    fault = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        siblings = _section(fault["loc"][:-1]).model_fields
        return f"{key} is no known key{did_you_mean(str(fault['loc'][-1]), siblings)}"
    if fault["type"] == "missing":
        return f"{key} is missing"
    message = fault["msg"].removeprefix("Value error, ").replace("Input should", "should")
    start = f"{key}: " if key else ""  # of the file as a whole
    end = "" if isinstance(fault["input"], dict) else f", is {fault['input']!r}"
    return f"{start}{message}{end}"


def _section(keys: tuple[Any, ...]) -> type[BaseModel]:
    section: type[BaseModel] = Params
    for key in keys:
        section = section.model_fields[key].annotation  # type: ignore[assignment]
    return section
