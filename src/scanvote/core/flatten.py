"""Flatten nested values, for a table that compares runs."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress

from scanvote.core.errors import InputError


def flatten(values: Mapping[str, object], separator: str, prefix: str = "") -> dict[str, object]:
    """Flatten nested mappings, with keys joined as in `cnn.filters`."""
    flat: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, separator, f"{prefix}{key}{separator}"))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def select_sections(values: Mapping[str, object], sections: Sequence[str]) -> dict[str, object]:
    """Return the entries of `sections`, from a mapping flattened with dots."""
    selected: dict[str, object] = {}
    for section in sections:
        inside = {k: v for k, v in values.items() if k == section or k.startswith(f"{section}.")}
        if not inside:
            raise InputError(
                f"{section} is no section of params.yaml; mend the params of the stage in dvc.yaml"
            )
        selected.update(inside)
    return selected


def numeric_only(values: Mapping[str, object]) -> dict[str, float]:
    """Return the numbers in `values`, with nested keys joined by slashes.

    NaN is kept: it tells that a training diverged. Infinities are left out: MLflow stores
    them as 1.8e308, which flattens every curve beside them.
    """
    numbers: dict[str, float] = {}
    for key, value in flatten(values, "/").items():
        with suppress(TypeError, ValueError, OverflowError):
            number = float(value)  # type: ignore[arg-type]
            if not isinstance(value, str) and not math.isinf(number):
                numbers[key] = number
    return numbers
