"""Files that a worker without this disk needs to rebuild a study."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from scanvote.core.errors import InputError
from scanvote.core.files import mirror_folder, repository_root
from scanvote.core.parallel import Files
from scanvote.models.backbones import is_saved, saved_file, weights_file
from scanvote.params import Params

MIRROR = ".mirror"
"""The folder there that is the mirror."""


def study_files(prepared: Path, params: Params, networks: Iterable[tuple[str, str]]) -> Files:
    """Return the shards and their manifest, and the weights of pretrained networks.

    Args:
        prepared: folder of the shards, relative to the working directory.
        params: the whole of params.yaml.
        networks: names of backbones or their files, each with its setting `weights`.
    """
    shards = {
        path.as_posix(): path for path in sorted(prepared.glob("*.*")) if path.suffix != ".png"
    }
    return Files(kept=shards | dict(_weights(networks, mirror_folder(params.download.mirror))))


def _weights(
    networks: Iterable[tuple[str, str]], mirror: Path | None
) -> Iterator[tuple[str, Path]]:
    """Yield the files at hand by their place there; a worker has those of packages itself."""
    places = [(repository_root(), Path()), *([(mirror.resolve(), Path(MIRROR))] if mirror else [])]
    for name, weights in networks:
        file = saved_file(name, mirror) if is_saved(name) else _found(name, weights, mirror)
        for folder, there in places:
            if file and file.is_file() and file.resolve().is_relative_to(folder):
                yield (there / file.resolve().relative_to(folder)).as_posix(), file


def _found(name: str, weights: str, mirror: Path | None) -> Path | None:
    try:
        return weights_file(name, weights, mirror)
    except InputError:  # the training says it
        return None
