"""Read a folder of MATLAB files of the figshare set.

A file holds one slice with its mask: ``cjdata`` with ``label``, ``PID``, ``image`` and
``tumorMask``, as the named set ``figshare_brain_tumor``; ``cvind.mat`` beside files named by
numbers has the published folds.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.core.machine import raise_fault
from scanvote.datasets.figshare_brain_tumor import CONTRAST, SPACING, person
from scanvote.datasets.figshare_brain_tumor.matlab import (
    GROUP,
    MatFile,
    MatSummary,
    read_folds,
    read_summary,
    variables,
)
from scanvote.datasets.trees import is_junk_file, natural_sort_key
from scanvote.datasets.user_data.layout import DatasetItem, DatasetLayout, SkippedFile, first_few
from scanvote.params import Params, Task

FOLDS = "cvind.mat"


def read_matlab_folder(root: Path, task: Task, params: Params) -> DatasetLayout:
    """Read class and patient of every ``.mat`` file below `root`.

    Raises:
        InputError: no file is of the figshare set; for classification, there are no two classes.
    """
    items, skipped = [], []
    folds = None
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        if path.name.lower() == FOLDS:
            folds = path
            continue
        try:
            items.append(_item(path, name, task))
        except InputError as error:
            raise_fault(error)
            skipped.append(SkippedFile(name, str(error).removeprefix(path.name).lstrip(": ")))
    _check(root, items, skipped, task)
    return DatasetLayout("MATLAB files of the figshare set", _with_folds(items, folds), skipped)


def _files(root: Path) -> list[Path]:
    files = (one for one in root.rglob("*") if one.suffix.lower() == ".mat" and one.is_file())
    return sorted(
        (one for one in files if not is_junk_file(one)),
        key=lambda one: (one.parent.as_posix(), natural_sort_key(one)),
    )


def _item(path: Path, name: str, task: Task) -> DatasetItem:
    file = MatFile(path, path.name)
    summary = _summary(file)
    short, masked = name[: -len(path.suffix)], task == "segmentation"
    facts = {"contrast": CONTRAST, "spacing": SPACING.get(summary.shape, "")}
    if masked:
        facts["kind"] = summary.label
    return DatasetItem(
        short,
        "array",
        (path,),
        mask=path if masked else None,
        mask_name=f"{short}_mask.png" if masked else "",
        label="" if masked else summary.label,
        patient=person(summary.pid),
        facts={fact: value for fact, value in facts.items() if value},
        listed=True,
    )


def _summary(file: MatFile) -> MatSummary:
    try:
        return read_summary(file)
    except InputError:
        held = variables(file)
        if GROUP in held:
            raise
    raise InputError(
        f"{file.name}: holds {first_few(held, 6) or 'nothing'}, not {GROUP} as the files of the"
        " figshare set; write its images as PNG or NIfTI"
    )


def _check(
    root: Path, items: Sequence[DatasetItem], skipped: Sequence[SkippedFile], task: Task
) -> None:
    if not items:
        why = f"{skipped[0].name} {skipped[0].reason}" if skipped else f"{FOLDS} has no images"
        raise InputError(f"{root} has no MATLAB file that can be used: {why}")
    labels = {item.label for item in items}
    if task == "classification" and len(labels) < 2:
        raise InputError(
            f"{root}: every file is of the class {labels.pop()!r}; classification needs two classes"
        )


def _with_folds(items: Sequence[DatasetItem], path: Path | None) -> list[DatasetItem]:
    numbers = [item.name.rsplit("/", 1)[-1] for item in items]
    if path is None or not all(number.isdecimal() for number in numbers):
        return list(items)
    folds = read_folds(MatFile(path, path.name))
    if max(map(int, numbers)) > len(folds) or min(map(int, numbers)) < 1:
        raise InputError(f"{path} has {len(folds):,} folds, not one for each numbered file")
    return [
        replace(item, source_split=f"fold{folds[int(number) - 1]}")
        for item, number in zip(items, numbers, strict=True)
    ]
