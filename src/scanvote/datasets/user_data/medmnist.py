"""Read a MedMNIST file: ``{train,val,test}_images`` and ``_labels`` in one ``.npz``.

The file names neither classes nor patients: the classes are its numbers, as text. Its parts are
the published split.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.array_files import ArrayHeader, array_headers, read_whole
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout, first_few
from scanvote.params import Params, Task

PARTS = ("train", "val", "test")
HELP = "save its pictures as PNG in a folder a class, or list them in a table"
"""What to do with another file."""

Headers = Mapping[str, ArrayHeader]


def read_medmnist(root: Path, path: Path, task: Task, params: Params) -> DatasetLayout:
    """Read the labels and the shapes of the ``.npz`` file `path`.

    Raises:
        InputError: the task is segmentation; the file is damaged, no MedMNIST file, of volumes
            or of several labels a picture; or it has one class only.
    """
    headers = array_headers(path)
    parts = [part for part in PARTS if f"{part}_images" in headers]
    if not parts or any(f"{part}_labels" not in headers for part in parts):
        arrays = (f"{name} {_shape(one)}" for name, one in headers.items())
        raise InputError(
            f"{path} holds {first_few(arrays, 6) or 'no array'}, not train_images, train_labels"
            f" and so on as MedMNIST does; {HELP}"
        )
    if task == "segmentation":
        raise InputError(f"{path} is a MedMNIST file, which has classes but no masks")
    items = [item for part in parts for item in _items(path, part, headers)]
    if len({item.label for item in items}) < 2:
        raise InputError(f"{path} has no two classes; classification needs them")
    return DatasetLayout("a MedMNIST file", items, [], [_classes_note(items)])


def _items(path: Path, part: str, headers: Headers) -> list[DatasetItem]:
    images = headers[f"{part}_images"]
    _check_images(path, part, images)
    labels = _labels(path, part, headers[f"{part}_labels"], images.shape[0])
    width = len(str(max(0, len(labels) - 1)))
    return [
        DatasetItem(
            f"{part}/{number:0{width}}",
            "array",
            (path,),
            index=number,
            label=label,
            source_split=part,
        )
        for number, label in enumerate(labels)
    ]


def _check_images(path: Path, part: str, images: ArrayHeader) -> None:
    shape = images.shape
    if len(shape) == 4 and shape[3] not in (1, 3):
        sides = "x".join(map(str, shape[1:]))
        raise InputError(
            f"{path} holds volumes of {sides}; save each as NIfTI in a folder a class,"
            " or use the set of flat pictures"
        )
    if len(shape) not in (3, 4) or 0 in shape[1:] or images.dtype != np.uint8:
        raise InputError(
            f"{path}: {part}_images is {_shape(images)}, no pictures of 8 bits; {HELP}"
        )


def _labels(path: Path, part: str, header: ArrayHeader, count: int) -> list[str]:
    shape = header.shape
    if len(shape) == 2 and shape[1] > 1:
        raise InputError(
            f"{path} has {shape[1]} labels a picture, as ChestMNIST does; a scan here is of one"
            " class: save the pictures, and list them in a table with the one label to learn"
        )
    if shape[:1] != (count,) or len(shape) > 2 or header.dtype.kind not in "iub":
        raise InputError(
            f"{path}: {part}_labels is {_shape(header)}, not a whole number for each of the"
            f" {count:,} pictures"
        )
    return [str(int(value)) for value in read_whole(path, f"{part}_labels").reshape(-1)]


def _shape(header: ArrayHeader) -> str:
    return f"{'x'.join(map(str, header.shape)) or 'one value'} {header.dtype}"


def _classes_note(items: list[DatasetItem]) -> str:
    names = sorted({item.label for item in items}, key=int)
    return (
        f"classes: {first_few(names, 12)} are the numbers of the file; look up what they mean (0 is"
        " malignant in breastmnist, 1 in nodulemnist3d), and name them by classification.labels"
    )
