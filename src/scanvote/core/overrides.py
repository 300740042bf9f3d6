"""Values for `dvc exp run -S`, in the grammar of Hydra's overrides.

https://hydra.cc/docs/1.3/advanced/override_grammar/basic/
"""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from scanvote.core.errors import InputError

_PLAIN = re.compile(
    r"(?!(null|true|false|nan|inf)$)([a-z_/]|\.\.?/)[\w./-]*", re.IGNORECASE | re.ASCII
)
"""Strings that need no quotes."""
_WHOLE = r"(?:0|[1-9](?:_?\d)*)"
_POINT = rf"(?:{_WHOLE}\.|{_WHOLE}?\.\d(?:_?\d)*)"
_NO_STRING = re.compile(
    rf"[+-]?(?:{_POINT}|(?:{_WHOLE}|{_POINT})e[+-]?\d(?:_?\d)*|inf|nan|{_WHOLE})|true|false|null",
    re.IGNORECASE | re.ASCII,
)
"""Keys that Hydra reads as a number, a truth value or null."""
_NUMBER = re.compile(r"0|-?[1-9]\d*", re.ASCII)
"""Numbers that params.yaml takes for the name of a class."""
_NOT_IN_KEY = re.compile(r"[^A-Za-z0-9_/\-\\+.$%*@?| ,():\[\]{}=]")
_ESCAPED = re.compile(r"[\\ ,():\[\]{}=]")
"""Characters of a key that Hydra wants after a backslash."""
_REFERENCE, _MISSING = "${", "???"
"""What OmegaConf takes for a reference, and for a missing value."""


def override_value(value: Any) -> str:
    """Format a value, such as ``[32, 64]``; see `check_override` for what cannot be formatted."""
    if isinstance(value, Mapping):
        inside = (f"{_key(key)}: {override_value(one)}" for key, one in value.items())
        return "{" + ", ".join(inside) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(override_value, value)) + "]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if not isinstance(value, str) or _PLAIN.fullmatch(value):
        return str(value)
    # Hydra wants a backslash doubled only before a quote, the closing one included
    escaped = re.sub(r'(\\+)(?="|\Z)', r"\1\1", value).replace('"', '\\"')
    return f'"{escaped}"'


def shell_option(key: str, value: Any) -> str:
    """Return the option of `dvc exp run` that sets a key, to copy into a shell."""
    return f"-S {shlex.quote(f'{key}={override_value(value)}')}"


def check_override(key: str, value: Any) -> None:
    """Check that DVC would set `key` to just this value.

    Raises:
        InputError: it would not, because of a name or text in it.
    """
    if isinstance(value, Mapping):
        names = [str(name) for name in value]
        numbers = all(_NUMBER.fullmatch(name) for name in names)
        for name in names:
            if not name or _NOT_IN_KEY.search(name) or _is_unsafe(name):
                raise InputError(_refusal(key, name))
            if _NO_STRING.fullmatch(name) and not numbers:
                raise InputError(_refusal(key, name))
    inside = value.values() if isinstance(value, Mapping) else value
    for one in inside if isinstance(value, Mapping | list | tuple) else []:
        check_override(key, one)
    if isinstance(value, str) and _is_unsafe(value):
        raise InputError(_refusal(key, value))


def _is_unsafe(text: str) -> bool:
    # YAML folds lines, also at rare separators
    return _REFERENCE in text or text == _MISSING or not text.isprintable()


def _refusal(key: str, name: str) -> str:
    return (
        f"{key}: {name!r} cannot be set by -S, which DVC reads in its own way;"
        " write it into params.yaml, commit it, and leave it out here"
    )


def _key(name: object) -> str:
    return _ESCAPED.sub(r"\\\g<0>", str(name))
