"""Read the scans in the content of an untrusted file."""

from scanvote.inputs.formats import TAKEN, describe_unknown, detect_format
from scanvote.inputs.images import read_image
from scanvote.inputs.sanitise import sanitise_name
from scanvote.inputs.scan import InputScan, Limits, RejectedFile
from scanvote.params import VolumesParams


def read_content(
    content: bytes, name: str, limits: Limits, volumes: VolumesParams
) -> list[InputScan]:
    """Read the scans in `content`: one image, or slices of a volume.

    Bytes after the end of an image, such as an archive, are never read.

    Args:
        content: of the whole file.
        name: file name as given; it is shown, never opened or trusted.
        limits: checked before anything is decoded.
        volumes: settings for slicing volumes.

    Raises:
        RejectedFile: the file is too large (413), of no accepted format (415), or broken (422).
    """
    name = sanitise_name(name)
    check_size(len(content), name, limits)
    kind = detect_format(content)
    if kind is None:
        raise RejectedFile(f"{name} is {describe_unknown(content)}; taken are {TAKEN}", 415)
    if kind == "NRRD" or kind == "MetaImage":
        a = "an" if kind == "NRRD" else "a"
        raise RejectedFile(
            f"{name} is {a} {kind} volume, which is read from a path alone: save it as NIfTI,"
            f" or name it to `scanvote predict`; taken are {TAKEN}",
            415,
        )
    if kind == "DICOM" or kind == "NIfTI":
        from scanvote.datasets.volumes import NamedBytes
        from scanvote.inputs.volumes import read_volume

        return read_volume([NamedBytes(content, name)], name, kind, limits, volumes)
    return [read_image(content, name, kind, limits)]


def check_size(size: int, name: str, limits: Limits) -> None:
    """Reject a file of `size` bytes that is empty or too large.

    Raises:
        RejectedFile: it is empty (422) or too large (413).
    """
    if not size:
        raise RejectedFile(f"{name} is empty", 422)
    if size > limits.bytes:
        raise RejectedFile(
            f"{name} has {size / 2**20:.1f} MiB, allowed are {limits.bytes / 2**20:g} MiB", 413
        )
