"""The experiments that are one cross-validation, and whether they agree."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from scanvote.core.errors import InputError, did_you_mean
from scanvote.tracking.experiments import (
    Experiment,
    differing_settings,
    experiments,
    origins,
    setting_text,
)
from scanvote.tracking.provenance import git

Kind = Literal["folds", "sites"]
DIVIDES: Mapping[Kind, str] = {"folds": "split.fold", "sites": "split.site"}
"""The setting in which the parts differ."""
_ENDING = {"folds": re.compile(r"-fold\d+$"), "sites": re.compile(r"-site-.+$")}
_MANIFEST = "data/prepared/segmentation/manifest.csv"
_SHOWN = 3
"""Maximum of differences in a message."""


@dataclass(frozen=True)
class CrossValidation:
    """Experiments that together test every patient.

    Attributes:
        missing: folds or institutions that no experiment tests, as far as is known.
        planned: number of parts with these; None where unknown.
        by_scan: whether the scans of one patient may be in several parts.
    """

    name: str
    parts: Sequence[Experiment]
    missing: Sequence[str]
    planned: int | None
    by_scan: bool = False


def find_parts(name: str, kind: Kind, results: Sequence[str], incomplete: bool) -> CrossValidation:
    """Find the experiments of a cross-validation, and check that they are one.

    Those of the commit that is checked out are taken; if it has none, those of the only commit
    that has some.

    Args:
        name: ``NAME`` of ``NAME-fold0``…, or ``NAME@1a2b3c4`` for those of a commit.
        results: files of them, whose inputs must agree.
        incomplete: whether parts may be missing.

    Raises:
        InputError: there are none, they differ in more than the part, or parts are missing.
    """
    parts = _of_one_commit(name, kind)
    settings = [one.written_params() for one in parts]
    _check_settings(parts, settings, kind)
    _check_inputs(parts, kind, results)
    check = _missing_folds if kind == "folds" else _missing_sites
    missing = check(parts, settings)
    found = CrossValidation(
        name,
        parts,
        missing,
        len(parts) + len(missing) if kind == "folds" or missing else None,
        settings[0].get("split.protocol") == "random",
    )
    if missing and not incomplete:
        words = f"{missing_words(found, kind)}{_elsewhere(name, kind, parts[0])}"
        hint = _hint(name, kind, found.planned or 0)
        raise InputError(f"{name}: {words}; {hint}, or add --incomplete")
    return found


def missing_words(found: CrossValidation, kind: Kind) -> str:
    """Say which parts are missing."""
    what = "fold" if kind == "folds" else "institution"
    many = "s" if len(found.missing) > 1 else ""
    return f"no experiment tests {what}{many} {', '.join(found.missing)} of {found.planned}"


def _of_one_commit(name: str, kind: Kind) -> list[Experiment]:
    title, _, commit = name.partition("@")
    every = experiments()
    own = [one for one in every if _belongs(one, title, kind)]
    if not own:
        known = {_ENDING[kind].sub("", one.name) for one in every if _is_part(one, kind)}
        raise InputError(
            f"there is no experiment {title}-{kind[:-1]}…{did_you_mean(title, known)};"
            f" {_hint(title, kind)}"
        )
    wanted = commit or git("rev-parse", "HEAD")
    parts = [one for one in own if one.baseline.startswith(wanted)] if wanted else own
    bases = list(dict.fromkeys(one.baseline[:7] for one in (parts or own)))
    if (commit and not parts) or len(bases) > 1:
        raise InputError(
            f"{name}: its experiments started from the commit{'s' * (len(bases) > 1)}"
            f" {', '.join(bases)}; name one, as in {title}@{bases[0]}"
        )
    return sorted(parts or own, key=lambda one: (len(one.name), one.name))


def _is_part(one: Experiment, kind: Kind) -> bool:
    return bool(_ENDING[kind].search(one.name))


def _belongs(one: Experiment, title: str, kind: Kind) -> bool:
    return _is_part(one, kind) and _ENDING[kind].sub("", one.name) == title


def _hint(name: str, kind: Kind, count: int = 4) -> str:
    title = name.partition("@")[0]
    return f"run `scanvote recipe run {title} --{kind}{f' {count}' if kind == 'folds' else ''}`"


def _elsewhere(name: str, kind: Kind, part: Experiment) -> str:
    """Tell of parts of other commits, which are not taken."""
    others = [one for one in experiments() if _belongs(one, name.partition("@")[0], kind)]
    bases = sorted({one.baseline[:7] for one in others if one.baseline != part.baseline})
    return f" (those of {', '.join(bases)} are of another commit)" if bases else ""


def _check_settings(
    parts: Sequence[Experiment], settings: Sequence[Mapping[str, object]], kind: Kind
) -> None:
    for part, own in zip(parts[1:], settings[1:], strict=True):
        differ = [
            f"{key} ({one}, {other})"
            for key, one, other in differing_settings(settings[0], own)
            if key != DIVIDES[kind]
        ]
        if differ:
            raise InputError(_disagreement(parts[0], part, differ, kind))


def _disagreement(one: Experiment, other: Experiment, differ: Sequence[str], kind: Kind) -> str:
    more = f" and {len(differ) - _SHOWN} more" if len(differ) > _SHOWN else ""
    return (
        f"{one.name} and {other.name} differ in {', '.join(differ[:_SHOWN])}{more}, so they are no"
        f" parts of one cross-validation; `dvc exp remove` one of them, and run it again as the"
        f" other, but for {DIVIDES[kind]}"
    )


def _check_inputs(parts: Sequence[Experiment], kind: Kind, results: Sequence[str]) -> None:
    """Check that data and code are the same, by the digests in dvc.lock."""
    inputs = [origins(one.lock(), results, DIVIDES[kind]) for one in parts]
    for part, own in zip(parts[1:], inputs[1:], strict=True):
        both = sorted(own.keys() & inputs[0].keys(), key=lambda path: not path.startswith("data"))
        differ = [
            f"{path} (md5 {inputs[0][path][:7]}…, {own[path][:7]}…)"
            for path in both
            if own[path] != inputs[0][path]
        ]
        if differ:
            raise InputError(_disagreement(parts[0], part, differ, kind))


def _missing_folds(
    parts: Sequence[Experiment], settings: Sequence[Mapping[str, object]]
) -> list[str]:
    folds, count = [one.get("split.fold") for one in settings], settings[0].get("split.folds")
    # with the published folds (protocol official) the params do not hold their number
    if count is None and settings[0].get("split.protocol") != "official":
        raise InputError(
            f"{parts[0].name} has no split.folds, so it is no part of a cross-validation; set"
            " split.folds and split.fold, or give it another name"
        )
    tested: dict[int, str] = {}
    for part, fold in zip(parts, folds, strict=True):
        if not isinstance(fold, int) or (isinstance(count, int) and not 0 <= fold < count):
            of = f" of {count}" if count else ""
            raise InputError(f"{part.name} tests fold {fold}{of}, which there is not")
        if fold in tested:
            raise InputError(
                f"{tested[fold]} and {part.name} both test fold {fold}; `dvc exp remove` one"
            )
        tested[fold] = part.name
    whole = count if isinstance(count, int) else max(tested) + 1
    return [str(fold) for fold in range(whole) if fold not in tested]


def _missing_sites(
    parts: Sequence[Experiment], settings: Sequence[Mapping[str, object]]
) -> list[str]:
    tested: dict[str, str] = {}
    for part, own in zip(parts, settings, strict=True):
        site = str(own.get("split.site"))
        if own.get("split.protocol") != "site":
            raise InputError(
                f"{part.name} has split.protocol {setting_text(own, 'split.protocol')}, not site,"
                " so it does not test one institution; give it another name"
            )
        if site in tested:
            raise InputError(
                f"{tested[site]} and {part.name} both test {site}; `dvc exp remove` one"
            )
        tested[site] = part.name
    known = {site for part in parts for site in _institutions(part)}
    return sorted(known - tested.keys())


def _institutions(part: Experiment) -> Iterator[str]:
    """Yield the known institutions of its scans; none if the manifest is not in the cache."""
    try:
        source = io.BytesIO(part.read(_MANIFEST))
    except InputError:
        return
    table = pd.read_csv(source, dtype=str, keep_default_na=False)
    yield from set(table.get("institution", pd.Series(dtype=str))) - {""}


def check_tested_once(found: CrossValidation, tables: Sequence[pd.DataFrame]) -> None:
    """Check that no scan and, unless split by scans, no patient is tested by two parts.

    Args:
        tables: the test rows of each part.
    """
    for column in ("scan_id", *([] if found.by_scan else ["patient"])):
        tested: dict[Any, str] = {}
        for part, table in zip(found.parts, tables, strict=True):
            for one in table[column].unique():
                if one in tested:
                    raise InputError(
                        f"{found.name}: {one} is tested by two of its experiments,"
                        f" {tested[one]} and {part.name}; pool those of one cross-validation"
                    )
                tested[one] = part.name
