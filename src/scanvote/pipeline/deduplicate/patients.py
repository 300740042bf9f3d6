"""Patients from a user's table, and inheritance of patients among copies.

The name of a patient in a data set begins with the name of that set and a slash, so that two
sets cannot share a name for different people. Names in the user's table stay as written.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from scanvote.core.errors import InputError
from scanvote.pipeline.deduplicate.clusters import Cluster
from scanvote.pipeline.deduplicate.user_tables import check_scan, read_lines

COLUMNS = ("scan_id", "patient")
LOOK_ALIKES = "two patients"
"""Rule in ``duplicates.csv`` of scans that look alike but are no copies."""
UNKNOWN = frozenset({"na", "n/a", "nan", "null", "none", "unknown", "?", "-"})
"""Entries that mean an unknown patient, in lower case."""


def read_patients(path: Path, scan_ids: Sequence[str]) -> dict[str, str]:
    """Read the user's table of the patient of each scan.

    Args:
        path: CSV with the columns scan_id and patient; others are ignored.
        scan_ids: all scans of the manifest.

    Returns:
        The patient by scan.

    Raises:
        InputError: the file is missing or no such table, or a line names an unknown scan or
            repeats a scan, or its patient is missing, means nobody, or cannot be printed.
    """
    known = set(scan_ids)
    patients: dict[str, str] = {}
    for line, row in read_lines(path, COLUMNS):
        place, scan, patient = f"{path}, line {line}", row["scan_id"], row["patient"]
        check_scan(scan, known, f"{place}: scan_id")
        if scan in patients:
            raise InputError(f"{place}: {scan} stands in the table already; leave one of the lines")
        if not patient or patient.lower() in UNKNOWN:
            fault = f"{patient!r}, which names nobody" if patient else "empty"
            raise InputError(
                f"{place}: the patient of {scan} is {fault}; fill it, or drop the line"
            )
        if not patient.isprintable():
            raise InputError(f"{place}: the patient of {scan} has a line break or the like")
        patients[scan] = patient
    return patients


def with_patients(frame: pd.DataFrame, given: dict[str, str]) -> pd.DataFrame:
    """Replace patients in the manifest by those that the user gave.

    Raises:
        InputError: only some scans of a patient of the data set get another name: the others
            would count as those of somebody else.
    """
    named = frame["scan_id"].isin(given)
    for patient, inside in named[frame["patient"] != ""].groupby(frame["patient"]):
        new = {given[scan] for scan in frame["scan_id"][inside.index[inside]]} - {patient}
        if new and not inside.all():
            raise InputError(
                f"the table of patients names {int(inside.sum())} of the {len(inside)} scans that"
                f" the data set has of {patient}, as {min(new)}; name all of them, or none"
            )
    return frame.assign(patient=frame["scan_id"].map(given).fillna(frame["patient"]))


def patient_conflicts(frame: pd.DataFrame, clusters: Sequence[Cluster]) -> list[Cluster]:
    """Return clusters of copies that have two patients.

    Two names of one patient in two data sets are no conflict.
    """
    sources = set(frame["source"])
    return [one for one in clusters if _contradicting(frame["patient"].iloc[one.rows], sources)]


def contradicting_copies(table: pd.DataFrame, sources: Iterable[str]) -> pd.DataFrame:
    """Return copies in ``duplicates.csv`` with two patients.

    Args:
        table: that of a task.
        sources: names of its data sets, which may have different names for one patient.
    """
    if not {"patient", "patient_of"} <= set(table):
        return table.head(0)
    table = table[table["rule"] != LOOK_ALIKES] if "rule" in table else table
    pairs = table[["patient", "patient_of"]].astype(object)
    pairs = pairs.where(pairs.notna(), "").astype(str)
    return table[[_contradicting(pair, set(sources)) for _, pair in pairs.iterrows()]]


def mark_conflicts(frame: pd.DataFrame, conflicts: Sequence[Cluster]) -> pd.DataFrame:
    """Mark the scans of `conflicts` in the column `patient_conflict`, added only if there are."""
    if not conflicts:
        return frame
    rows = [row for one in conflicts for row in one.rows]
    return frame.assign(patient_conflict=np.isin(np.arange(len(frame)), rows))


def with_inherited(frame: pd.DataFrame, clusters: Sequence[Cluster]) -> pd.DataFrame:
    """Give copies of unknown patients the patient of their representative.

    Args:
        frame: the manifest.
        clusters: clusters of copies whose patients do not contradict each other.
    """
    patients = frame["patient"].tolist()
    for one in clusters:
        for row in one.rows:
            patients[row] = patients[row] or patients[one.representative]
    return frame.assign(patient=patients)


def _contradicting(patients: "pd.Series[str]", sources: set[str]) -> bool:
    """Return whether patients differ, by more than two data sets' naming."""
    names = set(patients) - {""}
    data_sets = {name.partition("/")[0] for name in names} & sources
    return len(names) > 1 and len(data_sets) < len(names)
