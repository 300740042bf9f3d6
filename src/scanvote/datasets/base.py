"""What every data set tells about itself, and the rows its tree becomes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scanvote.params import PhantomParams
from scanvote.progress import Progress

Task = Literal["classification", "segmentation"]


@dataclass(frozen=True)
class Scan:
    """One image of a data set, before it is decoded.

    Attributes:
        path: of the image, relative to the folder of the data set, POSIX style.
        label: class of the scan; empty where the task has none.
        mask_path: of the mask, like `path`; empty where there is none.
        patient: key of the patient; empty where it is not known.
        series: key of the volume the slice was cut from; empty where it is not known.
        source_split: part of the published split (``Training``, ``Testing``…); may be empty.
    """

    path: str
    label: str = ""
    mask_path: str = ""
    patient: str = ""
    series: str = ""
    source_split: str = ""


@dataclass(frozen=True)
class DataSet:
    """Facts of one data set.

    Attributes:
        name: as it stands in params.yaml.
        tasks: the tasks it can serve.
        archive: file name looked for in a mirror; empty for data that is generated.
        kaggle: ``owner/name`` of the public source, empty where there is none.
        licence, citation: as published.
        scans: reads an extracted tree and yields its scans in a stable order.
        generate: makes the tree instead of extracting it: ``(folder, params, task, seed,
            progress)``, which is told (done, total) as it goes on.
    """

    name: str
    tasks: tuple[Task, ...]
    licence: str
    citation: str
    scans: Callable[[Path, Task], Iterable[Scan]]
    archive: str = ""
    kaggle: str = ""
    generate: Callable[[Path, PhantomParams, Task, int, Progress], None] | None = None
