"""Read trees with one folder per class, as in most published sets."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.base import Archive
from scanvote.datasets.trees import folders, images


def find_tree(root: Path, archive: Archive, holds: Callable[[Path], bool], lacks: str) -> Path:
    """Return the shallowest folder below `root` that `holds` the tree.

    Some archives wrap the tree in folders, some hold a second copy of it further down.

    Args:
        root: folder of the unpacked archive.
        archive: archive that the message names.
        holds: function that returns whether a folder is the top of the tree.
        lacks: words for the message if no folder is, such as ``has no yes/ and no/``.

    Raises:
        InputError: no folder holds the tree.
    """
    for candidate in folders(root):
        if holds(candidate):
            return candidate
    raise InputError(f"{archive.dataset}: the archive {lacks}; is it the published {archive.name}?")


def class_images(
    parent: Path, labels: Mapping[str, str], archive: Archive
) -> Iterator[tuple[Path, str]]:
    """Yield the images below `parent` with their labels, by class and name.

    Args:
        parent: folder that contains the class folders.
        labels: label of each class folder.
        archive: archive that the message names.

    Raises:
        InputError: the folder of a class is missing or has no images.
    """
    for name, label in labels.items():
        folder = parent / name
        paths = images(folder) if folder.is_dir() else []
        if not paths:
            place = f"{parent.name}/{name}/"
            raise InputError(
                f"{archive.dataset}: the archive has no images in {place};"
                f" fetch {archive.name} anew"
            )
        for path in paths:
            yield path, label
