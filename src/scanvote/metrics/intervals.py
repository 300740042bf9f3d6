"""Figures with their 95 % intervals, as flat keys and as tables."""

from collections.abc import Mapping, Sequence

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.metrics.bootstrap import Sampled
from scanvote.metrics.results import ClassifierOutput

ENDS = ("", "_low", "_high")
OF_CLASS = ("sensitivity", "specificity", "precision", "auroc", "average_precision")


def with_intervals(figures: Mapping[str, Sampled]) -> dict[str, float]:
    """Each figure with `_low` and `_high`, by bootstrap over the groups; NaN where undefined.

    Raises:
        InputError: a class has a name that makes two keys one, as `low` or `x_low` beside `x`.
    """
    return merged(
        *(
            dict(zip((f"{name}{end}" for end in ENDS), (one.value, *one.interval()), strict=True))
            for name, one in figures.items()
        )
    )


def merged(*parts: Mapping[str, float]) -> dict[str, float]:
    """All keys in one mapping.

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


def classes_table(answers: ClassifierOutput, figures: Mapping[str, Sampled]) -> pd.DataFrame:
    """A class a row: its numbers of scans and groups, and the figures `OF_CLASS`."""
    rows = []
    for code, label in enumerate(answers.labels):
        own = answers.is_class(code)
        named = {name: figures[f"{name}_{label}"] for name in OF_CLASS}
        counts = {"scans": int(own.sum()), "groups": answers.groups_with(own)}
        rows.append({"class": label, **counts, **with_intervals(named)})
    return pd.DataFrame(rows)


def chosen(figures: Mapping[str, Sampled], names: Sequence[str]) -> dict[str, Sampled]:
    """Those of the figures, in the order of `names`."""
    return {name: figures[name] for name in names}
