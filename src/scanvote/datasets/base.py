"""What every data set tells about itself, and the rows its tree becomes."""

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
"""What may be known of a scan beyond its label: columns of the manifest where a set has them.

`spacing` is the side of a pixel in mm. `source_label` is the class that the image has where it
was first published; a scan with another label is a conflict.
"""


@dataclass(frozen=True)
class Scan:
    """One image of a data set, before it is decoded.

    Attributes:
        path: of the image, relative to the folder of the data set, POSIX style.
        label: class of the scan; empty where the task has none.
        mask_path: of the mask, like `path`; empty where there is none.
        patient: key of the patient within the set; empty where it is not known.
        series: key of the volume the slice was cut from; empty where it is not known.
        source_split: part of the published split (``Training``, ``Testing``…); may be empty.
        facts: what else is known, by the names in `METADATA_FIELDS`.
    """

    path: str
    label: str = ""
    mask_path: str = ""
    patient: str = ""
    series: str = ""
    source_split: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DataSet:
    """Facts of one data set, and how it is had.

    Attributes:
        name: as it stands in params.yaml; of own data, one made from its path.
        tasks: the tasks it can serve.
        source: where it was published, in words and addresses.
        licence, citation: as published.
        patients: how a patient is known, in words.
        faults: what is known to be wrong with it, a sentence each.
        published: scans in the whole published set; 0 where it is not known.
        purpose: what it was made for; empty where it is not known.
        collection: how the scans were acquired and labelled; empty where it is not known.
        bring: makes the tree of the set in a folder that does not exist yet:
            ``(folder, task, params)``. It raises InputError if the set cannot be had.
        scans: reads that tree and yields its scans in a stable order: ``(folder, task)``.
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
    """A file that a data set is published in.

    Attributes:
        dataset: name of the set, for messages.
        name: of the file, as looked for in a mirror.
        kaggle: ``owner/name`` at Kaggle; empty where it is not there.
        address: https address of the file; empty where there is none.
    """

    dataset: str
    name: str
    kaggle: str = ""
    address: str = ""

    @property
    def stem(self) -> str:
        """The name without its ending: ``IXI-T1.tar`` and ``set.tar.gz`` lose all of it."""
        return re.sub(r"(\.tar)?\.[a-z0-9]+$", "", self.name)
