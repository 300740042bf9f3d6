"""Metadata of a data set, and the scans in its folder tree."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scanvote.params import Params, Task

METADATA_FIELDS = (
    "institution",
    "age",
    "sex",
    "grade",
    "kind",
    "plane",
    "contrast",
    "spacing",
    "source_label",
)
"""Optional metadata of a scan: columns of the manifest if a data set has them.

`spacing` is the side of a pixel in mm. `source_label` is the class of the image in its first
publication; a scan with another label is a conflict.
"""


@dataclass(frozen=True)
class Scan:
    """One image of a data set, before it is decoded.

    Attributes:
        path: path of the image, relative to the folder of the data set, POSIX style.
        label: class of the scan; empty if the task has no classes.
        mask_path: path of the mask, like `path`; empty without a mask.
        patient: key of the patient within the set; empty if unknown.
        series: key of the volume that contains the slice; empty if unknown.
        case: key that scans share which are known to be of one person, whoever that is, such as
            contrasts with one mask; empty without such knowledge.
        source_split: part of the published split (``Training``, ``Testing``…); may be empty.
        facts: further metadata, with names from `METADATA_FIELDS`.
    """

    path: str
    label: str = ""
    mask_path: str = ""
    patient: str = ""
    series: str = ""
    case: str = ""
    source_split: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DataSet:
    """Metadata of one data set, with functions to fetch and read it.

    Attributes:
        name: name in params.yaml; for the user's own data, a name derived from its path.
        tasks: tasks that the set supports.
        source: place of publication, in words and addresses.
        licence, citation: as published.
        patients: description of how patients are identified.
        fetch: function of ``(folder, task, params)`` that writes the tree of the set to a folder
            that does not exist yet. It raises InputError if the set is not available.
        scans: function of ``(folder, task)`` that yields the scans of that tree in a stable order.
        known_issues: known problems, one sentence each.
        published: number of scans in the whole published set; 0 if unknown.
        purpose: original purpose; empty if unknown.
        collection: acquisition and labelling of the scans; empty if unknown.
    """

    name: str
    tasks: tuple[Task, ...]
    source: str
    licence: str
    citation: str
    patients: str
    fetch: Callable[[Path, Task, Params], None]
    scans: Callable[[Path, Task], Iterable[Scan]]
    known_issues: tuple[str, ...] = ()
    published: int = 0
    purpose: str = ""
    collection: str = ""


@dataclass(frozen=True)
class Archive:
    """A file in which a data set is published.

    Attributes:
        dataset: name of the data set, for messages.
        name: file name, also in a mirror.
        kaggle: ``owner/name`` at Kaggle; empty if it is not published there.
        address: https address of the file; empty without one.
    """

    dataset: str
    name: str
    kaggle: str = ""
    address: str = ""

    @property
    def stem(self) -> str:
        """File name without its ending: ``set`` for ``set.tar.gz``."""
        return re.sub(r"(\.tar)?\.[a-z0-9]+$", "", self.name)
