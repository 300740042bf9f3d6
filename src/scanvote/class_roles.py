"""Roles of classes: the one not to miss, of two, and the one without the finding, of more."""

import re
from collections.abc import Collection, Sequence

from scanvote.core.errors import InputError

_NEGATIVE = frozenset(
    "normal healthy control controls negative neg no none absent without"
    " no_tumor no_tumour notumor notumour no_finding no_findings non_tumor clean".split()
)
_POSITIVE = frozenset(
    "abnormal positive pos yes cancer carcinoma tumor tumour malignant malignancy pneumonia disease"
    " diseased ill sick lesion glioma meningioma metastasis covid covid19 covid_19 tuberculosis"
    " fracture hemorrhage haemorrhage stroke present".split()
)


def positive_class(labels: Collection[str], wanted: str | None) -> str | None:
    """Return the class not to miss, of two; None for any other number of classes.

    Args:
        labels: the names of the classes.
        wanted: ``evaluate.positive``; None: told by the names, if they are clear.

    Raises:
        InputError: there is no class of that name, or the names of two classes do not tell.
    """
    if wanted is not None and wanted not in labels:
        raise InputError(f"evaluate.positive: {wanted!r} is none of {', '.join(sorted(labels))}")
    if len(labels) != 2:
        return None
    found = wanted or guess_positive(labels)
    if found is None:
        one, other = sorted(labels)
        raise InputError(
            f"evaluate.positive is null, and the names {one} and {other} do not tell which class"
            f" must not be missed; set it to one of them, as in -S evaluate.positive={other}"
        )
    return found


def guess_positive(labels: Collection[str]) -> str | None:
    """Return the class not to miss, of two, if their usual names tell; else None."""
    without = {label for label in labels if _word(label) in _NEGATIVE}
    finding = {label for label in labels if _word(label) in _POSITIVE}
    if len(labels) != 2 or len(without) > 1 or len(finding) > 1:
        return None
    if without:
        return next(iter(set(labels) - without))
    # benign beside malignant is a finding too, but the one that may wait
    return next(iter(finding), None)


def negative_class(labels: Sequence[str], wanted: str | None) -> str | None:
    """Return the class without the finding, of more than two; None if no class has this role.

    Args:
        labels: the names of the classes.
        wanted: ``evaluate.negative``; None: told by the names, if they are clear.

    Raises:
        InputError: there is no class of that name.
    """
    if len(labels) <= 2:
        return None
    if wanted is not None and wanted not in labels:
        raise InputError(f"evaluate.negative: {wanted!r} is none of {', '.join(sorted(labels))}")
    usual = [label for label in labels if _word(label) in _NEGATIVE]
    return wanted or (usual[0] if len(usual) == 1 else None)


def _word(label: str) -> str:
    """Fold case, spaces and hyphens of a class's name."""
    return re.sub(r"[\s-]+", "_", label.strip().casefold())
