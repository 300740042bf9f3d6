"""Protocols of `split.protocol`.

- grouped: assigns whole groups (patients, series, relatives, copies) at random.
- official: tests on the published test part, or on the published fold `split.fold`; scans in
  one group with a test scan leave training.
- site: tests on one institution; scans in one group with a test scan leave training.
- random: assigns every scan by itself, copies included, as published systems did; it leaks.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from scanvote.core.errors import InputError, did_you_mean
from scanvote.manifest import read_manifest
from scanvote.params import SplitParams, Task
from scanvote.splits.groups import (
    EMPTY,
    Unspread,
    UnspreadClass,
    group_scans,
    stratified_group_split,
)
from scanvote.splits.ties import check_trained, explained, nothing_kept


def split_scans(task: Task, path: Path, config: SplitParams, seed: int) -> pd.DataFrame:
    """Return the used rows of a manifest, with their `group` and `split`.

    Args:
        task: whose classes or masks are spread evenly.
        path: of the manifest with `kept`.
        config: section `split` of the parameters.
        seed: of the random choices.

    Raises:
        InputError: the manifest is damaged or keeps no scan, or lacks what the protocol needs:
            enough groups of each class, a published test part, institutions; a class of the
            test part has no training scan; or a patient is unknown and `split.require_patients`
            is set.
    """
    return split_manifest(task, read_manifest(path), config, seed, str(path))


def split_manifest(
    task: Task, manifest: pd.DataFrame, config: SplitParams, seed: int, where: str
) -> pd.DataFrame:
    """Return what `split_scans` returns, of a manifest that is called `where` in messages."""
    scans = grouped(manifest)
    if not scans["kept"].any():
        raise InputError(f"{where} keeps no scan: {nothing_kept(task, scans)}")
    scans["stratum"] = stratum_of(task, scans)
    try:
        used = _split(task, scans, config, seed)
    except InputError as error:
        raise type(error)(f"{task}, split.protocol {config.protocol}: {error}") from None
    if config.require_patients:
        _check_patients(task, used)
    return used.drop(columns="stratum").reset_index(drop=True)


def _split(task: Task, scans: pd.DataFrame, config: SplitParams, seed: int) -> pd.DataFrame:
    """Split by the protocol; an error names what ties the scans."""
    try:
        used = _PROTOCOLS[config.protocol](scans, config, seed)
    except UnspreadClass as error:
        raise explained(task, scans, error.facts) from None
    if config.protocol in ("official", "site"):
        in_test = used["split"] == "test"
        tied = scans["kept"] & scans["group"].isin(used["group"][in_test])
        tied &= ~scans["scan_id"].isin(used["scan_id"])
        check_trained(task, used[in_test], used[~in_test], scans[tied])
    return used


def _check_patients(task: Task, scans: pd.DataFrame) -> None:
    unknown = scans["scan_id"][scans["patient"] == ""]
    if len(unknown):
        raise InputError(
            f"split.require_patients: the patient of {len(unknown)} of {len(scans)} scans is"
            f" unknown, {unknown.iloc[0]} the first; tell them in data/patients/{task}.csv, or set"
            " split.require_patients to false"
        )


def grouped(manifest: pd.DataFrame) -> pd.DataFrame:
    """Add the column `group`; copies that are dropped still link patients."""
    return manifest.assign(group=group_scans(manifest))


def stratum_of(task: Task, scans: pd.DataFrame) -> pd.Series:
    """Return the stratum of each scan: its class, or whether its mask marks anything."""
    if task == "classification":
        return scans["label"]
    return (scans["mask_pixels"] > 0).map({True: "tumour", False: EMPTY})


def official_test(scans: pd.DataFrame, fold: int = 0) -> pd.Series:
    """Mark the published test part without duplicates, bool (n,).

    One scan of each cluster of copies is marked.

    Args:
        scans: with `source_split`, `duplicate_of`, `kept` and `conflict`.
        fold: the published fold to test on, from 0; without published folds it is 0.

    Raises:
        InputError: no scan is of a published test part, or there is no such fold.
    """
    part = published_test(scans, fold)
    # one of several copies in the part stays, even if their representative is in training
    copy_of = scans["duplicate_of"].where(scans["duplicate_of"] != "", scans["scan_id"])
    copies = scans.assign(copy_of=copy_of)[part & ~scans["conflict"]]
    first = copies.sort_values("kept", ascending=False, kind="stable").drop_duplicates("copy_of")
    return scans.index.to_series().isin(first.index)


def published_test(scans: pd.DataFrame, fold: int = 0) -> "pd.Series[bool]":
    """Mark every scan of the published test part or fold, bool (n,).

    ``Testing`` and the like in `source_split` is a test part, ``fold1`` is fold 0. If one of
    several joined data sets has a test part and another one folds, both are tested on.

    Raises:
        InputError: there is no test part and no fold, or not this fold.
    """
    source_split = scans["source_split"].str.lower()
    part = source_split.str.startswith("test")
    folds = source_split.str.extract(r"^fold(\d+)$", expand=False)
    known_folds = sorted({int(number) for number in folds.dropna()})
    if not known_folds and not part.any():
        raise InputError(
            "no scan is of a published test part (figshare_brain_tumor tells its folds in"
            " cvind.mat, beside its archives); use split.protocol: grouped"
        )
    if not known_folds and fold:
        raise InputError("the set has one published test part and no folds; set split.fold to 0")
    if known_folds and fold + 1 not in known_folds:
        choices = ", ".join(str(number - 1) for number in known_folds)
        raise InputError(f"split.fold: the set has no published fold {fold}; use one of {choices}")
    return part | (folds.astype(float) == fold + 1)


def _grouped(scans: pd.DataFrame, config: SplitParams, seed: int) -> pd.DataFrame:
    return _split_by_shares(scans[scans["kept"]], config, seed)


def _random(scans: pd.DataFrame, config: SplitParams, seed: int) -> pd.DataFrame:
    alone = _split_by_shares(scans.assign(group=range(len(scans))), config, seed)
    return alone.assign(group=scans["group"])


def _official(scans: pd.DataFrame, config: SplitParams, seed: int) -> pd.DataFrame:
    return _split_around_test(scans, official_test(scans, config.fold), config, seed)


def _site(scans: pd.DataFrame, config: SplitParams, seed: int) -> pd.DataFrame:
    known = scans[scans["institution"] != ""] if "institution" in scans else scans.head(0)
    if known.empty:
        raise InputError("no scan tells its institution; use split.protocol: grouped")
    counts = known["institution"].value_counts().sort_index()
    if config.site not in counts:
        choices = ", ".join(f"{site} ({count} scans)" for site, count in counts.items())
        hint = did_you_mean(config.site, counts.index) if config.site else ""
        raise InputError(f"split.site is {config.site!r}{hint}; name one of {choices}")
    # a scan of an unknown institution could be of the one that is tested on
    known = known[known["kept"]]
    return _split_around_test(known, known["institution"] == config.site, config, seed)


def _split_around_test(
    scans: pd.DataFrame, test: "pd.Series[bool]", config: SplitParams, seed: int
) -> pd.DataFrame:
    """Split the scans outside the groups of `test` into training and validation."""
    if config.folds is not None:
        raise InputError("its test part is given, so there are no folds; set split.folds to null")
    tied = scans["group"].isin(set(scans.loc[test, "group"]))
    rest = scans[scans["kept"] & ~tied]
    if rest.empty:
        raise UnspreadClass.of(_all_tied(scans[scans["kept"]]))
    rest = _assigned(rest, _training_shares(config.validation / (1 - config.test)), seed)
    return pd.concat([rest, scans[test].assign(split="test")]).sort_index()


def _all_tied(scans: pd.DataFrame) -> Unspread:
    """Return the biggest group of a set all tied to test."""
    sizes = scans.groupby("group")["scan_id"].agg(["size", "min"])
    size, biggest = sizes.sort_values(["size", "min"], ascending=[False, True]).iloc[0]
    reason = "every other scan is tied to its test part: nothing is left to train on"
    return Unspread("", reason, str(biggest), int(size), len(scans))


def _split_by_shares(scans: pd.DataFrame, config: SplitParams, seed: int) -> pd.DataFrame:
    """Split by shares, with one of several folds as test if configured."""
    if config.folds is None:
        return _assigned(
            scans, _training_shares(config.validation, config.test) | {"test": config.test}, seed
        )
    folds = assign_folds(scans, config.folds, seed)
    test = folds == config.fold
    share = config.validation / (1 - 1 / config.folds)
    rest = _assigned(scans[~test], _training_shares(share), seed)
    return pd.concat([rest, scans[test].assign(split="test")]).sort_index()


def assign_folds(scans: pd.DataFrame, folds: int, seed: int) -> "pd.Series[int]":
    """Return the test fold of each scan, from 0.

    Args:
        scans: with `group` and `stratum`.
        folds: number of folds.
        seed: as of `stratified_group_split`.
    """
    shares = {f"fold {fold}": 1 / folds for fold in range(folds)}
    parts = stratified_group_split(scans, scans["stratum"].tolist(), shares, seed, _optional(scans))
    return pd.Series([int(name.split()[1]) for name in parts], index=scans.index)


def _training_shares(validation: float, test: float = 0.0) -> dict[str, float]:
    return {"train": 1 - validation - test, "validation": validation}


def _optional(scans: pd.DataFrame) -> Sequence[str]:
    """Return the strata that a part may lack: not each needs a patient without a lesion."""
    # a class of the user's may be called like the stratum
    return () if (scans["label"] == scans["stratum"]).all() else (EMPTY,)


def _assigned(scans: pd.DataFrame, shares: dict[str, float], seed: int) -> pd.DataFrame:
    return scans.assign(
        split=stratified_group_split(
            scans, scans["stratum"].tolist(), shares, seed, _optional(scans)
        )
    )


_PROTOCOLS: dict[str, Callable[[pd.DataFrame, SplitParams, int], pd.DataFrame]] = {
    "grouped": _grouped,
    "official": _official,
    "site": _site,
    "random": _random,
}
