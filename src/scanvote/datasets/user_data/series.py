"""Group the DICOM files of a folder into series."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from scanvote.datasets.user_data.layout import DatasetItem, SkippedFile
from scanvote.datasets.user_data.scan_tree import FoundFile


def dicom_items(files: Sequence[FoundFile]) -> tuple[list[DatasetItem], list[SkippedFile]]:
    """Return one item per series, and the files without a series.

    An item is named after its first file.
    """
    if not files:
        return [], []
    from scanvote.datasets.volumes import dicom_series

    items, skipped = [], []
    by_folder: dict[Path, dict[Path, str]] = defaultdict(dict)
    for file in files:
        by_folder[file.path.parent][file.path] = file.name
    for names in by_folder.values():
        all_series = [tuple(series) for series in dicom_series(names)]
        for series in all_series:
            name = min(names[path] for path in series)
            items.append(DatasetItem(name, "dicom", series))
        used = {path for series in all_series for path in series}
        skipped += [
            SkippedFile(name, "DICOM without pixels")
            for path, name in names.items()
            if path not in used
        ]
    return items, skipped
