"""Nested values as one flat mapping: what a table of runs can show side by side."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress


def flatten(values: Mapping[str, object], joint: str, prefix: str = "") -> dict[str, object]:
    """Nested mappings as one, the keys joined: `cnn.filters`."""
    found: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found.update(flatten(value, joint, f"{prefix}{key}{joint}"))
        else:
            found[f"{prefix}{key}"] = value
    return found


def select_sections(values: Mapping[str, object], sections: Sequence[str]) -> dict[str, object]:
    """What lies in `sections` of a mapping that `flatten` joined with dots."""
    found: dict[str, object] = {}
    for section in sections:
        below = {k: v for k, v in values.items() if k == section or k.startswith(f"{section}.")}
        if not below:
            raise ValueError(f"{section} is no section of params.yaml")
        found.update(below)
    return found


def numeric_only(values: Mapping[str, object]) -> dict[str, float]:
    """The numbers among `values`, nested ones joined with slashes.

    NaN is one of them: it tells that a training diverged. An infinity is not: MLflow
    keeps it as 1.8e308, which flattens every curve beside it.
    """
    found: dict[str, float] = {}
    for key, value in flatten(values, "/").items():
        with suppress(TypeError, ValueError, OverflowError):
            number = float(value)  # type: ignore[arg-type]
            if not isinstance(value, str) and not math.isinf(number):
                found[key] = number
    return found
