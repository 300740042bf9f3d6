"""Results of an experiment on its test scans, and whether they compare with another's."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np
import pandas as pd
from pydantic import ValidationError

from scanvote.core.errors import InputError
from scanvote.manifest import owners
from scanvote.metrics.bootstrap import Integers, number_of
from scanvote.metrics.performance import (
    NAME,
    ClassificationPerformance,
    SegmentationPerformance,
)
from scanvote.params import Task
from scanvote.predictions import labels_of, parse_predictions
from scanvote.tracking.experiments import Experiment

TASKS: tuple[Task, ...] = ("classification", "segmentation")
_PREDICTIONS = {
    "classification": "models/ensemble/predictions.csv",
    "segmentation": "models/unet/predictions.csv",
}
_GRID = ["height", "width", "unit"]


@dataclass(frozen=True)
class TestedTask:
    """One task of an experiment on its test split.

    Attributes:
        name: of the experiment.
        dataset: the data set, or several.
        smoke: whether it is of a smoke run.
        rows: those of `scanvote.predictions` of the vote or the U-Net, by `scan_id`, with `scan`,
            the digest of the file, `group`, `patient` and `known`, whether the patient is.
        doubts: sentences of `evaluate`, such as that it is not better than a constant answer.
    """

    name: str
    task: Task
    dataset: str
    smoke: bool
    rows: pd.DataFrame
    doubts: tuple[str, ...] = ()

    @property
    def groups(self) -> Integers:
        """Return the group of each row, int (n,) from 0."""
        return np.asarray(pd.factorize(self.rows["group"])[0])

    @property
    def patients(self) -> int:
        """Return the number of known patients."""
        return int(self.rows["patient"][self.rows["known"]].nunique())

    def predictions(self) -> pd.DataFrame:
        """Return the columns that depend on the model."""
        return self.rows.filter(regex="^(predicted$|p_)")

    def size_words(self) -> str:
        """Say on how many scans and persons the figures rest."""
        scans, groups = len(self.rows), self.rows["group"].nunique()
        unknown = scans - int(self.rows["known"].sum())
        persons = number_of(self.patients, "known patient")
        if unknown:
            persons += f", unknown for {number_of(unknown, 'scan')}"
        return f"{number_of(scans, 'test scan')} in {number_of(groups, 'group')}, {persons}"


def read_tested(experiment: Experiment, task: Task, params: Mapping[str, object]) -> TestedTask:
    """Read the test split of an experiment.

    Args:
        params: its settings by dotted key.

    Raises:
        InputError: the task was left out, or a file is missing or does not fit.
    """
    dataset = params.get(f"{task}.dataset")
    if dataset is None:
        raise InputError(f"{task}.dataset is null: this task was left out")
    rows = _tested_rows(experiment, task)
    scans = _manifest(experiment, f"data/prepared/{task}/manifest.csv")
    if not rows["scan_id"].isin(scans.index).all():
        raise InputError("its predictions are of other scans than its data; run `dvc repro`")
    own = scans.loc[rows["scan_id"]]
    rows = rows.assign(
        scan=own["sha256"].to_numpy(),
        group=own["group"].to_numpy(),
        patient=owners(own).to_numpy(),
        known=(own["patient"] != "").to_numpy(),
    )
    names = dataset if isinstance(dataset, list) else [dataset]
    smoke = params.get("smoke") is True
    doubts = _doubts(experiment, task)
    return TestedTask(experiment.name, task, ", ".join(map(str, names)), smoke, rows, doubts)


def _doubts(experiment: Experiment, task: Task) -> tuple[str, ...]:
    """Return what `evaluate` doubts; nothing for an experiment from before it wrote it down."""
    kind: type[ClassificationPerformance | SegmentationPerformance] = ClassificationPerformance
    if task == "segmentation":
        kind = SegmentationPerformance
    try:
        text = experiment.read(f"metrics/evaluate/{task}/{NAME}")
        sentences = kind.model_validate_json(text).sentences()
    except (InputError, ValidationError):
        return ()
    # the doubts come before the figures, which begin with the number of scans
    return tuple(takewhile(lambda one: not one.startswith("On "), sentences))


def _tested_rows(experiment: Experiment, task: Task) -> pd.DataFrame:
    path = _PREDICTIONS[task]
    table = parse_predictions(io.BytesIO(experiment.read(path)))
    rows = table[table["split"] == "test"]
    if task == "classification":
        rows = rows[rows["model"] == "vote"]
    if rows.empty:
        raise InputError(f"{path} has no test scans; run it again")
    return rows.sort_values("scan_id", kind="stable", ignore_index=True)


def _manifest(experiment: Experiment, path: str) -> pd.DataFrame:
    source = io.BytesIO(experiment.read(path))
    table = pd.read_csv(source, dtype=str, keep_default_na=False)
    needed = {"scan_id", "sha256", "group", "patient", "split"}
    if missing := needed - set(table):
        raise InputError(f"{path} has no column {', '.join(sorted(missing))}; run it again")
    return table[table["split"] == "test"].set_index("scan_id", drop=False)


def mask_grids(table: pd.DataFrame) -> list[str]:
    """Name the sizes and units of masks: the Dice depends on the size, distances on the unit."""
    grids = table[_GRID].drop_duplicates().sort_values(_GRID)
    return [f"{h} x {w} in {unit}" for h, w, unit in grids.itertuples(index=False)]


def matched(reference: TestedTask, other: TestedTask) -> TestedTask:
    """Return `other` with its rows in the order of the reference.

    Raises:
        InputError: they cannot be compared; the message says why.
    """
    one, two = (_by_content(tested.rows) for tested in (reference, other))
    if set(one.index) != set(two.index):
        raise InputError(_other_scans(reference, other, len(set(one.index) & set(two.index))))
    rows = two.loc[one.index].reset_index(drop=True)
    ordered = replace(other, rows=rows)
    check = _check_masks if reference.task == "segmentation" else _check_classes
    check(reference, ordered)
    for column in ("group", "patient"):
        ours, theirs = (pd.factorize(tested.rows[column])[0] for tested in (reference, ordered))
        if not np.array_equal(ours, theirs):
            raise InputError(f"the same test scans, but other ones belong to one {column}")
    return ordered


def _by_content(rows: pd.DataFrame) -> pd.DataFrame:
    """Index rows by the digest of the scan; files that are equal, also by their place."""
    return rows.assign(copy=rows.groupby("scan").cumcount()).set_index(["scan", "copy"], drop=False)


def _other_scans(reference: TestedTask, other: TestedTask, common: int) -> str:
    what = "other test scans"
    if other.dataset != reference.dataset:
        what = f"another data set than {reference.dataset}"
    shared = f"{common} of its {len(other.rows)} test scans" if common else "none of its test scans"
    return f"{what}: {shared} {'is' if common < 2 else 'are'} tested by {reference.name} too"


def _check_classes(reference: TestedTask, other: TestedTask) -> None:
    ours, theirs = (labels_of(tested.rows) for tested in (reference, other))
    if ours != theirs:
        raise InputError(f"other classes: {', '.join(theirs)}, not {', '.join(ours)}")
    wrong = int((reference.rows["label"].to_numpy() != other.rows["label"].to_numpy()).sum())
    if wrong:
        raise InputError(f"the class of {wrong} of the same test scans is another one")


def _check_masks(reference: TestedTask, other: TestedTask) -> None:
    ours, theirs = (mask_grids(tested.rows) for tested in (reference, other))
    if ours != theirs:
        raise InputError(f"masks of {' and '.join(theirs)}, not {' and '.join(ours)}")
    if not reference.rows["truth"].equals(other.rows["truth"]):
        raise InputError("the true masks of the same test scans are other ones")
