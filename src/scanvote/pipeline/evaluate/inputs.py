"""What `evaluate` reads of the classification: every model's rows of the test, scan by scan."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.core.errors import InputError
from scanvote.manifest import read_manifest
from scanvote.metrics.bootstrap import Integers
from scanvote.metrics.classification import class_shares
from scanvote.metrics.comparisons import BASELINE
from scanvote.metrics.operating_point import positive_class, threshold
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
        groups: (n,) the group of each, from 0.
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
        """The models that are no votes, the best first by validation."""
        return [str(name) for name in self.members["model"] if name in self.models]


def read_test_results(predictions: Path, prepared: Path) -> TestResults:
    """Read them.

    Args:
        predictions: `models/ensemble`.
        prepared: `data/prepared/classification`.

    Raises:
        InputError: a file is missing, a model was not tested on the same scans as the vote, or
            they are not those of the test split.
    """
    path = predictions / "predictions.csv"
    table = read_predictions(path)
    models, validation = (_by_model(table, split) for split in ("test", "validation"))
    if "vote" not in models:
        raise InputError(f"{path} has no test rows of the model vote; run `dvc repro ensemble`")
    for name, rows in models.items():
        if not np.array_equal(rows["scan_id"], models["vote"]["scan_id"]):
            raise InputError(f"{path}: {name} and vote speak of different scans of the test")
    scans = test_scans(prepared, models["vote"]["scan_id"])
    members = pd.read_csv(predictions / "members.csv", dtype={"model": str})
    groups = pd.factorize(scans["group"])[0]
    return TestResults(models, validation, members, scans, groups)


def _by_model(table: pd.DataFrame, split: str) -> dict[str, pd.DataFrame]:
    rows = table[table["split"] == split].sort_values("scan_id", kind="stable")
    parts = {str(name): one for name, one in rows.groupby("model", sort=False)}
    names = [name for name in table["model"].unique() if name in parts]
    return {name: parts[name].reset_index(drop=True) for name in names}


def test_scans(prepared: Path, names: "pd.Series[str]") -> pd.DataFrame:
    """The rows of the manifest of these scans of the test split, in their order.

    Raises:
        InputError: one of them is none.
    """
    path = prepared / "manifest.csv"
    manifest = read_manifest(path)
    test = manifest[manifest["split"] == "test"].set_index("scan_id", drop=False)
    strange = names[~names.isin(test.index)]
    if len(strange):
        raise InputError(
            f"{strange.iloc[0]} has predictions and is no test scan of {path}; run `dvc repro`"
        )
    found = pd.DataFrame(test.loc[names.tolist()])
    return found.reset_index(drop=True)


def model_outputs(tested: TestResults, params: EvaluateParams) -> dict[str, ClassifierOutput]:
    """By model its answers, and those of who always says what is most frequent in validation.

    Of two classes each model is operated where its validation rows have the sensitivity wanted;
    of more the class without the finding is set apart.
    """
    vote = tested.models["vote"]
    positive = positive_class(vote, params.positive)
    found = {}
    for name, rows in tested.models.items():
        point = None
        if positive is not None:
            least = threshold(tested.validation[name], positive, params.min_sensitivity)
            point = OperatingPoint(labels_of(rows).index(positive), least)
        answers = ClassifierOutput.of(rows, tested.groups, point)
        found[name] = replace(answers, negative=negative_class(answers.labels, params.negative))
    shares = class_shares(tested.validation["vote"]["label"], labels_of(vote))
    return found | {BASELINE: majority_baseline(found["vote"], shares)}


def negative_class(labels: Sequence[str], name: str | None) -> int | None:
    """Code of the class without the finding; None where no two others would be left."""
    return labels.index(name) if name in labels and len(labels) > 2 else None
