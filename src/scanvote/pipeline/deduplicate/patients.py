"""Patients that a person knows, and patients that copies inherit from each other.

A patient's name within a data set begins with the name of that set and a slash, so that two
sets cannot mean different people by one name. Names in the table of a person stand as written.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from scanvote.core.errors import InputError
from scanvote.pipeline.deduplicate.clusters import Cluster
from scanvote.pipeline.deduplicate.user_tables import check_scan, read_lines

COLUMNS = ("scan_id", "patient")
UNKNOWN = frozenset({"na", "n/a", "nan", "null", "none", "unknown", "?", "-"})
"""What people write for a patient whom they do not know, in lower case."""


def read_patients(path: Path, scan_ids: Sequence[str]) -> dict[str, str]:
    """Read the table `path` of who is on which scan.

    Args:
        path: CSV with the columns scan_id and patient; others are ignored.
        scan_ids: all scans of the manifest.

    Returns:
        The patient by scan.

    Raises:
        InputError: the file is missing or no such table, or a line names an unknown scan, names
            a scan again, or lacks the patient, or has one that names nobody or cannot be printed.
    """
    known = set(scan_ids)
    found: dict[str, str] = {}
    for line, row in read_lines(path, COLUMNS):
        place, scan, patient = f"{path}, line {line}", row["scan_id"], row["patient"]
        check_scan(scan, known, f"{place}: scan_id")
        if scan in found:
            raise InputError(f"{place}: {scan} stands in the table already; leave one of the lines")
        if not patient or patient.lower() in UNKNOWN:
            said = f"{patient!r}, which names nobody" if patient else "empty"
            raise InputError(f"{place}: the patient of {scan} is {said}; fill it, or drop the line")
        if not patient.isprintable():
            raise InputError(f"{place}: the patient of {scan} has a line break or the like")
        found[scan] = patient
    return found


def with_patients(frame: pd.DataFrame, given: dict[str, str]) -> pd.DataFrame:
    """Return the manifest with the patients that a person gave, who overrules the data set.

    Raises:
        InputError: of a patient of the data set only some scans are given another name: the
            others would be taken for those of somebody else.
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


def patient_conflicts(frame: pd.DataFrame, found: Sequence[Cluster]) -> list[Cluster]:
    """Clusters of copies that have two patients, but for those that two data sets name."""
    sources = set(frame["source"])
    return [one for one in found if _contradicting(frame["patient"].iloc[one.rows], sources)]


def contradicting_copies(table: pd.DataFrame, sources: Iterable[str]) -> pd.DataFrame:
    """Rows of ``duplicates.csv`` whose scan and whose kept scan have two patients.

    Args:
        table: that of a task.
        sources: names of its data sets, which may call one patient differently.
    """
    if not {"patient", "patient_of"} <= set(table):
        return table.head(0)
    pairs = table[["patient", "patient_of"]].astype(object)
    pairs = pairs.where(pairs.notna(), "").astype(str)
    return table[[_contradicting(pair, set(sources)) for _, pair in pairs.iterrows()]]


def with_inherited(frame: pd.DataFrame, found: Sequence[Cluster]) -> pd.DataFrame:
    """Return the manifest in which copies of unknown patients have their keeper's patient.

    Args:
        frame: the manifest.
        found: clusters of copies whose patients do not contradict each other.
    """
    patients = frame["patient"].tolist()
    for one in found:
        for row in one.rows:
            patients[row] = patients[row] or patients[one.representative]
    return frame.assign(patient=patients)


def _contradicting(patients: "pd.Series[str]", sources: set[str]) -> bool:
    """Whether the names differ, and not only as two data sets call one patient differently."""
    names = set(patients) - {""}
    sets = {name.partition("/")[0] for name in names} & sources
    return len(names) > 1 and len(sets) < len(names)
