"""Metrics with their 95 % intervals, as flat keys and as tables."""

from collections.abc import Mapping, Sequence

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.metrics.bootstrap import ENDS, BootstrapEstimate
from scanvote.metrics.results import ClassifierOutput

OF_CLASS = ("sensitivity", "specificity", "precision", "auroc", "average_precision")


def with_intervals(estimates: Mapping[str, BootstrapEstimate]) -> dict[str, float]:
    """Add `_low` and `_high` of the bootstrap over groups to each metric.

    An undefined value or end of an interval is NaN.

    Raises:
        InputError: the name of a class makes two keys equal, such as `low` or `x_low` beside `x`.
    """
    return merged(
        *(
            dict(zip((f"{name}{end}" for end in ENDS), (one.value, *one.interval()), strict=True))
            for name, one in estimates.items()
        )
    )


def merged(*parts: Mapping[str, float]) -> dict[str, float]:
    """Merge mappings into one.

    Raises:
        InputError: a key is in two of them.
    """
    found: dict[str, float] = {}
    for part in parts:
        for key in part:
            if key in found:
                raise InputError(
                    f"two figures would be called {key}, because of the name of a class; give it"
                    " another one, without low and high, in classification.labels of params.yaml"
                )
        found |= part
    return found


def classes_table(
    output: ClassifierOutput, estimates: Mapping[str, BootstrapEstimate]
) -> pd.DataFrame:
    """Return counts and `OF_CLASS` metrics, a row for each class."""
    rows = []
    for code, label in enumerate(output.labels):
        own = output.is_class(code)
        named = {name: estimates[f"{name}_{label}"] for name in OF_CLASS}
        counts = {"scans": int(own.sum()), "groups": output.groups_with(own)}
        rows.append({"class": label, **counts, **with_intervals(named)})
    return pd.DataFrame(rows)


def chosen(
    estimates: Mapping[str, BootstrapEstimate], names: Sequence[str]
) -> dict[str, BootstrapEstimate]:
    """Select metrics, in the order of `names`."""
    return {name: estimates[name] for name in names}
