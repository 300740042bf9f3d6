"""The questions of a data card, by section, each answered from what is known."""

from collections.abc import Callable, Mapping

import pandas as pd

from scanvote.datasets.base import DataSet
from scanvote.pipeline.report.data_card.cleaning import cleaning
from scanvote.pipeline.report.data_card.known import Known
from scanvote.pipeline.report.data_card.tables import (
    UNKNOWN,
    class_table,
    classes,
    cross_table,
    fact_tables,
    patients,
    table,
    value_table,
)

IMBALANCE = 3
"""Times the smallest class, from which the largest is worth a word."""


def _motivation(known: Known) -> list[str]:
    return [
        _each(known, "For what was it made?", lambda one: one.purpose),
        _each(known, "Who made it?", lambda one: one.citation),
        f"**Who paid for it?** {UNKNOWN}",
    ]


def _composition(known: Known) -> list[str]:
    scans = known.scans
    blocks = [
        f"**What is in it?** {len(scans):,} images that can be used.",
        class_table(scans),
        "**Is it the whole of what was published?**",
        _whole(known),
        f"**How many patients?** {patients(scans)}",
        *_given(known),
        _each(known, "How is a patient known?", lambda one: one.patients),
    ]
    parts = sorted(set(scans["source_split"]) - {""})
    if parts:
        blocks.append("**Is there a published split?** Yes.")
        blocks.append(cross_table(scans, "source_split", parts, "published part"))
    else:
        blocks.append("**Is there a published split?** No.")
    blocks += ["**Which sizes and colour modes?**", value_table(scans, _sizes(scans), "size")]
    blocks.append(value_table(scans, scans["mode"], "mode, as Pillow names it"))
    facts = fact_tables(scans)
    blocks += ["**What else is known of a scan?**" + ("" if facts else " Nothing."), *facts]
    blocks += [_persons(scans), _masks(scans), "**Which faults are known?**", _faults(known)]
    return blocks


def _given(known: Known) -> list[str]:
    """What the table of a person added."""
    given = int(known.metrics["deduplicate"].get("patients_given") or 0)
    place = f"data/patients/{known.task}.csv"
    return [f"The patient of {given:,} scans was told by a person, in `{place}`."] if given else []


def _whole(known: Known) -> str:
    found = known.found["path"][known.found["excluded"]]
    rows: list[list[object]] = []
    for one in known.sets:
        used = int((known.scans["source"] == one.name).sum())
        left_out = found[found.str.startswith(f"{one.name}/")].nunique()
        rows.append([one.name, used, left_out, one.published or UNKNOWN])
    return table(["data set", "scans used", "left out as unusable", "published"], rows)


def _persons(scans: pd.DataFrame) -> str:
    facts = [fact for fact in ("age", "sex", "institution") if fact in scans]
    keys = "a key of the patient" if (scans["patient"] != "").any() else ""
    told = ", ".join(filter(None, (keys, *facts)))
    return f"**What is told of a person?** {told or 'Nothing'}."


def _sizes(scans: pd.DataFrame) -> pd.Series:
    return scans["width"].astype(str) + "x" + scans["height"].astype(str)


def _masks(scans: pd.DataFrame) -> str:
    held = scans[scans["mask_path"] != ""]
    if held.empty:
        return "**Are there masks?** No."
    marked = held[held["mask_pixels"] > 0]
    share = (marked["mask_pixels"] / (marked["width"] * marked["height"])).median()
    told = f"**Are there masks?** Yes, of {len(held):,} scans; {len(marked):,} mark something"
    return told + (f", in the median {share:.1%} of the pixels." if len(marked) else ".")


def _faults(known: Known) -> str:
    several = len(known.sets) > 1
    lines = [
        f"- {one.name}: {fault}" if several else f"- {fault}"
        for one in known.sets
        for fault in one.known_issues
    ]
    return "\n".join(lines) or UNKNOWN


def _collection(known: Known) -> list[str]:
    return [
        _each(known, "How were the scans acquired and labelled?", lambda one: one.collection),
        f"**When, by whom, and were they paid?** {UNKNOWN} beyond the citation.",
        f"**Did a board review it, did patients consent?** {UNKNOWN}",
    ]


def _uses(known: Known) -> list[str]:
    return [
        f"**For what is it used here?** To train and test models of {known.task}.",
        "**For what should it not be used?** For diagnosis, or any decision about a patient."
        " Beyond that:",
        "\n".join(f"- {caution}" for caution in _cautions(known)),
    ]


def _cautions(known: Known) -> list[str]:
    scans, told = known.scans, _of_patients(known)
    sites = set(scans["institution"]) - {""} if "institution" in scans else set()
    if len(sites) < 2:
        which = "of one institution" if sites else "of unknown institutions"
        told.append(f"The scans are {which}: how a model does at another cannot be told.")
    told += [
        f"The format tells the class in {one.path} ({one.detail})."
        for one in known.found[known.found["kind"] == "telling_format"].itertuples()
    ]
    if len(known.sets) > 1:
        told += _from_one_set(scans)
    counts = classes(scans).value_counts()
    if counts.max() >= IMBALANCE * counts.min():
        told.append(
            f"The classes are uneven: {counts.max():,} {counts.idxmax()}, {counts.min():,}"
            f" {counts.idxmin()}; accuracy alone says little."
        )
    return [*told, "A licence may forbid a use: see below."]


def _of_patients(known: Known) -> list[str]:
    found, unknown = known.patients, int((known.scans["patient"] == "").sum())
    if found is not None:
        return [] if found.patient_disjoint else [found.sentence()]
    return [f"The patients of {unknown:,} scans are unknown."] if unknown else []


def _from_one_set(scans: pd.DataFrame) -> list[str]:
    sets = scans.groupby(classes(scans))["source"].unique()
    return [
        f"The class {name} comes from {sources[0]} alone: a model could learn the set instead."
        for name, sources in sets.items()
        if len(sources) == 1
    ]


def _distribution(known: Known) -> list[str]:
    rows = [[one.name, one.source, one.licence, one.citation] for one in known.sets]
    return [
        "**Where is it had, and under which terms?** scanvote passes no scan on; it reads them"
        " where they are published, or from a mirror.",
        table(["data set", "source", "licence", "citation"], rows),
    ]


def _maintenance(known: Known) -> list[str]:
    return [
        f"**Who maintains it, are errors corrected?** {UNKNOWN}",
        f"**Which version is this?** The manifest of these scans, which holds the SHA-256 of each"
        f" file, has the SHA-256 `{known.digest}`.",
    ]


def _each(known: Known, question: str, answer: Callable[[DataSet], str]) -> str:
    if len(known.sets) == 1:
        return f"**{question}** {answer(known.sets[0]) or UNKNOWN}"
    lines = [f"- {one.name}: {answer(one) or UNKNOWN}" for one in known.sets]
    return "\n".join([f"**{question}**", "", *lines])


SECTIONS: Mapping[str, Callable[[Known], list[str]]] = {
    "Motivation": _motivation,
    "Composition": _composition,
    "Collection": _collection,
    "Preprocessing, cleaning, labelling": cleaning,
    "Uses": _uses,
    "Distribution": _distribution,
    "Maintenance": _maintenance,
}
