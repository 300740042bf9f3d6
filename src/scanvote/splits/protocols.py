"""Who trains and who tests: the protocols of `split.protocol`, and the check for leaks.

- grouped: whole groups (patients, series, relatives, copies), shared out at random.
- official: the published test part, or of published folds the one that `split.fold` counts to;
  whatever is tied to a scan of it leaves training.
- site: one institution is the test part; likewise.
- random: every scan for itself, copies included, as published systems did; it leaks.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from scanvote.core.errors import InputError, did_you_mean
from scanvote.manifest import read_manifest
from scanvote.params import SplitParams, Task
from scanvote.splits.groups import group_scans, leakage_audit, stratified_group_split


def split_scans(task: Task, path: Path, how: SplitParams, seed: int) -> pd.DataFrame:
    """The rows of the manifest in `path` that are used, with their `group` and `split`.

    Raises:
        InputError: the manifest is damaged or keeps nothing, or has not what the protocol
            needs: groups enough of each class, a published test part, institutions; or a patient
            is unknown and `split.require_patients` is set.
    """
    scans = grouped(read_manifest(path))
    if not scans["kept"].any():
        raise InputError(f"{path} keeps no scan; look at the duplicates.csv beside it")
    scans["stratum"] = stratum_of(task, scans)
    try:
        used = _PROTOCOLS[how.protocol](scans, how, seed)
    except InputError as error:
        raise InputError(f"{task}, split.protocol {how.protocol}: {error}") from None
    if how.require_patients:
        _check_patients(task, used)
    return used.drop(columns="stratum").reset_index(drop=True)


def _check_patients(task: Task, scans: pd.DataFrame) -> None:
    unknown = scans["scan_id"][scans["patient"] == ""]
    if len(unknown):
        raise InputError(
            f"split.require_patients: the patient of {len(unknown)} of {len(scans)} scans is"
            f" unknown, {unknown.iloc[0]} the first; tell them in data/patients/{task}.csv, or set"
            " split.require_patients to false"
        )


def check_leaks(scans: pd.DataFrame, how: SplitParams) -> dict[str, int]:
    """Pairs of scans across the splits, by kind of what they share.

    Raises:
        InputError: there are any, and the protocol is not the one that measures them.
    """
    leaks = leakage_audit(scans)
    found = {kind: pairs for kind, pairs in leaks.items() if pairs}
    if found and how.protocol != "random":
        raise InputError(f"the split leaks, which is a fault of scanvote: {found}")
    return leaks


def grouped(manifest: pd.DataFrame) -> pd.DataFrame:
    """`manifest` with `group`; copies that are dropped still tie patients together."""
    return manifest.assign(group=group_scans(manifest))


def stratum_of(task: Task, scans: pd.DataFrame) -> pd.Series:
    """What is spread evenly over the splits: the class, or slices with tumour and without."""
    if task == "classification":
        return scans["label"]
    return (scans["mask_pixels"] > 0).map({True: "tumour", False: "empty"})


def official_test(scans: pd.DataFrame, fold: int = 0) -> pd.Series:
    """bool (n,): the published test part, one scan of each cluster of its copies.

    Args:
        scans: with `source_split`, `duplicate_of`, `kept` and `conflict`.
        fold: the published fold that is tested, from 0, where folds are published.

    Raises:
        InputError: no scan is of a published test part, or there is no such fold.
    """
    part = published_test(scans, fold)
    # of copies within the part one stays, be the keeper among them or in training
    copy_of = scans["duplicate_of"].where(scans["duplicate_of"] != "", scans["scan_id"])
    ranked = scans.assign(copy_of=copy_of)[part & ~scans["conflict"]]
    first = ranked.sort_values("kept", ascending=False, kind="stable").drop_duplicates("copy_of")
    return scans.index.to_series().isin(first.index)


def published_test(scans: pd.DataFrame, fold: int = 0) -> "pd.Series[bool]":
    """bool (n,): every scan of the published test part, or of the published fold `fold`.

    ``Testing`` and the like in `source_split` is a test part, ``fold1`` the fold 0. Of joined
    sets with one and the other both are tested.

    Raises:
        InputError: there is neither, or no such fold.
    """
    told = scans["source_split"].str.lower()
    part, folds = told.str.startswith("test"), told.str.extract(r"^fold(\d+)$", expand=False)
    known = sorted({int(number) for number in folds.dropna()})
    if not known and not part.any():
        raise InputError(
            "no scan is of a published test part (figshare_brain_tumor tells its folds in"
            " cvind.mat, beside its archives); use split.protocol: grouped"
        )
    if not known and fold:
        raise InputError("the set has one published test part and no folds; set split.fold to 0")
    if known and fold + 1 not in known:
        every = ", ".join(str(number - 1) for number in known)
        raise InputError(f"there is no published fold {fold + 1}; set split.fold to one of {every}")
    return part | (folds.astype(float) == fold + 1)


def _grouped(scans: pd.DataFrame, how: SplitParams, seed: int) -> pd.DataFrame:
    return _shared_out(scans[scans["kept"]], how, seed)


def _random(scans: pd.DataFrame, how: SplitParams, seed: int) -> pd.DataFrame:
    alone = _shared_out(scans.assign(group=range(len(scans))), how, seed)
    return alone.assign(group=scans["group"])


def _official(scans: pd.DataFrame, how: SplitParams, seed: int) -> pd.DataFrame:
    return _held_out(scans, official_test(scans, how.fold), how, seed)


def _site(scans: pd.DataFrame, how: SplitParams, seed: int) -> pd.DataFrame:
    known = scans[scans["institution"] != ""] if "institution" in scans else scans.head(0)
    if known.empty:
        raise InputError("no scan tells its institution; use split.protocol: grouped")
    counts = known["institution"].value_counts().sort_index()
    if how.site not in counts:
        every = ", ".join(f"{site} ({count} scans)" for site, count in counts.items())
        hint = did_you_mean(how.site, counts.index) if how.site else ""
        raise InputError(f"split.site is {how.site!r}{hint}; name one of {every}")
    # a scan of an unknown institution could be of the one that is left out
    known = known[known["kept"]]
    return _held_out(known, known["institution"] == how.site, how, seed)


def _held_out(
    scans: pd.DataFrame, test: "pd.Series[bool]", how: SplitParams, seed: int
) -> pd.DataFrame:
    """`test` as it is; training and validation of what has nothing to do with it."""
    if how.folds is not None:
        raise InputError("its test part is given, so there are no folds; set split.folds to null")
    tied = scans["group"].isin(set(scans.loc[test, "group"]))
    rest = scans[scans["kept"] & ~tied]
    if rest.empty:
        raise InputError("every other scan is tied to its test part: nothing is left to train on")
    rest = _dealt(rest, _training_shares(how.validation / (1 - how.test)), seed)
    return pd.concat([rest, scans[test].assign(split="test")]).sort_index()


def _shared_out(scans: pd.DataFrame, how: SplitParams, seed: int) -> pd.DataFrame:
    """All three parts by their shares, or the test part as one of several folds."""
    if how.folds is None:
        return _dealt(scans, _training_shares(how.validation, how.test) | {"test": how.test}, seed)
    folds = assign_folds(scans, how.folds, seed)
    test = folds == how.fold
    share = how.validation / (1 - 1 / how.folds)
    rest = _dealt(scans[~test], _training_shares(share), seed)
    return pd.concat([rest, scans[test].assign(split="test")]).sort_index()


def assign_folds(scans: pd.DataFrame, folds: int, seed: int) -> "pd.Series[int]":
    """The fold, from 0, that each scan is tested in; `scans` has `group` and `stratum`."""
    shares = {f"fold {fold}": 1 / folds for fold in range(folds)}
    dealt = stratified_group_split(scans, scans["stratum"].tolist(), shares, seed)
    return pd.Series([int(name.split()[1]) for name in dealt], index=scans.index)


def _training_shares(validation: float, test: float = 0.0) -> dict[str, float]:
    return {"train": 1 - validation - test, "validation": validation}


def _dealt(scans: pd.DataFrame, shares: dict[str, float], seed: int) -> pd.DataFrame:
    return scans.assign(
        split=stratified_group_split(scans, scans["stratum"].tolist(), shares, seed)
    )


_PROTOCOLS: dict[str, Callable[[pd.DataFrame, SplitParams, int], pd.DataFrame]] = {
    "grouped": _grouped,
    "official": _official,
    "site": _site,
    "random": _random,
}
