"""The params that use data of the user's own, as `scanvote data check` prints them."""

import io
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanvote.commands.data_check import Check
from scanvote.params import Params


def param_overrides(checks: Sequence[Check], params: Params) -> dict[str, Any]:
    """What to change in params.yaml to use the data, as nested sections."""
    wanted: dict[str, Any] = {}
    for one in checks:
        wanted[one.task] = {"dataset": os.path.abspath(one.path)}
        channels = 3 if one.coloured else 1
        if channels != getattr(params.prepare, one.task).channels:
            wanted.setdefault("prepare", {})[one.task] = {"channels": channels}
    if any(item.kind != "image" for one in checks for item in one.reading.items):
        wanted["volumes"] = params.volumes.model_dump()
    return wanted


def command(wanted: Mapping[str, Any]) -> str:
    """One experiment with the changes, to paste in a shell."""
    words = [f"-S {shlex.quote(f'{key}={_hydra(value)}')}" for key, value in _flat(wanted)]
    return "dvc exp run " + " ".join(words)


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if key == "volumes":
            continue  # as it stands
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _hydra(value: object) -> str:
    """`value` as `dvc exp run -S` reads it."""
    text = str(value)
    if re.fullmatch(r"[\w./-]+", text, re.ASCII):
        return text
    # a backslash is doubled before a quote only, the closing one included
    text = re.sub(r"(\\+)(?='|$)", r"\1\1", text).replace("'", "\\'")
    return f"'{text}'"


def as_yaml(wanted: Mapping[str, Any]) -> str:
    """The changes as YAML."""
    from ruamel.yaml import YAML

    text = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # typed as None
    yaml.default_flow_style = None
    yaml.width = 4096
    yaml.dump(dict(wanted), text)
    return text.getvalue()
