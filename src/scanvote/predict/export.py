"""The command `scanvote export`: copy a package that needs only the library."""

from pathlib import Path

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.core.files import atomic_replace_folder, write_text
from scanvote.pipeline.ensemble.vote import Vote
from scanvote.pipeline.package import ModelMetadata, read_metadata
from scanvote.pipeline.package.copying import copy_package
from scanvote.pipeline.package.identity import GRAPH
from scanvote.pipeline.package.metadata import (
    CARD,
    NAME,
    VOTE,
    Classifiers,
    Segmenters,
    write_metadata,
)
from scanvote.pipeline.package.model_card import card

README = "README.md"


def export(model: Path, out: Path, onnx: bool) -> ModelMetadata:
    """Copy the package in `model` to `out`, check it, add a README.

    Args:
        model: folder of the package.
        out: the new folder; a package there is replaced.
        onnx: include the ONNX graphs, if there are any.

    Returns:
        Metadata of the exported package.

    Raises:
        InputError: `model` is no package or was changed, or `out` contains something else.
    """
    contents = read_metadata(model)
    _check_place(model.resolve(), out.resolve(), out)
    with atomic_replace_folder(out.resolve()) as folder:
        copy_package(model, folder, contents, unread=() if onnx else GRAPH)
        if not onnx:
            _drop_graphs(folder)
        copied = read_metadata(folder)
        write_text(folder / README, _readme(out, copied))
        return copied


def _check_place(model: Path, out: Path, given: Path) -> None:
    """Check that `out`, named `given` by the user, can take the copy."""
    if out.is_relative_to(model) or model.is_relative_to(out):
        raise InputError(
            f"{given} and the package {model} lie in one another; choose another place"
        )
    if out.exists() and not (out / NAME).is_file() and (out.is_file() or any(out.iterdir())):
        raise InputError(f"{given} holds something else than a package; choose another place")


def _drop_graphs(folder: Path) -> None:
    """Remove the ONNX graphs from the metadata and the model card."""
    contents, without = read_metadata(folder), {"onnx": None}
    parts: dict[str, Classifiers | Segmenters] = {}
    if contents.classifiers:
        members = [one.model_copy(update=without) for one in contents.classifiers.members]
        parts["classifiers"] = contents.classifiers.model_copy(update={"members": members})
    if contents.segmenters:
        unets = [one.model_copy(update=without) for one in contents.segmenters.networks]
        parts["segmenters"] = contents.segmenters.model_copy(update={"networks": unets})
    contents = contents.model_copy(update=parts)
    vote = Vote.read(folder / VOTE) if contents.classifiers else None
    write_text(folder / CARD, card(contents, vote))
    write_metadata(contents, folder)


def _readme(out: Path, contents: ModelMetadata) -> str:
    # without graphs Keras computes the networks
    requirement = "scanvote[serve]" if contents.has_graphs else "scanvote[cpu]"
    lines = [
        "# A finished model of scanvote",
        "",
        f"**{DISCLAIMER}** `{CARD}` and `{NAME}` describe it and its requirements.",
        "",
        f"It needs `pip install '{requirement}'`, no repository and no network:",
        "",
        "```sh",
        f"scanvote predict SCANS --model {out.name}     # files and folders: a table",
        f"scanvote serve --model {out.name}             # a page on http://127.0.0.1:8000",
        f"scanvote export ELSEWHERE --model {out.name}  # a copy, checked file by file",
        "```",
    ]
    return "\n".join(lines) + "\n"
