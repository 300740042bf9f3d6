"""Errors of a split that name what ties, and what overrules."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from scanvote.core.errors import InputError, did_you_mean
from scanvote.manifest import owners
from scanvote.params import Task
from scanvote.splits.groups import EMPTY, Unspread, UnspreadClass, link_keys

NAME = 32
"""Characters of a name in a message."""
TIES = {
    "sha256": "equal bytes",
    "duplicate": "copies",
    "relatives": "look-alikes",
    "case": "one case",
    "series": "one series",
}
"""Words for the links other than patients, the strongest evidence first."""
SHOWN = 2
"""Ties other than patients in a message."""
SHOWN_CLASSES = 6
STRATA = {"tumour": "slices with tumour", EMPTY: "slices without tumour"}


@dataclass(frozen=True)
class Tie:
    """A link between scans of different or unknown patients."""

    link: str
    scans: tuple[str, str]

    def __str__(self) -> str:
        one, other = map(_short, self.scans)
        return f"{TIES[self.link]} such as {one} and {other}"


def explained(task: Task, scans: pd.DataFrame, facts: Unspread) -> UnspreadClass:
    """Return an error with the biggest group, its ties, the remedy.

    Args:
        task: whose tables overrule.
        scans: the manifest with `group`; dropped copies tie too.
        facts: of the class that cannot be spread.
    """
    reason = facts.reason
    if _are_patients(scans, facts.stratum):
        reason = re.sub("independent (groups?) of scans", _patients, reason)
    if task == "segmentation":  # its strata are slices, in the plural
        reason = reason.replace("has ", "come from ", 1).replace("shares its", "share their", 1)
        reason = reason.replace("and needs", "and need", 1)
    subject = f"{_subject(task, facts.stratum)} {reason}".strip()
    if facts.size == 1 and facts.reason.startswith("has "):
        return UnspreadClass(f"{subject}: {_collect(task, scans, facts.stratum)}")
    group = scans[scans["group"].isin(scans["group"][scans["scan_id"] == facts.biggest])]
    ties = list(_ties(group))
    words = ", ".join([*_patient_words(group), *map(str, ties[:SHOWN])])
    size = f"{facts.size} of {facts.total} scans are one group"
    last = _collect(task, scans, facts.stratum)
    remedy = _remedy(task, group, ties, last)
    return UnspreadClass(f"{subject}; {size} ({words}): {remedy}")


def _are_patients(scans: pd.DataFrame, stratum: str) -> bool:
    """Tell if the groups of a class are its patients, neither more nor less."""
    part = scans[scans["kept"] & (scans["stratum"] == stratum)]
    pairs = part[["patient", "group"]].drop_duplicates()
    apart = len(pairs) == part["patient"].nunique() == part["group"].nunique()
    return bool((part["patient"] != "").all()) and apart


def _patients(match: re.Match[str]) -> str:
    return match.group(1).replace("group", "patient")


def nothing_kept(task: Task, scans: pd.DataFrame) -> str:
    """Say why a manifest keeps no scan, and what to do."""
    conflicts = scans[scans["conflict"]]
    if conflicts.empty:
        return f"all {len(scans)} are dropped in data/overrule/{task}.csv, or copies of such"
    return (
        f"{len(conflicts)} of {len(scans)} stand under two classes{_two_classes(conflicts)}; is one"
        " of these no class? Look at `scanvote data check PATH`, correct the folders or labels, or"
        f" `keep` pairs that are not one image in data/overrule/{task}.csv"
    )


def check_trained(task: Task, test: pd.DataFrame, rest: pd.DataFrame, tied: pd.DataFrame) -> None:
    """Check that each class of a test part can be trained on.

    Args:
        task: slices without tumour need no training.
        test: the test part, with `stratum`.
        rest: the scans to train on.
        tied: kept scans that leave training, as they are tied to the test part.

    Raises:
        InputError: a class of the test part has no other scan.
    """
    trained = set(rest["stratum"])
    for name, count in test["stratum"].value_counts().sort_index().items():
        if name not in trained and not (task == "segmentation" and name == EMPTY):
            left = int((tied["stratum"] == name).sum())
            others = f" ({left} others are tied to the test part)" if left else ""
            raise InputError(
                f"{_subject(task, str(name))}: {count} scans in the test part and none to train"
                f" on{others}{_rename(task, str(name), trained)}"
            )


def _subject(task: Task, stratum: str) -> str:
    return (
        STRATA[stratum]
        if task == "segmentation" and stratum
        else (f"class {stratum!r}" if stratum else "")
    )


def _rename(task: Task, name: str, trained: set[str]) -> str:
    if task == "segmentation":
        return "; use split.protocol: grouped"
    hint = did_you_mean(name, trained)
    if "did you mean" not in hint:
        shown = ", ".join(sorted(trained)[:SHOWN_CLASSES])
        hint = f"; training has {shown}{', …' if len(trained) > SHOWN_CLASSES else ''}."
    return (
        f"{hint} Rename the class with classification.labels={{{name}: …}}, leave it out with"
        f" {{{name}: null}}, or use split.protocol: grouped"
    )


def _ties(group: pd.DataFrame) -> Iterator[Tie]:
    """Yield an example of each link beyond known patients."""
    for link in TIES:
        part = group.assign(key=link_keys(group, link), owner=owners(group))
        part = part[part["key"] != ""]
        if link == "duplicate":
            part = part[~part.duplicated(["key", "sha256"]) | (part["sha256"] == "")]
        part = part.drop_duplicates(["key", "owner"])
        part = part[part.duplicated("key", keep=False)]
        if len(part):
            one, other = part["scan_id"][part["key"] == part["key"].iloc[0]].iloc[:2]
            yield Tie(link, (str(one), str(other)))


def _patient_words(group: pd.DataFrame) -> Iterator[str]:
    counts = group["patient"][group["patient"] != ""].value_counts()
    if len(counts):
        more = f" and {len(counts) - 1} more patients" if len(counts) > 1 else ""
        yield f"patient {_short(str(counts.index[0]))} of {counts.iloc[0]} scans{more}"


def _remedy(task: Task, group: pd.DataFrame, ties: list[Tie], last: str) -> str:
    """Return what to do, by what ties the group, and `last` if nothing else helps."""
    links, names = {tie.link for tie in ties}, set(group["patient"]) - {""}
    table = f"data/patients/{task}.csv"
    advice = []
    if "relatives" in links:
        advice.append(f"name the patients in {table}, which look-alikes do not tie")
    elif len(names) == 1:
        advice.append(f"if that is no one person (see `scanvote data check`), name each in {table}")
    if links & {"sha256", "duplicate"}:
        advice.append(f"`keep` pairs that are not one image in data/overrule/{task}.csv")
    return "; ".join([*advice, f"{'else ' if advice else ''}{last}"])


def _collect(task: Task, scans: pd.DataFrame, stratum: str) -> str:
    """Return the last remedy: more patients, or to do without the class."""
    if not stratum:
        return "use split.protocol: grouped"
    if task == "segmentation":
        return f"collect more patients with {STRATA[stratum]}"
    if scans["stratum"][scans["kept"]].nunique() == 2:  # one class alone cannot be told from others
        return "collect scans of more patients"
    return (
        "collect scans of more patients, or leave the class out:"
        f" classification.labels={{{stratum}: null}}"
    )


def _two_classes(conflicts: pd.DataFrame) -> str:
    """Return an example of an image in two classes."""
    labels = dict(zip(conflicts["scan_id"], conflicts["label"], strict=True))
    for one in conflicts.itertuples():
        other = labels.get(str(one.duplicate_of), one.label)
        if other != one.label:
            names = _short(str(one.scan_id)), _short(str(one.duplicate_of))
            return f", as one image is {names[0]} of {one.label!r} and {names[1]} of {other!r}"
    return ", here and at their source"


def _short(name: str) -> str:
    return name if len(name) <= NAME else f"…{name[-NAME:]}"
