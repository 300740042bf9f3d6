"""The command `scanvote predict`."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.core.progress import Progress, progress_bar
from scanvote.datasets.user_data.layout import SkippedFile
from scanvote.inputs import DiscoveredInput, discover_inputs
from scanvote.params.whole import Method
from scanvote.pipeline.package import ModelMetadata, Package, read_metadata
from scanvote.predict.batches import ScanResult, predict_stream
from scanvote.predict.pictures import OutputPaths, check_apart, write_mask, write_overlay
from scanvote.predict.predictor import check_method, explain, load_for_inference
from scanvote.predict.rows import columns
from scanvote.predict.schema import FileError
from scanvote.predict.tables import Add, table_file, table_on_stdout
from scanvote.predict.terminal import table_on_terminal


@dataclass(frozen=True)
class PredictOptions:
    """What is to be written, and where.

    Attributes:
        out: the table; None for the standard output.
        masks: folder of the masks.
        explain: how the vote is explained.
        explanations: folder of the overlays.
        batch: scans that are examined together.
    """

    out: Path | None
    masks: Path | None
    explain: Method | None
    explanations: Path
    batch: int

    @property
    def folders(self) -> dict[str, Path]:
        """Of the pictures, by their kind."""
        found = {"mask": self.masks, "explanation": self.explanations if self.explain else None}
        return {kind: folder for kind, folder in found.items() if folder is not None}


def predict(paths: Sequence[Path], model: Path, wanted: PredictOptions) -> int:
    """Write what is said of the scans in `paths`, files and folders.

    Args:
        paths: files and folders.
        model: folder of the package.
        wanted: what is to be written.

    Returns:
        How many files could not be read.

    Raises:
        InputError: there is no file, the package is none, or a place cannot be written to.
    """
    left = list[SkippedFile]()
    files = list(discover_inputs(paths, left))
    if not files:
        raise InputError(f"{', '.join(map(str, paths))}: {_nothing(left)}")
    contents = read_metadata(model)
    places = _places(paths, files, wanted)
    with _table(wanted.out, contents, places) as add, progress_bar("Predict") as progress:
        print(DISCLAIMER, file=sys.stderr)
        package = load_for_inference(model)
        if wanted.explain:
            check_method(package.panel(), wanted.explain)
        told = _told(files, progress)
        refused = 0
        for one in predict_stream(package, told, wanted.batch):
            if isinstance(one, FileError):
                refused += 1
                add(one, {})
            else:
                add(one.finding, _written(package, one, places, wanted.explain))
    _sum_up(refused, len(files), left)
    return refused


def _places(
    paths: Sequence[Path], files: Sequence[DiscoveredInput], wanted: PredictOptions
) -> dict[str, OutputPaths]:
    folders = wanted.folders
    if len({folder.resolve() for folder in folders.values()}) < len(folders):
        raise InputError("--masks and --explanations are one folder; choose two")
    for kind, folder in folders.items():
        check_apart(folder, f"--{kind}s", paths)
    names = [file.name for file in files]
    return {kind: OutputPaths(folder, names) for kind, folder in folders.items()}


def _table(
    out: Path | None, contents: ModelMetadata, places: dict[str, OutputPaths]
) -> AbstractContextManager[Add]:
    if out is None and sys.stdout.isatty():
        return table_on_terminal()
    named = columns(contents.classifiers, places)
    return table_on_stdout(named) if out is None else table_file(out, named)


def _told(files: Sequence[DiscoveredInput], progress: Progress) -> Iterator[DiscoveredInput]:
    """The files, each counted when the next is asked for."""
    progress(0, len(files))
    for done, file in enumerate(files, 1):
        yield file
        progress(done, len(files))


def _written(
    package: Package, one: ScanResult, places: dict[str, OutputPaths], method: Method | None
) -> dict[str, str]:
    """Where the pictures of a scan were written to, by their kind."""
    found = {}
    if "mask" in places:
        path = places["mask"].of(one.finding, ".png")
        write_mask(one.mask, path)
        found["mask"] = path.as_posix()
    if method:
        path = places["explanation"].of(one.finding, f"-{method}.png")
        write_overlay(one.scan.image, explain(package, one.scan, method)["vote"], path)
        found["explanation"] = path.as_posix()
    return found


def _nothing(left: Sequence[SkippedFile]) -> str:
    return f"{_files(len(left))}, {_such(left)}: none is a scan" if left else "no file is there"


def _sum_up(refused: int, count: int, left: Sequence[SkippedFile]) -> None:
    if left:
        print(f"scanvote: passed over {_files(len(left))}, {_such(left)}", file=sys.stderr)
    if refused == count:
        print(f"scanvote: none of {_files(count)} could be read", file=sys.stderr)
    elif refused:
        print(f"scanvote: {refused:,} of {_files(count)} could not be read", file=sys.stderr)


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def _such(left: Sequence[SkippedFile]) -> str:
    return f"such as {left[0].name} ({left[0].reason})"
