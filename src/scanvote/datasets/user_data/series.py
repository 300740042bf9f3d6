"""Group the DICOM files of a folder into series."""

from collections.abc import Sequence

from scanvote.datasets.user_data.layout import DatasetItem, SkippedFile
from scanvote.datasets.user_data.scan_tree import FoundFile
from scanvote.datasets.volumes import dicom_series


def dicom_items(files: Sequence[FoundFile]) -> tuple[list[DatasetItem], list[SkippedFile]]:
    """Return an item per series, and the other files with the reason.

    An item is named after its first file. The folders keep the order of `files`.
    """
    if not files:
        return [], []
    names = {file.path: file.name for file in files}
    folders = {file.path.parent: at for at, file in reversed([*enumerate(files)])}
    listing = dicom_series(names)
    items = [
        DatasetItem(
            name=min(names[path] for path in series.paths),
            kind="dicom",
            files=series.paths,
            header_patient=series.patient,
        )
        for series in sorted(listing.series, key=lambda one: folders[one.paths[0].parent])
    ]
    left_out = sorted(listing.left_out, key=lambda one: folders[one.path.parent])
    return items, [SkippedFile(names[one.path], one.reason) for one in left_out]
