"""Run a user's data through the stages, and hold the outcome against the truth."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unicodedata import normalize
from unittest.mock import patch

import pandas as pd

from scanvote.commands import data_check
from scanvote.core.errors import InputError
from scanvote.datasets.user_data import set_name
from scanvote.manifest import read_manifest
from scanvote.params import Params, Task, load_params, validate
from scanvote.pipeline.deduplicate.stage import deduplicate
from scanvote.pipeline.download.stage import download
from scanvote.pipeline.prepare.stage import prepare
from tests.own_trees import Fact, Tree

ROOT = Path(__file__).parents[1]
STAGES = ("download", "deduplicate", "prepare")
MACHINE = re.compile(r"object has no attribute|Traceback|Error\(|<class |NoneType|\bself\.")
"""What no message to a user may hold."""
REFUSALS = {
    "few people of a class": r"and needs? \d+, one for each of|shares its few groups",
    "one class, or none": r"no two folders of classes|has the label",
    "two spellings": r"spell|differ only",
    "two readings": r"class_level|patient_level|reading",
    "parts and something else": r"\bpart",
    "one name for two files": r"would get one name",
    "empty value in a table": r"is empty",
    "several masks": r"several masks",
    "masks without images": r"masks have no image|no image goes with|have no image",
    "no masks": r"has no masks",
    "class without a scan": r"nothing of the class|no scan of the class|holds no scan",
    "nothing readable": r"nothing can be read|no volume can be read|no scan can be used|holds no",
    "empty masks": r"masks are empty",
    "keeps no scan": r"keeps no scan",
}
"""Kinds of refusals, by what their message holds; the first that fits."""


@dataclass
class Outcome:
    """What came of a tree.

    Attributes:
        stage: the stage that refused; empty where all passed.
        message: of the refusal or crash.
        crashed: whether it was no InputError.
        raw: manifest of download; manifest: that of prepare.
        ignored: reason of each file that is not used; issues: the table of integrity.
        metrics: of each stage that passed.
    """

    stage: str = ""
    message: str = ""
    crashed: bool = False
    raw: pd.DataFrame = field(default_factory=pd.DataFrame)
    manifest: pd.DataFrame = field(default_factory=pd.DataFrame)
    ignored: dict[str, str] = field(default_factory=dict)
    issues: pd.DataFrame = field(default_factory=pd.DataFrame)
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        return not self.stage


@dataclass
class Verdict:
    """What is wrong with an outcome.

    Attributes:
        violations: kinds and texts of what must never be.
        remarks: likewise, of what is unwanted but no leak.
    """

    violations: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)


def small_params(task: Task, path: Path, changes: Mapping[str, Any] | None = None) -> Params:
    """params.yaml for small pictures, with `changes` by dotted keys."""
    values = load_params(ROOT / "params.yaml").model_dump()
    values[task]["dataset"] = [str(path)]
    values["volumes"] |= {"slices": 3}
    values["prepare"][task] |= {"image_size": 16, "copies": 0, "crop": False}
    for key, value in (changes or {}).items():
        *above, last = key.split(".")
        section = values
        for name in above:
            section = section[name]
        section[last] = value
    return validate(values, "params.yaml")


def run_stages(task: Task, params: Params, out: Path) -> Outcome:
    """Download, deduplicate and prepare below the new folder `out`."""
    raw, kept, ready = (out / name for name in STAGES)
    tables = out / "overrule.csv", out / "patients.csv"
    outcome = run_download(task, params, out)
    tables[0].write_text("action,scan_id,other,reason\n")
    tables[1].write_text("scan_id,patient\n")
    # a montage takes longer than the rest, and nobody looks at it
    with patch("scanvote.pipeline.deduplicate.stage.write_montage"):
        _run(outcome, "deduplicate", lambda: deduplicate(raw, params.deduplicate, *tables, kept))
    _run(outcome, "prepare", lambda: prepare(task, raw, kept, params, ready))
    if outcome.accepted:
        outcome.manifest = read_manifest(ready / "manifest.csv")
    return outcome


def run_download(task: Task, params: Params, out: Path) -> Outcome:
    """Download to a folder in the new folder `out`."""
    out.mkdir(parents=True)
    raw, outcome = out / STAGES[0], Outcome()
    # what of two classes must not be missed, a name of a random tree does not tell
    with patch("scanvote.pipeline.download.stage.check_roles"):
        _run(outcome, STAGES[0], lambda: download(task, params, raw))
    if outcome.accepted:
        _read_outputs(outcome, raw)
    return outcome


def _run(outcome: Outcome, stage: str, step: Callable[[], Mapping[str, Any]]) -> None:
    """Run a stage, unless one before it stopped."""
    if not outcome.accepted:
        return
    try:
        outcome.metrics[stage] = step()
    except InputError as error:
        outcome.stage, outcome.message = stage, str(error)
    except Exception as error:  # whatever it is, it is a fault
        outcome.stage, outcome.message = stage, f"{type(error).__name__}: {error}"
        outcome.crashed = True


def _read_outputs(outcome: Outcome, raw: Path) -> None:
    outcome.raw = read_manifest(raw / "manifest.csv")
    text = {"path": str, "detail": str}  # a class may be called 0
    outcome.issues = pd.read_csv(raw / "integrity.csv", keep_default_na=False, dtype=text)
    for path in raw.glob("*/ignored.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        outcome.ignored |= dict(zip(table["name"], table["reason"], strict=True))


def refusal_kind(outcome: Outcome, root: Path) -> str:
    """The kind of a refusal, by its words."""
    text = outcome.message.replace(str(root), "PATH")
    for kind, words in REFUSALS.items():
        if re.search(words, text):
            return kind
    return "other: " + re.sub(r"'[^']*'|\S*/\S*|\d+", "…", text)[:70]


def judge(tree: Tree, outcome: Outcome) -> Verdict:
    """Hold the outcome of a tree against its truth."""
    verdict = Verdict()
    if outcome.crashed:
        verdict.violations.append(("crash", f"{outcome.stage}: {outcome.message}"))
    elif not outcome.accepted:
        verdict.violations += _bad_words(outcome)
        if tree.spec.plain:
            verdict.violations.append(("plain tree refused", outcome.message))
    else:
        owners = Owners(tree)
        verdict.violations += _roles_and_classes(tree, outcome, owners)
        verdict.violations += _two_sides(outcome, owners)
        verdict.violations += _vanished(tree, outcome, owners)
        verdict.remarks += _strangers(outcome, owners)
        verdict.remarks += _untold(outcome, owners)
    return verdict


def _bad_words(outcome: Outcome) -> Iterator[tuple[str, str]]:
    if "\n" in outcome.message.strip():
        yield "words", f"several lines: {outcome.message}"
    if found := MACHINE.search(outcome.message):
        yield "words", f"{found.group()!r} in: {outcome.message}"


class Owners:
    """Find the file that a scan was made of."""

    def __init__(self, tree: Tree) -> None:
        self.facts = tree.facts
        self.by_stem: dict[str, str] = {}
        people: dict[str, set[int]] = defaultdict(set)
        for name, fact in tree.facts.items():
            self.by_stem.setdefault(_stem(name), name)
            people[name.rpartition("/")[0]].add(fact.unit)
        for name in tree.facts:  # a series may be named after its folder
            folder = name.rpartition("/")[0]
            if folder and len(people[folder]) == 1:
                self.by_stem.setdefault(folder, name)

    def of(self, path: str) -> str:
        """The name of the file of a scan; empty if nothing is known of it."""
        name = path.partition("/")[2]
        if name in self.facts:
            return name
        stem = name.rpartition(".")[0]
        for end in range(len(stem), 0, -1):
            ends = end == len(stem) or not stem[end].isalnum()
            if ends and stem[:end] in self.by_stem:
                return self.by_stem[stem[:end]]
        return ""

    def fact(self, path: str) -> Fact | None:
        return self.facts.get(self.of(path))


def _stem(name: str) -> str:
    folder, _, last = name.rpartition("/")
    stem = re.sub(r"\.(nii\.gz|[a-z]+)$", "", last)
    return f"{folder}/{stem}" if folder else stem


def canonical(label: str) -> str:
    """A label without the differences of spelling."""
    return normalize("NFC", label).strip().casefold()


def _roles_and_classes(tree: Tree, outcome: Outcome, owners: Owners) -> Iterator[tuple[str, str]]:
    frame = outcome.manifest
    spellings: dict[str, set[str]] = defaultdict(set)
    for path, label, mask in zip(frame["path"], frame["label"], frame["mask_path"], strict=True):
        fact = owners.fact(path)
        spellings[canonical(label)].add(label)
        if fact is None:
            yield "unknown scan", path
        elif fact.role not in ("scan", "blank"):
            yield f"{fact.role} used", f"{path} is {fact.role}"
        elif canonical(label) != canonical(fact.label):
            yield "class", f"{path} is {fact.label!r}, not {label!r}"
        elif mask.partition("/")[2] in tree.facts and mask.partition("/")[2] != fact.mask:
            yield "wrong mask", f"{path} has {mask}"
    for several in spellings.values():
        if len(several) > 1:
            yield "two spellings", f"classes {sorted(several)}"


def _two_sides(outcome: Outcome, owners: Owners) -> Iterator[tuple[str, str]]:
    sides: dict[str, dict[str, str]] = defaultdict(dict)
    for path, split in zip(outcome.manifest["path"], outcome.manifest["split"], strict=True):
        fact = owners.fact(path)
        for tie in sorted(fact.ties) if fact else ():
            sides[tie].setdefault(split, path)
    for tie, found in sides.items():
        if len(found) > 1:
            told = ", ".join(f"{path} in {split}" for split, path in found.items())
            yield "two sides", f"{tie}: {told}"


def _vanished(tree: Tree, outcome: Outcome, owners: Owners) -> Iterator[tuple[str, str]]:
    """Scans that are neither used nor told of."""
    if "twice" in tree.spec.extras:  # one of two equal trees may well be left out
        return
    told = set(outcome.ignored) | {one.partition("/")[2] for one in outcome.issues["path"]}
    folders = {name.rpartition("/")[0] for name in tree.facts} & told
    used = {owners.of(path) for path in outcome.raw["path"]}
    seen = {tree.facts[name].unit for name in (used | told) & set(tree.facts)}
    for name, fact in tree.facts.items():
        above = any(name.startswith(f"{folder}/") for folder in folders)
        if fact.role == "scan" and fact.unit not in seen and not above:
            yield "vanished", name


def _strangers(outcome: Outcome, owners: Owners) -> Iterator[tuple[str, str]]:
    """Groups of several persons, each of whom the tree tells apart."""
    people: dict[int, dict[int, str]] = defaultdict(dict)
    for path, group in zip(outcome.manifest["path"], outcome.manifest["group"], strict=True):
        fact = owners.fact(path)
        if fact and f"person {fact.person}" in fact.ties:
            people[group].setdefault(fact.person, path)
    for found in people.values():
        if len(found) > 1:
            yield "strangers tied", ", ".join(found.values())


def _untold(outcome: Outcome, owners: Owners) -> Iterator[tuple[str, str]]:
    """Persons on two sides of whom the tree does not tell."""
    sides: dict[int, dict[str, str]] = defaultdict(dict)
    for path, split in zip(outcome.manifest["path"], outcome.manifest["split"], strict=True):
        if fact := owners.fact(path):
            sides[fact.person].setdefault(split, path)
    for person, found in sides.items():
        if len(found) > 1:
            yield "untold person on two sides", f"{person}: {', '.join(found.values())}"


def disagreements(task: Task, path: Path, params: Params, outcome: Outcome) -> list[str]:
    """What `data check` understood otherwise than the stage download did."""
    refused = outcome.stage == "download"
    try:
        with patch.object(data_check, "VOLUMES", 10**6):
            check = data_check.check(path, task, params)
    except InputError as error:
        return [] if refused else [f"only the check refuses: {error}"]
    if refused:
        return [f"only download refuses: {outcome.message}"]
    pairs = {
        "scans": (_checked_scans(check), _downloaded_scans(outcome)),
        "patients": (_number_known(check, outcome), {outcome.metrics["download"]["patients"]}),
        "left out": (_left_out(check), set(outcome.ignored)),
        "findings": (_findings(check.issues), _findings(outcome.issues, f"{set_name(path)}/")),
    }
    return [
        f"{what}: {sorted(one ^ other)[:4]} ({len(one)} in the check, {len(other)} in download)"
        for what, (one, other) in pairs.items()
        if one != other
    ]


def _checked_scans(check: data_check.Check) -> set[tuple[str, ...]]:
    """Path, class, mask, patient, series, case and part of what can be used."""
    excluded = set(check.issues["path"][check.issues["excluded"]])
    return {
        (one.path, one.label, one.mask_path, one.patient, one.series, one.case, one.source_split)
        for one in check.scans
        if one.path not in excluded
    }


def _downloaded_scans(outcome: Outcome) -> set[tuple[str, ...]]:
    columns = ["path", "label", "mask_path", "patient", "series", "case", "source_split"]
    named = [at for at, name in enumerate(columns) if name not in ("label", "source_split")]
    rows = outcome.raw[columns].itertuples(index=False, name=None)
    return {
        tuple(_unprefixed(one) if at in named else one for at, one in enumerate(row))
        for row in rows
    }


def _number_known(check: data_check.Check, outcome: Outcome) -> set[object]:
    """Known patients of the check, which counts those of scans that cannot be used, too."""
    if outcome.issues["excluded"].any() or check.unreadable:
        return {outcome.metrics["download"]["patients"]}
    return {data_check.patients(check)[0]}


def _unprefixed(key: str) -> str:
    """A key without the name of its data set."""
    return key.partition("/")[2]


def _left_out(check: data_check.Check) -> set[str]:
    return {one.name for one in [*check.reading.skipped, *check.unreadable]}


def _findings(issues: pd.DataFrame, prefix: str = "") -> set[tuple[str, ...]]:
    paths = [path.removeprefix(prefix) for path in issues["path"]]
    # a detail may name another scan, or the patients of both
    details = [
        text.replace(prefix, "") if prefix else text for text in issues["detail"].astype(str)
    ]
    return set(zip(issues["kind"], paths, details, strict=True))
