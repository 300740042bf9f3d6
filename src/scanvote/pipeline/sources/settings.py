"""Tell if `download` will run anyway, whatever became of the user's data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scanvote.core.files import read_yaml
from scanvote.params import Task

LOCK, PARAMS = Path("dvc.lock"), Path("params.yaml")


def settings_changed(task: Task) -> bool:
    """Return whether the params of `download` are others than those in dvc.lock.

    Then it takes the data as they are now, and a line that tells how to do so would mislead.
    """
    stages = read_yaml(LOCK).get("stages", {})
    known = stages.get(f"download@{task}", {}).get("params", {}).get(PARAMS.name, {})
    values = read_yaml(PARAMS)
    return any(_plain(_value(values, key)) != _plain(value) for key, value in known.items())


def _value(values: Mapping[str, Any], key: str) -> Any:
    """Return the value of a dotted key, None without it."""
    found: Any = values
    for name in key.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _plain(value: Any) -> Any:
    """Return numbers as such that YAML 1.1 takes for text: DVC writes 1e-05 into dvc.lock."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
