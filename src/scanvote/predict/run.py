"""The command `scanvote predict`."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from scanvote.core.disclaimer import DISCLAIMER
from scanvote.core.errors import InputError
from scanvote.core.progress import Progress, progress_bar
from scanvote.core.runtimes import Runtime
from scanvote.datasets.user_data.layout import SkippedFile
from scanvote.inputs import DiscoveredInput, discover_inputs
from scanvote.params.compute import SCHEDULER, ComputeParams, overridden
from scanvote.params.whole import Method
from scanvote.pipeline.package import ModelMetadata, Package, load_package
from scanvote.pipeline.package.runtime import describe
from scanvote.predict.answers import Answer, Wanted, answers
from scanvote.predict.pictures import OutputPaths, check_apart, write_picture
from scanvote.predict.predictor import NO_MASKS, NO_VOTE, check_method
from scanvote.predict.quality import named, quality
from scanvote.predict.rows import columns
from scanvote.predict.schema import FileError, ScanPrediction
from scanvote.predict.tables import Add, table_file, table_on_stdout


@dataclass(frozen=True)
class PredictOptions:
    """Options of the command.

    Attributes:
        out: file of the table; None for the standard output.
        masks: folder of the masks, None for no masks.
        explain: method that explains the vote, None for no explanations.
        explanations: folder of the overlays.
        batch: scans per batch.
        runtime: what computes the networks, None for the package's default.
        scheduler: ``processes`` for this process, else the Dask scheduler of workers that help.
    """

    out: Path | None
    masks: Path | None
    explain: Method | None
    explanations: Path
    batch: int
    runtime: Runtime | None
    scheduler: str = "processes"

    @property
    def folders(self) -> dict[str, Path]:
        """Folder of each kind of picture to write."""
        folders = {"mask": self.masks, "explanation": self.explanations if self.explain else None}
        return {kind: folder for kind, folder in folders.items() if folder is not None}


def predict(paths: Sequence[Path], model: Path, options: PredictOptions) -> int:
    """Predict the scans in `paths`, and write the table and the pictures.

    Args:
        paths: files and folders.
        model: folder of the package.
        options: options of the command.

    Returns:
        Number of files that could not be read.

    Raises:
        InputError: there is no file to read, `model` is no package, or an output cannot be written.
    """
    compute = _compute(options.scheduler)
    skipped = list[SkippedFile]()
    files = list(discover_inputs(paths, skipped))
    if not files:
        raise InputError(f"{', '.join(map(str, paths))}: {_nothing(skipped)}")
    package = load_package(model, options.runtime)
    contents = package.contents
    _check_options(package, options)
    places = _output_paths(paths, files, options)
    with _table(options.out, contents, places) as add, progress_bar("Predict") as progress:
        lines = [DISCLAIMER, f"{named(contents)} {describe(package.runtime)}.", *quality(contents)]
        print(*lines, sep="\n", file=sys.stderr)
        failed = 0
        for one, pictures in _answers(package, model, files, options, compute, progress):
            failed += isinstance(one, FileError)
            add(one, _write_pictures(one, pictures, places, options.explain))
    _print_summary(failed, len(files), skipped)
    return failed


def _check_options(package: Package, options: PredictOptions) -> None:
    if options.masks and package.segmenters is None:
        raise InputError(f"--masks: {NO_MASKS}")
    if options.explain and package.classifiers is None:
        raise InputError(f"--explain: {NO_VOTE}")
    if options.explain:
        check_method(package.classifiers, options.explain)


def _output_paths(
    paths: Sequence[Path], files: Sequence[DiscoveredInput], options: PredictOptions
) -> dict[str, OutputPaths]:
    folders = options.folders
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
        from scanvote.predict.terminal import table_on_terminal  # rich, which no file needs

        return table_on_terminal(contents)
    names = columns(contents, places)
    return table_on_stdout(contents, names) if out is None else table_file(out, contents, names)


def _compute(scheduler: str) -> ComputeParams:
    """Check the option `--scheduler`, with SCANVOTE_WORKERS."""
    default = ComputeParams(scheduler="processes", workers=None)
    return overridden(default, os.environ | {SCHEDULER: scheduler})


def _answers(
    package: Package,
    model: Path,
    files: Sequence[DiscoveredInput],
    options: PredictOptions,
    compute: ComputeParams,
    progress: Progress,
) -> Iterator[Answer]:
    wanted = Wanted(options.masks is not None, options.explain, options.batch)
    if compute.scheduler == "processes":
        return answers(package, _track(files, progress), wanted)
    from scanvote.core.parallel import use_compute
    from scanvote.predict.workers import answers_of_workers  # what only a scheduler needs

    use_compute(compute.scheduler, compute.workers)
    return answers_of_workers(package, model, files, wanted, progress)


def _track(files: Sequence[DiscoveredInput], progress: Progress) -> Iterator[DiscoveredInput]:
    """Yield the files, and show their number in `progress`."""
    progress(0, len(files))
    for done, file in enumerate(files, 1):
        yield file
        progress(done, len(files))


def _write_pictures(
    one: ScanPrediction | FileError,
    pictures: Mapping[str, bytes],
    places: Mapping[str, OutputPaths],
    method: Method | None,
) -> dict[str, str]:
    """Write the pictures of a scan; return their paths by kind."""
    written = {}
    for kind, content in pictures.items():
        assert isinstance(one, ScanPrediction)
        path = places[kind].of(one, ".png" if kind == "mask" else f"-{method}.png")
        write_picture(content, path)
        written[kind] = path.as_posix()
    return written


def _nothing(skipped: Sequence[SkippedFile]) -> str:
    if not skipped:
        return "no file is there"
    return f"{_files(len(skipped))}, {_example(skipped)}: none is a scan"


def _print_summary(failed: int, count: int, skipped: Sequence[SkippedFile]) -> None:
    if skipped:
        print(f"scanvote: passed over {_files(len(skipped))}, {_example(skipped)}", file=sys.stderr)
    if failed == count:
        print(f"scanvote: none of {_files(count)} could be read", file=sys.stderr)
    elif failed:
        print(f"scanvote: {failed:,} of {_files(count)} could not be read", file=sys.stderr)


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def _example(skipped: Sequence[SkippedFile]) -> str:
    return f"such as {skipped[0].name} ({skipped[0].reason})"
