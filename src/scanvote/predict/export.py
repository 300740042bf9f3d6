"""The command `scanvote export`: a copy of a package that needs nothing else than the library."""

import shutil
from pathlib import Path

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.core.files import atomic_replace_folder, sha256, write_text
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.package import ModelMetadata, read_metadata
from scanvote.pipeline.package.metadata import CARD, NAME, VOTE, write_metadata
from scanvote.pipeline.package.model_card import card

README = "README.md"
_GRAPHS = "*.onnx"


def export(model: Path, out: Path, onnx: bool) -> ModelMetadata:
    """Copy the package in `model` to `out`, every file by its digest, and tell how it is used.

    Args:
        model: folder of the package.
        out: the folder that is made; a package there is replaced.
        onnx: with the ONNX graphs, where there are any.

    Returns:
        What was exported.

    Raises:
        InputError: `model` is no package, `out` holds something else, or the copy is not whole.
    """
    read_metadata(model)
    _check_place(model.resolve(), out.resolve(), out)
    with atomic_replace_folder(out.resolve()) as folder:
        left = None if onnx else shutil.ignore_patterns(_GRAPHS)
        shutil.copytree(model, folder, ignore=left)
        _check_copy(model, folder)
        if not onnx:
            _forget_graphs(folder)
        write_text(folder / README, _readme(out))
        return read_metadata(folder)


def _check_place(model: Path, out: Path, named: Path) -> None:
    if out.is_relative_to(model) or model.is_relative_to(out):
        raise InputError(
            f"{named} and the package {model} lie in one another; choose another place"
        )
    if out.exists() and not (out / NAME).is_file() and (out.is_file() or any(out.iterdir())):
        raise InputError(f"{named} holds something else than a package; choose another place")


def _check_copy(model: Path, folder: Path) -> None:
    for path in folder.rglob("*"):
        origin = model / path.relative_to(folder)
        if path.is_file() and sha256(path) != sha256(origin):
            raise InputError(f"{origin} changed while it was copied; export again")


def _forget_graphs(folder: Path) -> None:
    whole = read_metadata(folder)
    bare = {"onnx": None}
    members = [one.model_copy(update=bare) for one in whole.classifiers.members]
    unets = [one.model_copy(update=bare) for one in whole.segmenters.networks]
    contents = whole.model_copy(
        update={
            "classifiers": whole.classifiers.model_copy(update={"members": members}),
            "segmenters": whole.segmenters.model_copy(update={"networks": unets}),
        }
    )
    write_metadata(contents, folder)
    write_text(folder / CARD, card(contents, Vote.read(folder / VOTE)))


def _readme(out: Path) -> str:
    lines = [
        "# A finished model of scanvote",
        "",
        f"**{DISCLAIMER}** What it is, and what it is asked with, stands in `{CARD}` and `{NAME}`.",
        "",
        "It needs the library `scanvote`, with an extra for the processor (`cpu`, `gpu`), no"
        " repository and no network:",
        "",
        "```sh",
        f"scanvote predict SCANS --model {out.name}     # files and folders: a table",
        f"scanvote serve --model {out.name}             # a page on http://127.0.0.1:8000",
        f"scanvote export ELSEWHERE --model {out.name}  # a copy, checked file by file",
        "```",
    ]
    return "\n".join(lines) + "\n"
