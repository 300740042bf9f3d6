"""Refusals of the pipeline, found by the code of its own stages before they run.

The scans that were looked at go through what `download`, `deduplicate` and `prepare` do to a
manifest. Copies are known by their bytes alone here: look-alikes, which cost minutes to find, can
tie more scans together, so that what is told is the least that is missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scanvote.commands.data_check import Check
from scanvote.core.errors import InputError
from scanvote.datasets.base import Scan
from scanvote.datasets.own_paths import own_paths
from scanvote.datasets.registry import known_sets
from scanvote.datasets.user_data import set_name
from scanvote.params import Params, Task
from scanvote.params.data import SplitParams
from scanvote.pipeline.deduplicate.blank import placeholders, with_blank
from scanvote.pipeline.deduplicate.evidence import Evidence
from scanvote.pipeline.deduplicate.naming import across_series
from scanvote.pipeline.deduplicate.overrides import kept_with_equal_bytes, read_overrides
from scanvote.pipeline.deduplicate.pairs import as_pairs, equal_pairs, selected_pairs
from scanvote.pipeline.deduplicate.patients import read_patients, with_patients
from scanvote.pipeline.deduplicate.stage import mark
from scanvote.pipeline.download.file_check import FileCheck
from scanvote.pipeline.download.integrity import check_usable
from scanvote.pipeline.download.stage import manifest, prefix_scans, relabel
from scanvote.splits.groups import UnspreadClass
from scanvote.splits.protocols import grouped, split_manifest

Overrides = Mapping[str, Any]
"""Changes of params.yaml, as nested sections."""


@dataclass(frozen=True)
class Refusal:
    """What a stage will refuse.

    Attributes:
        text: its message.
        too_few: whether groups of scans are too few, who may be fewer than is known here.
        ways: changes of params.yaml that mend it, each with what it does in words.
    """

    text: str
    too_few: bool = False
    ways: Sequence[tuple[Overrides, str]] = ()


def refusal(one: Check, params: Params) -> Refusal | None:
    """Return what the stages will refuse of the data; None if they take them as far as is known.

    Of data that are one of several sets nothing is said: the sets are split together.
    """
    if _is_one_of_several(one, params):
        return None
    try:
        frame = _deduplicated(one, _manifest(one, params))
    except InputError as error:
        return Refusal(str(error))
    try:
        _split(one.task, frame, params.split, params)
    except InputError as error:
        return Refusal(
            str(error), isinstance(error, UnspreadClass), list(_ways(one.task, frame, params))
        )
    return None


def usable_classes(one: Check, params: Params) -> set[str]:
    """Return the classes that are left after `classification.labels`."""
    labels = {item.label for item in one.reading.items}
    renamed = {params.classification.labels.get(label, label) for label in labels}
    return {label for label in renamed if label}


def _is_one_of_several(one: Check, params: Params) -> bool:
    data = own_paths(one.task, params)
    sets = getattr(params, one.task).dataset or []
    return len(sets) > 1 and any(path.resolve() == one.path.resolve() for _, path in data)


def _manifest(one: Check, params: Params) -> pd.DataFrame:
    """Return the manifest that `download` would write, as far as files were looked at."""
    name = set_name(one.path, known_sets())
    pairs = list(zip(*_scans(one), strict=True))
    scans = prefix_scans(name, [scan for scan, _ in pairs])
    if one.task == "classification":
        labels = params.classification.labels
        kept = [at for at, scan in enumerate(scans) if labels.get(scan.label, "") is not None]
        _, scans = relabel([name] * len(scans), scans, labels)
        pairs = [pairs[at] for at in kept]
    checks = [check for _, check in pairs]
    check_usable(one.task, scans, checks)
    return manifest(one.task, [name] * len(scans), scans, checks)


def _scans(one: Check) -> tuple[Sequence[Scan], Sequence[FileCheck]]:
    """Return the scans; where only some were read, those that the names of files tell."""
    if len(one.looked) == len(one.reading.items):
        return one.scans, one.file_checks
    scans = [
        Scan(
            item.name,
            item.label,
            item.mask_name,
            item.patient or item.header_patient,
            item.series,
            item.case,
            item.source_split,
            item.facts,
        )
        for item in one.reading.items
    ]
    # unread masks are taken to mark something: only what is certain is refused
    return scans, [FileCheck(1, 1, mask_pixels=int(bool(scan.mask_path))) for scan in scans]


def _deduplicated(one: Check, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the manifest after the tables of the user, and after copies by bytes."""
    patients, overrides = (
        Path("data", name, f"{one.task}.csv") for name in ("patients", "overrule")
    )
    if patients.is_file():
        frame = with_patients(frame, read_patients(patients, frame["scan_id"].tolist()))
    judged = read_overrides(overrides, frame) if overrides.is_file() else []
    digests = [digest or f"unread {row}" for row, digest in enumerate(frame["sha256"])]
    equal = equal_pairs(digests)
    blank = placeholders(frame, equal) | np.isin(frame["path"], _constant(one, frame))
    equal = selected_pairs(equal, ~blank[equal[0]] & ~blank[equal[1]])
    none = as_pairs([])
    evidence = Evidence(blank, selected_pairs(equal, across_series(frame, equal)), none, none, none)
    frame, _ = mark(frame, evidence, judged)
    frame["relatives"] = ""
    return with_blank(frame, kept_with_equal_bytes(frame, judged))


