"""Headers of NRRD and MetaImage: what SimpleITK ignores is applied or refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scanvote.core.errors import InputError
from scanvote.datasets.volumes.source import Undecodable

ItkKind = Literal["NRRD", "MetaImage"]

MAX_HEADER = 2**20
"""Bytes of a file in which its header must end."""
_META = re.compile(rb"\s*(ObjectType|ObjectSubType|Comment|NDims|BinaryData|CompressedData)\s*=")
_META_FIELD = re.compile(r"^\s*(\w+)\s*[=:][ \t]*(.*?)\s*$", re.MULTILINE)
_META_END = re.compile(rb"^\s*ElementDataFile\s*=[^\n]*(\n|$)", re.MULTILINE)
_NRRD_FIELD = re.compile(r"^([A-Za-z][\w ]*):[ \t](.*?)\s*$", re.MULTILINE)
_NRRD_END = re.compile(rb"\r?\n\r?\n")
_PLACED = re.compile(r"[RL][AP][SI]|(right|left)-(anterior|posterior)-(superior|inferior)", re.I)
_CHANNELS, _SPACE = ("list", "vector"), ("domain", "space", "???", "none", "")
_MM = {
    **dict.fromkeys(("", "?", "???", "none", "unknown", "mm", "millimeter", "millimetre"), 1.0),
    **dict.fromkeys(("um", "\u00b5m", "\u03bcm", "micron", "micrometer", "micrometre"), 1e-3),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-6),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 10.0),
    **dict.fromkeys(("m", "meter", "metre"), 1000.0),
}


@dataclass(frozen=True)
class ItkHeader:
    """What the header of a file says beyond what SimpleITK reads of it.

    Attributes:
        kind: format of the file.
        channels: volumes in the file, such as contrasts.
        unit: millimetres of its unit of length.
        slope, offset: from the stored numbers to intensities.
        placed: whether it gives the orientation.
        measured: whether it gives the spacing.
    """

    kind: ItkKind
    channels: int
    unit: float
    slope: float
    offset: float
    placed: bool
    measured: bool


def itk_kind(start: bytes) -> ItkKind | None:
    """Return the format of a file by its first bytes."""
    if start.startswith(b"NRRD000"):
        return "NRRD"
    is_meta = _META.match(start) and re.search(rb"^\s*NDims\s*=\s*\d", start, re.MULTILINE)
    return "MetaImage" if is_meta else None


def read_header(path: Path) -> ItkHeader:
    """Read and check the header of a file.

    Raises:
        InputError: the file has no whole header, or its voxels are not in the file beside it.
        Undecodable: the subclass for a valid file of an unsupported kind.
    """
    with path.open("rb") as file:
        start = file.read(MAX_HEADER)
    kind = itk_kind(start)
    if kind is None:
        raise InputError(f"{path} is no NRRD or MetaImage volume")
    end = (_NRRD_END if kind == "NRRD" else _META_END).search(start)
    if end is None and len(start) == MAX_HEADER:
        raise InputError(f"{path} is a {kind} whose header does not end; mend it")
    text = _text(start[: end.end()] if end else start)
    return _nrrd(path, text) if kind == "NRRD" else _meta(path, text)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _nrrd(path: Path, text: str) -> ItkHeader:
    fields = {key.lower(): value for key, value in _NRRD_FIELD.findall(text)}
    sizes = fields.get("sizes", "").split()
    kinds = [one.lower() for one in fields.get("kinds", "").split()] or ["???"] * len(sizes)
    if len(kinds) != len(sizes) or not all(one.isdecimal() for one in sizes):
        raise InputError(f"{path} is an NRRD whose sizes and kinds do not agree; mend it")
    channels = _nrrd_channels(path, sizes, kinds)
    if fields.get("encoding", "").lower() in ("bzip2", "bz2"):
        raise Undecodable(f"{path} is compressed by bzip2; save it with gzip or raw")
    _check_data_file(path, fields.get("data file", fields.get("datafile", "")))
    _check_plane(path, kinds, fields)
    units = fields.get("space units") or fields.get("units") or ""
    return ItkHeader(
        "NRRD",
        channels,
        _millimetres(path, re.findall(r'"([^"]*)"', units) or units.split()),
        slope=1.0,
        offset=0.0,
        placed=bool(_PLACED.fullmatch(fields.get("space", ""))),
        measured=bool({"space directions", "spacings"} & fields.keys()),
    )


def _nrrd_channels(path: Path, sizes: list[str], kinds: list[str]) -> int:
    """Return the length of the axis that parts volumes; 1 without one."""
    others = [one for one in kinds if one not in _SPACE]
    unknown = [one for one in others if one not in _CHANNELS]
    if unknown:
        raise Undecodable(
            f"{path} has an axis of the kind {unknown[0]!r}, which is not read;"
            " save one volume of grey values"
        )
    if len(kinds) - len(others) not in (2, 3) or len(others) > 1:
        raise Undecodable(
            f"{path} has {len(kinds)} axes; of more than three, name the one of its contrasts"
            " in the header (kinds: domain domain domain list), or save each volume for itself"
        )
    return int(sizes[kinds.index(others[0])]) if others else 1


def _check_plane(path: Path, kinds: list[str], fields: Mapping[str, str]) -> None:
    directions = re.findall(r"\(([^)]*)\)", fields.get("space directions", ""))
    axes = len([one for one in kinds if one in _SPACE])
    if directions and any(one.count(",") + 1 != axes for one in directions):
        raise Undecodable(
            f"{path} has {axes} axes in a space of {directions[0].count(',') + 1};"
            " save it as a volume of one slice"
        )


def _meta(path: Path, text: str) -> ItkHeader:
    fields = dict(_META_FIELD.findall(text))
    if fields.get("ObjectType", "Image").lower() != "image":
        raise Undecodable(f"{path} is a MetaImage file that holds no image")
    axes = _number(path, fields, "NDims", 0)
    if axes not in (2, 3):
        raise Undecodable(f"{path} has {axes:g} axes; save each volume of it for itself")
    name = fields.get("ElementDataFile", "")
    if not name:
        raise InputError(f"{path} is a MetaImage that does not say where its voxels are; mend it")
    _check_data_file(path, "" if name.upper() == "LOCAL" else name)
    return ItkHeader(
        "MetaImage",
        int(_number(path, fields, "ElementNumberOfChannels", 1)),
        _millimetres(path, [fields.get("DistanceUnits", "")]),
        slope=_number(path, fields, "ElementToIntensityFunctionSlope", 1),
        offset=_number(path, fields, "ElementToIntensityFunctionOffset", 0),
        placed=axes == 3,
        measured=bool({"ElementSpacing", "ElementSize"} & fields.keys()),
    )


def _number(path: Path, fields: Mapping[str, str], name: str, default: float) -> float:
    text = fields.get(name, str(default))
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", text):
        raise InputError(f"{path} gives {text[:40]!r} as {name}, which is no number; mend it")
    return float(text)


def _millimetres(path: Path, units: list[str]) -> float:
    """Return the millimetres of the unit of all axes."""
    names = {one.strip().lower() for one in units}
    names |= {one.removesuffix("s") for one in names if len(one) > 2}
    lengths = {_MM[one] for one in names if one in _MM and one not in ("", "?", "???", "none")}
    if len(lengths) > 1 or (not lengths and names - _MM.keys()):
        told = ", ".join(sorted({one[:20] for one in units}))
        raise Undecodable(f"{path} gives its lengths in {told}; give them all in mm")
    return lengths.pop() if lengths else 1.0


def _check_data_file(path: Path, name: str) -> None:
    """Refuse voxels that are not in one file beside the header; empty means in the same file."""
    if not name:
        return
    if "%" in name or name.upper().startswith("LIST"):
        raise Undecodable(f"{path} has its voxels in several files; save it as one file")
    if "/" in name or "\\" in name or name in (".", ".."):
        raise Undecodable(
            f"{path} has its voxels in {name[:80]!r}, outside of its folder; put them beside it"
        )
    if not path.with_name(name).is_file():
        raise InputError(f"{path} has its voxels in {name[:80]!r}, which is not beside it")
