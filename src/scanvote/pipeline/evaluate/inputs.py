"""Inputs of the evaluation of classification: each model's test rows."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd

from scanvote.class_roles import negative_class, positive_class
from scanvote.core.errors import InputError
from scanvote.manifest import read_manifest
from scanvote.metrics.bootstrap import Integers
from scanvote.metrics.classification import class_shares
from scanvote.metrics.comparisons import BASELINE
from scanvote.metrics.operating_point import threshold
from scanvote.metrics.results import ClassifierOutput, OperatingPoint, majority_baseline
from scanvote.params.whole import EvaluateParams
from scanvote.predictions import labels_of, read_predictions


@dataclass(frozen=True)
class TestResults:
    """The test split.

    Attributes:
        models: by model its n test rows of `predictions.csv`, all in the order of `scan_id`; the
            vote first.
        validation: by model its rows of the validation split.
        members: ``members.csv``, the best first by validation.
        scans: their n rows of the manifest.
        groups: (n,), the group of each, from 0.
    """

    models: dict[str, pd.DataFrame]
    validation: dict[str, pd.DataFrame]
    members: pd.DataFrame
    scans: pd.DataFrame
    groups: Integers

    @property
    def best(self) -> str:
        """The best member by validation."""
        return str(self.members["model"][self.members["votes"]].iloc[0])

    @property
    def voters(self) -> list[str]:
        return [str(name) for name in self.members["model"][self.members["votes"]]]

    @property
    def single(self) -> list[str]:
        """The models other than votes, the best first by validation."""
        return [str(name) for name in self.members["model"] if name in self.models]


def read_test_results(predictions: Path, prepared: Path) -> TestResults:
    """Read the test split.

    Args:
        predictions: `models/ensemble`.
        prepared: `data/prepared/classification`.

    Raises:
        InputError: a file is missing or was changed, a model was not tested on the same scans as
            the vote, or these are not those of the test split.
    """
    path = predictions / "predictions.csv"
    table = read_predictions(path)
    _check_table(table, path)
    models, validation = (_by_model(table, split) for split in ("test", "validation"))
    if "vote" not in models:
        raise InputError(f"{path} has no test rows of the model vote; run `dvc repro ensemble`")
    for name, rows in models.items():
        if not np.array_equal(rows["scan_id"], models["vote"]["scan_id"]):
            raise InputError(f"{path}: {name} and vote have different test scans")
    scans = test_scans(prepared, models["vote"]["scan_id"])
    members = pd.read_csv(predictions / "members.csv", dtype={"model": str})
    groups = pd.factorize(scans["group"])[0]
    return TestResults(models, validation, members, scans, groups)


def _check_table(table: pd.DataFrame, path: Path) -> None:
    """Check what a spreadsheet changes when it saves the table: separators and numbers."""
    needed = ["model", "scan_id", "split", "label", "predicted"]
    missing = [name for name in needed if name not in table]
    if missing or not labels_of(table):
        _raise_changed(path, f"it has no column {missing[0] if missing else 'p_<class>'}")
    vote = table[table["model"] == "vote"]
    columns = [(table[name], "probability") for name in table.filter(regex="^p_")]
    columns += [(vote[name], "whole number") for name in table.filter(regex="^votes_")]
    for cells, kind in columns:
        bad = ~(_is_whole(cells) if kind == "whole number" else _is_share(cells))
        if bad.any():
            problem = f"column {cells.name} holds '{cells[bad].iloc[0]}', no {kind}"
            _raise_changed(path, problem)


def _is_share(cells: "pd.Series[str]") -> "pd.Series[bool]":
    return pd.to_numeric(cells, errors="coerce").between(0, 1)


def _is_whole(cells: "pd.Series[str]") -> "pd.Series[bool]":
    return cells.astype(str).str.fullmatch(r"\d+")


def _raise_changed(path: Path, problem: str) -> NoReturn:
    raise InputError(f"{path} was changed by hand or in a spreadsheet: {problem}; run `dvc repro`")


def _by_model(table: pd.DataFrame, split: str) -> dict[str, pd.DataFrame]:
    rows = table[table["split"] == split].sort_values("scan_id", kind="stable")
    parts = {str(name): one for name, one in rows.groupby("model", sort=False)}
    names = [name for name in table["model"].unique() if name in parts]
    return {name: parts[name].reset_index(drop=True) for name in names}


def test_scans(prepared: Path, names: "pd.Series[str]") -> pd.DataFrame:
    """Return rows of the manifest for these test scans, in their order.

    Raises:
        InputError: a scan is not in the test split.
    """
    path = prepared / "manifest.csv"
    manifest = read_manifest(path)
    test = manifest[manifest["split"] == "test"].set_index("scan_id", drop=False)
    unknown = names[~names.isin(test.index)]
    if len(unknown):
        raise InputError(
            f"{unknown.iloc[0]} has predictions and is no test scan of {path}; run `dvc repro`"
        )
    rows = pd.DataFrame(test.loc[names.tolist()])
    return rows.reset_index(drop=True)


def model_outputs(results: TestResults, params: EvaluateParams) -> dict[str, ClassifierOutput]:
    """Return each model's output, and that of the majority baseline.

    With two classes, the operating point of each model is where its validation rows have the
    required sensitivity. With more classes, the class without the finding is set.

    Raises:
        InputError: `evaluate.positive` or `evaluate.negative` is no class, or `evaluate.positive`
            is needed.
    """
    vote = results.models["vote"]
    labels = labels_of(vote)
    positive, negative = (
        positive_class(labels, params.positive),
        negative_class(labels, params.negative),
    )
    outputs = {}
    for name, rows in results.models.items():
        point = None
        if positive is not None:
            min_probability = threshold(results.validation[name], positive, params.min_sensitivity)
            point = OperatingPoint(labels.index(positive), min_probability)
        output = ClassifierOutput.of(rows, results.groups, point)
        code = None if negative is None else labels.index(negative)
        outputs[name] = replace(output, negative=code)
    shares = class_shares(results.validation["vote"]["label"], labels)
    return outputs | {BASELINE: majority_baseline(outputs["vote"], shares)}
