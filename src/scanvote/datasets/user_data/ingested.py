"""Results of ingesting items of the user's, and the target they are written to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from scanvote.datasets.base import Scan
from scanvote.datasets.scan_list import Finding
from scanvote.datasets.user_data.layout import DatasetItem, SkippedFile
from scanvote.datasets.user_data.masks import MaskRule
from scanvote.datasets.user_data.scan_tree import stem
from scanvote.params import Params


@dataclass(frozen=True)
class Ingested:
    """What became of items.

    Attributes:
        scans: the scans, in the order of the items.
        skipped: items that cannot be read, with the reason.
        findings: what is odd in the files of items.
    """

    scans: list[Scan] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Target:
    """Where to write items, and how.

    Attributes:
        folder: target folder.
        params: the whole of params.yaml.
        rule: what the masks mark.
        link: whether to link images instead of copying them.
    """

    folder: Path
    params: Params
    rule: MaskRule
    link: bool


def as_scan(item: DatasetItem, path: str, mask_path: str, facts: Mapping[str, str]) -> Scan:
    """Return the scan that an item, or a part of it, became."""
    return Scan(
        path=path,
        label=item.label,
        mask_path=mask_path,
        patient=item.patient,
        series=item.series,
        case=item.case,
        source_split=item.source_split,
        facts={**item.facts, **facts},
    )


def series_of(item: DatasetItem) -> str:
    """Return the series of an item whose files name none: its path."""
    place = PurePosixPath(item.name)
    return (place.parent / stem(place.name)).as_posix()