def _constant(one: Check, frame: pd.DataFrame) -> list[str]:
    """Return the paths of pictures of one value, which tell nothing of a person."""
    name = frame["source"].iloc[0]
    pairs = zip(one.scans, one.file_checks, strict=True)
    return [f"{name}/{scan.path}" for scan, check in pairs if check.constant]


def _split(task: Task, frame: pd.DataFrame, config: SplitParams, params: Params) -> None:
    split_manifest(task, frame, config, params.seed, "the manifest")


def _ways(task: Task, frame: pd.DataFrame, params: Params) -> Iterator[tuple[Overrides, str]]:
    """Yield the changes with which the same split succeeds."""
    mended: set[str] = set()
    for config, words in _other_splits(params.split):
        if mended.isdisjoint(config) and _succeeds(
            task, frame, params.split.model_copy(update=config), params
        ):
            mended |= set(config)
            yield {"split": config}, words
    left_out: dict[str, None] = {}
    while task == "classification" and frame["label"].nunique() > 2:
        label = _rarest(frame)
        left_out[label], frame = None, frame[frame["label"] != label]
        if _succeeds(task, frame, params.split, params):
            yield {"classification": {"labels": left_out}}, f"leaves out {', '.join(left_out)}"
            return


def _other_splits(config: SplitParams) -> Iterator[tuple[dict[str, Any], str]]:
    if config.require_patients:
        yield {"require_patients": False}, "takes scans of unknown patients"
    if config.protocol in ("official", "site"):
        yield {"protocol": "grouped"}, "splits by groups of scans"
    if config.folds is not None:
        for folds in range(config.folds - 1, 1, -1):
            if config.validation + 1 / folds < 1:
                yield {"folds": folds, "fold": 0}, f"makes {folds} folds"
        yield {"folds": None, "fold": 0}, "makes one split, without folds"


def _succeeds(task: Task, frame: pd.DataFrame, config: SplitParams, params: Params) -> bool:
    try:
        _split(task, frame, config, params)
    except InputError:
        return False
    return True


def _rarest(frame: pd.DataFrame) -> str:
    """Return the class with the fewest groups, which is the first to fail."""
    scans = grouped(frame)
    groups = scans[scans["kept"]].groupby("label")["group"].nunique().sort_values(kind="stable")
    gone = set(frame["label"]) - set(groups.index)
    return min(gone) if gone else str(groups.index[0])
