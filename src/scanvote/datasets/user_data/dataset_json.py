"""Read a ``dataset.json`` and turn the cases that it describes into items."""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scanvote.core.errors import InputError
from scanvote.datasets.user_data.layout import KINDS, DatasetItem, SkippedFile, first_few
from scanvote.datasets.user_data.scan_tree import kind_of, list_files
from scanvote.params import VolumesParams

Json = Mapping[str, Any]

DATASET_JSON = "dataset.json"
LARGEST = 2**26
"""Maximum bytes of a JSON file, far above the lists of the largest public sets."""
SETTINGS = frozenset({"nonorm", "nonormalization", "rescale_0_1", "rgb_to_0_1", "zscore"})
"""Names of channels that name a normalisation of nnU-Net, not a contrast."""


@dataclass(frozen=True)
class Channel:
    """An image file of a case: number, and contrast if known."""

    number: int
    path: Path
    contrast: str = ""


@dataclass(frozen=True)
class Case:
    """Images of one person at one time, with their common mask."""

    name: str
    channels: Sequence[Channel]
    mask: Path
    source_split: str = ""

    @property
    def paths(self) -> tuple[Path, ...]:
        return (*(channel.path for channel in self.channels), self.mask)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: it cannot be read, is too large, or is no JSON.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} is refused: it is larger than {LARGEST >> 20} MiB")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path} is no JSON; correct it, or fetch it anew") from None


def file_below(base: Path, name: object, source: Path) -> Path:
    """Return the path that `source` lists as `name`, such as ``./imagesTr/a.nii.gz``.

    Raises:
        InputError: `name` is no text, or leads out of the folder `base`.
    """
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InputError(f"{source} lists {name!r}, which is no path; correct it")
    path = Path(os.path.normpath(base / name.replace("\\", "/")))
    if path == base or not path.is_relative_to(base):
        raise InputError(
            f"{source} lists {name}, which lies outside of {base};"
            " list the images in a table of path and mask instead"
        )
    return path


def check_present(cases: Sequence[Case], source: Path) -> None:
    """Refuse a list with files that do not exist."""
    missing = [path for case in cases for path in case.paths if not path.is_file()]
    if missing:
        names = first_few(path.relative_to(source.parent).as_posix() for path in missing)
        raise InputError(
            f"{source} lists {len(missing)} files that do not exist ({names});"
            " add them, or take their cases off the list"
        )


def label_values(labels: object, source: Path) -> dict[str, tuple[int, ...]]:
    """Return the values of each label but the background.

    nnU-Net gives ``{name: value or values}``, the Decathlon ``{value: name}``; values may be
    texts in both.

    Raises:
        InputError: `labels` is neither.
    """
    if not isinstance(labels, dict):
        raise InputError(f"{source}: its labels are no names with values; correct them")
    found: dict[str, tuple[int, ...]] = {}
    for key, value in labels.items():
        name, values = (value, [key]) if _is_inverse(key, value) else (key, value)
        several = values if isinstance(values, list) else [values]
        if not all(_is_value(one) for one in several):
            raise InputError(f"{source}: the label {key!r} has the value {value!r}, no number")
        numbers = tuple(int(one) for one in several)
        if set(numbers) - {0}:
            found[str(name)] = (*found.get(str(name), ()), *numbers)
    return found


def case_items(
    root: Path, cases: Sequence[Case], params: VolumesParams
) -> tuple[list[DatasetItem], list[SkippedFile]]:
    """Return an item per channel, and the channels left out.

    The channels of a case are tied, and so are cases that share a mask.

    Raises:
        InputError: a file is of no kind that can be read, or of two cases.
    """
    items, skipped = [], []
    keys: dict[Path, str] = {}
    seen: set[Path] = set()
    for case in cases:
        key = keys.setdefault(case.mask, case.name)
        for channel in case.channels:
            name = channel.path.relative_to(root).as_posix()
            if channel.path in seen:
                raise InputError(f"{root} lists {name} twice in {DATASET_JSON}; keep one of them")
            seen.add(channel.path)
            chosen = params.channels is None or channel.number in params.channels
            if len(case.channels) > 1 and not chosen:
                skipped.append(SkippedFile(name, "a channel that volumes.channels does not name"))
            else:
                items.append(replace(_item(root, name, case, channel), case=key))
    return items, skipped


def told_parts(cases: Sequence[Case]) -> list[Case]:
    """Return cases without their part where all are of one."""
    if len({case.source_split for case in cases}) > 1:
        return list(cases)
    return [replace(case, source_split="") for case in cases]


def left_over(
    root: Path,
    cases: Sequence[Case],
    others: Collection[Path],
    reasons: Mapping[Path, str],
    otherwise: str,
) -> Iterator[SkippedFile]:
    """Yield the files below `root` that are not used, with a reason.

    Args:
        root: the user's folder.
        cases: whose files are used.
        others: JSON files that are used.
        reasons: of some files.
        otherwise: reason of the other files.
    """
    used = {path for case in cases for path in case.paths} | set(others)
    tree = list_files(root)
    for file in tree.files:
        if file.path not in used:
            yield SkippedFile(file.name, reasons.get(file.path, otherwise))
    for one in tree.skipped:
        if root / one.name not in used:
            yield one


def channel_contrast(content: Json, number: int) -> str:
    """Return the contrast that a ``dataset.json`` gives a channel, if any."""
    names = content.get("channel_names") or content.get("modality")
    text = str(names.get(str(number), "")).strip() if isinstance(names, dict) else ""
    return "" if text.lower() in SETTINGS or text.isdigit() else text


def _item(root: Path, name: str, case: Case, channel: Channel) -> DatasetItem:
    for path in (channel.path, case.mask):
        if kind_of(path) is None:
            raise InputError(f"{path} is no {KINDS}")
    return DatasetItem(
        name,
        kind_of(channel.path) or "image",
        (channel.path,),
        mask=case.mask,
        mask_name=case.mask.relative_to(root).as_posix(),
        source_split=case.source_split,
        facts={"contrast": channel.contrast} if channel.contrast else {},
    )


def _is_inverse(key: object, value: object) -> bool:
    """Return whether an entry is ``{value: name}``."""
    return _is_value(key) and isinstance(value, str) and not _is_value(value)


def _is_value(value: object) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole or (isinstance(value, str) and value.strip().isdecimal())
