"""Prediction over the workers of a Dask scheduler, in blocks of files.

A worker answers as `scanvote.predict.answers` does here. What it rejects is read again on this
machine, so that a row says the same of a file, under its own name, wherever that was tried.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import tee
from pathlib import Path

from scanvote.core.digests import digest
from scanvote.core.errors import InputError
from scanvote.core.parallel import BLOCK, Files, blocks, results
from scanvote.core.progress import Progress
from scanvote.core.runtimes import Runtime
from scanvote.inputs import DiscoveredInput
from scanvote.pipeline.package import Package, load_package
from scanvote.pipeline.package.identity import NAME
from scanvote.predict.answers import Answer, Wanted, answers
from scanvote.predict.batches import LIMITS
from scanvote.predict.schema import FileError

_SENT = Path(".predict")
"""Folder of what was sent, in the working directory of a worker without our disk."""
_MODEL = _SENT / "model"
_VOXELS = re.compile(rb"^\s*(?:ElementDataFile\s*=|data ?file:)[ \t]*([^\r\n]+)", re.M | re.I)
"""The file beside it that a header of MetaImage (.mhd) or NRRD (.nhdr) names."""

Block = tuple[list[DiscoveredInput], Files]


def answers_of_workers(
    package: Package,
    model: Path,
    files: Sequence[DiscoveredInput],
    wanted: Wanted,
    progress: Progress,
) -> Iterator[Answer]:
    """Yield what `answers` does, from the workers that `use_compute` names.

    Args:
        package: the finished model.
        model: its folder.
        files: from `scanvote.inputs.discover_inputs`.
        wanted: what is asked of each scan.
        progress: told how many files are done.
    """
    kept = Files(
        kept={str(_MODEL / name): model / name for name in (NAME, *package.contents.files)}
    )
    length = max(BLOCK // wanted.batch, 1) * wanted.batch  # whole batches, as without workers
    sent, again = tee(blocks(files, length, _files_of))
    call = partial(_answer_block, model, package.runtime, package.contents.digest, wanted)
    made = results(call, sent, 2, files=lambda block: block[1] + kept)
    done = 0
    progress(0, len(files))
    for found, (block, _) in zip(made, again, strict=True):
        named = {file.name: file for file in block}
        for row, pictures in found:
            if isinstance(row, FileError):
                yield from answers(package, [named[row.file]], wanted)
            else:
                yield row, pictures
        done += len(block)
        progress(done, len(files))


def _files_of(file: DiscoveredInput) -> Files:
    """Return the files of an input that can be sent."""
    paths = [*file.paths, *_voxels(file.paths[0])]
    return Files(reads={str(_sent(path)): path for path in paths if _can_be_sent(path)})


def _voxels(path: Path) -> list[Path]:
    """Return the file of the voxels, if `path` is a header beside it."""
    if path.suffix.lower() not in (".mhd", ".nhdr") or not _can_be_sent(path):
        return []
    with path.open("rb") as file:
        found = _VOXELS.search(file.read(2**16))
    name = os.fsdecode(found[1].strip()) if found else ""
    return [path.with_name(name)] if name and name == Path(name).name else []


def _can_be_sent(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK) and path.stat().st_size <= LIMITS.bytes


def _sent(path: Path) -> Path:
    """Return the place of a file that was sent; files of one folder stay beside one another."""
    return _SENT / digest(str(path.parent)) / path.name


def _answer_block(
    model: Path, runtime: Runtime, model_digest: str, wanted: Wanted, block: Block
) -> list[Answer]:
    """Answer a block of files; called at a worker."""
    files = block[0]
    if (_MODEL / NAME).exists():  # it does not see our disk
        model = _MODEL
        files = [replace(file, paths=tuple(map(_sent, file.paths))) for file in files]
    package = _loaded(model, runtime, model_digest)
    return list(answers(package, files, wanted))


@lru_cache(maxsize=1)
def _loaded(model: Path, runtime: Runtime, model_digest: str) -> Package:
    """Load the package once a process, as long as it is the same."""
    package = load_package(model, runtime, threads=1)  # the workers share the processors
    if package.contents.digest != model_digest:
        raise InputError(f"{model} was replaced meanwhile; run the same again")
    return package
