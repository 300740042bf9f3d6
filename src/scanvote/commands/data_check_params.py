"""Params for the user's own data, as `scanvote data check` prints them."""

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from scanvote.commands.data_check import Check
from scanvote.core.errors import InputError
from scanvote.core.overrides import check_override, shell_option
from scanvote.params import Params, Task


def param_overrides(checks: Sequence[Check], params: Params) -> dict[str, Any]:
    """Return the changes of params.yaml to use the data, as nested sections."""
    overrides: dict[str, Any] = {}
    for one in checks:
        overrides[one.task] = {"dataset": os.path.abspath(one.path)}
        channels = 3 if one.coloured else 1
        if channels != getattr(params.prepare, one.task).channels:
            overrides.setdefault("prepare", {})[one.task] = {"channels": channels}
    for task in set(get_args(Task)) - {one.task for one in checks}:
        # who has no masks of their own does not want those of the phantom
        if getattr(params, task).dataset == ["phantom"]:
            overrides[task] = {"dataset": None}
    if any(item.kind != "image" for one in checks for item in one.reading.items):
        overrides["volumes"] = params.volumes.model_dump()
    return overrides


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return `one` with the nested values of `other` in place of its own."""
    values = dict(one)
    for key, value in other.items():
        inner = values.get(key)
        both = isinstance(value, Mapping) and isinstance(inner, Mapping)
        values[key] = merged(inner, value) if both and inner is not None else value
    return values


def command(overrides: Mapping[str, Any]) -> str:
    """Return a `dvc exp run` with the changes, for a shell.

    What DVC could not set is in a comment.
    """
    words, by_hand = ["dvc exp run"], []
    for key, value in _flat(overrides):
        try:
            check_override(key, value)
            words.append(shell_option(key, value))
        except InputError:
            by_hand.append(f"{key.lstrip('+')}: {json.dumps(value, ensure_ascii=False)}")
    if by_hand:
        words.append(f"   # first write {', '.join(by_hand)} into params.yaml")
    return " ".join(words)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if key == "volumes":
            continue  # these are the present values, shown for information
        if key == "labels":
            yield f"++{prefix}{key}", value
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def as_yaml(overrides: Mapping[str, Any]) -> str:
    """Format the changes as YAML."""
    from ruamel.yaml import YAML

    text = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # typed as None
    yaml.default_flow_style = None
    yaml.width = 4096
    yaml.dump(dict(overrides), text)
    return text.getvalue()
