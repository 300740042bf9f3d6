"""Trees with a folder a class, as most published classification sets have them."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.datasets.base import Archive
from scanvote.datasets.trees import folders, images


def find_tree(root: Path, archive: Archive, holds: Callable[[Path], bool], lacks: str) -> Path:
    """The shallowest folder below `root` that `holds` the tree of a set.

    Some archives wrap the tree in folders, some hold a second copy of it further down.

    Args:
        root: what the archive was unpacked to.
        archive: named in the message.
        holds: whether a folder is the top of the tree.
        lacks: what is missing where none is, such as ``has no yes/ and no/``.

    Raises:
        InputError: no folder holds it.
    """
    for candidate in folders(root):
        if holds(candidate):
            return candidate
    raise InputError(f"{archive.dataset}: the archive {lacks}; is it the published {archive.name}?")


def class_images(
    parent: Path, labels: Mapping[str, str], archive: Archive
) -> Iterator[tuple[Path, str]]:
    """The images below `parent` with their labels, by class, then by name.

    Args:
        parent: of the folders of the classes.
        labels: folder of a class to its label.
        archive: named in the message.

    Raises:
        InputError: the folder of a class is missing or has no image.
    """
    for name, label in labels.items():
        folder = parent / name
        found = images(folder) if folder.is_dir() else []
        if not found:
            place = f"{parent.name}/{name}/"
            raise InputError(
                f"{archive.dataset}: the archive has no images in {place};"
                f" fetch {archive.name} anew"
            )
        for path in found:
            yield path, label
