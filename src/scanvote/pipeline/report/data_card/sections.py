"""The sections of a data card: questions with their answers."""

from collections.abc import Callable, Mapping

import pandas as pd

from scanvote.datasets.base import DataSet
from scanvote.pipeline.report.data_card.cleaning import cleaning
from scanvote.pipeline.report.data_card.tables import (
    UNKNOWN,
    class_table,
    classes,
    cross_table,
    metadata_tables,
    patients,
    table,
    value_table,
)
from scanvote.pipeline.report.data_card.task_data import TaskData

IMBALANCE = 3
"""Ratio of largest to smallest class from which the card warns."""


def _motivation(data: TaskData) -> list[str]:
    return [
        _each(data, "For what was it made?", lambda one: one.purpose),
        _each(data, "Who made it?", lambda one: one.citation),
        f"**Who paid for it?** {UNKNOWN}",
    ]


def _composition(data: TaskData) -> list[str]:
    scans = data.scans
    blocks = [
        f"**What is in it?** {len(scans):,} images that can be used.",
        class_table(scans),
        "**Does it contain all published scans?**",
        _completeness(data),
        f"**How many patients?** {patients(scans)}",
        *_patient_table(data),
        _each(data, "How are patients identified?", lambda one: one.patients),
    ]
    parts = sorted(set(scans["source_split"]) - {""})
    if parts:
        blocks.append("**Is there a published split?** Yes.")
        blocks.append(cross_table(scans, "source_split", parts, "published part"))
    else:
        blocks.append("**Is there a published split?** No.")
    blocks += ["**Which sizes and colour modes?**", value_table(scans, _sizes(scans), "size")]
    blocks.append(value_table(scans, scans["mode"], "mode, as Pillow names it"))
    metadata = metadata_tables(scans)
    blocks += ["**What else is known of a scan?**" + ("" if metadata else " Nothing."), *metadata]
    blocks += [
        _personal_data(scans),
        _masks(scans),
        "**Which issues are known?**",
        _known_issues(data),
    ]
    return blocks


def _patient_table(data: TaskData) -> list[str]:
    """Count the patients from the table that users may add."""
    given = int(data.metrics["deduplicate"].get("patients_given") or 0)
    path = f"data/patients/{data.task}.csv"
    return [f"The patient of {given:,} scans comes from the table `{path}`."] if given else []


def _completeness(data: TaskData) -> str:
    excluded = data.findings["path"][data.findings["excluded"]]
    rows: list[list[object]] = []
    for one in data.sets:
        usable = int((data.scans["source"] == one.name).sum())
        left_out = excluded[excluded.str.startswith(f"{one.name}/")].nunique()
        rows.append([one.name, usable, left_out, one.published or UNKNOWN])
    return table(["data set", "usable scans", "unusable scans, left out", "published"], rows)


def _personal_data(scans: pd.DataFrame) -> str:
    fields = [field for field in ("age", "sex", "institution") if field in scans]
    keys = "a key of the patient" if (scans["patient"] != "").any() else ""
    answer = ", ".join(filter(None, (keys, *fields)))
    return f"**Which personal data does it hold?** {answer or 'None'}."


def _sizes(scans: pd.DataFrame) -> pd.Series:
    return scans["width"].astype(str) + "x" + scans["height"].astype(str)


def _masks(scans: pd.DataFrame) -> str:
    masked = scans[scans["mask_path"] != ""]
    if masked.empty:
        return "**Are there masks?** No."
    marked = masked[masked["mask_pixels"] > 0]
    share = (marked["mask_pixels"] / (marked["width"] * marked["height"])).median()
    answer = f"**Are there masks?** Yes, of {len(masked):,} scans; {len(marked):,} are not empty"
    return answer + (f", with a median of {share:.1%} of the pixels." if len(marked) else ".")


def _known_issues(data: TaskData) -> str:
    several = len(data.sets) > 1
    lines = [
        f"- {one.name}: {issue}" if several else f"- {issue}"
        for one in data.sets
        for issue in one.known_issues
    ]
    return "\n".join(lines) or UNKNOWN


def _collection(data: TaskData) -> list[str]:
    return [
        _each(data, "How were the scans acquired and labelled?", lambda one: one.collection),
        f"**When, by whom, and were they paid?** {UNKNOWN} beyond the citation.",
        f"**Did an ethics board review it, did patients consent?** {UNKNOWN}",
    ]


def _uses(data: TaskData) -> list[str]:
    return [
        f"**For what is it used here?** To train and test models of {data.task}.",
        "**For what should it not be used?** For diagnosis, or any decision about a patient."
        " Beyond that:",
        "\n".join(f"- {caution}" for caution in _cautions(data)),
    ]


def _cautions(data: TaskData) -> list[str]:
    scans, cautions = data.scans, _patient_cautions(data)
    sites = set(scans["institution"]) - {""} if "institution" in scans else set()
    if len(sites) < 2:
        which = "of one institution" if sites else "of unknown institutions"
        cautions.append(
            f"The scans are {which}: how a model performs at another institution is not known."
        )
    cautions += [
        f"The file format gives away the class in {one.path} ({one.detail})."
        for one in data.findings[data.findings["kind"] == "telling_format"].itertuples()
    ]
    if len(data.sets) > 1:
        cautions += _classes_of_one_set(scans)
    counts = classes(scans).value_counts()
    if counts.max() >= IMBALANCE * counts.min():
        cautions.append(
            f"The classes are imbalanced: {counts.max():,} {counts.idxmax()}, {counts.min():,}"
            f" {counts.idxmin()}; accuracy alone says little."
        )
    return [*cautions, "A licence may forbid a use: see below."]


def _patient_cautions(data: TaskData) -> list[str]:
    patients_of_split, unknown = data.patients, int((data.scans["patient"] == "").sum())
    if patients_of_split is not None:
        return [] if patients_of_split.patient_disjoint else [patients_of_split.sentence()]
    return [f"The patients of {unknown:,} scans are unknown."] if unknown else []


def _classes_of_one_set(scans: pd.DataFrame) -> list[str]:
    sets = scans.groupby(classes(scans))["source"].unique()
    return [
        f"The class {name} comes from {sources[0]} alone: a model could recognise the set instead."
        for name, sources in sets.items()
        if len(sources) == 1
    ]


def _distribution(data: TaskData) -> list[str]:
    rows = [[one.name, one.source, one.licence, one.citation] for one in data.sets]
    return [
        "**Where is it published, and under which terms?** scanvote does not redistribute scans; it"
        " reads them from their publisher, or from a mirror.",
        table(["data set", "source", "licence", "citation"], rows),
    ]


def _maintenance(data: TaskData) -> list[str]:
    return [
        f"**Who maintains it, and are errors corrected?** {UNKNOWN}",
        "**Which version is this?** The manifest of these scans, which lists the SHA-256 of each"
        f" file, has the SHA-256 `{data.digest}`.",
    ]


def _each(data: TaskData, question: str, answer: Callable[[DataSet], str]) -> str:
    if len(data.sets) == 1:
        return f"**{question}** {answer(data.sets[0]) or UNKNOWN}"
    lines = [f"- {one.name}: {answer(one) or UNKNOWN}" for one in data.sets]
    return "\n".join([f"**{question}**", "", *lines])


SECTIONS: Mapping[str, Callable[[TaskData], list[str]]] = {
    "Motivation": _motivation,
    "Composition": _composition,
    "Collection": _collection,
    "Preprocessing, cleaning, labelling": cleaning,
    "Uses": _uses,
    "Distribution": _distribution,
    "Maintenance": _maintenance,
}
