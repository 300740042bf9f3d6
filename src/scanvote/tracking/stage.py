"""Common frame of the stage scripts: params, MLflow run, metrics file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from scanvote.core.disclaimer import mark_smoke
from scanvote.core.errors import InputError
from scanvote.core.files import read_yaml
from scanvote.core.metrics_file import HEADLINES, Metrics, write_metrics
from scanvote.core.parallel import use_compute
from scanvote.params import Params, load_params
from scanvote.params.compute import overridden
from scanvote.tracking.runs import StageRun, stage_run


@dataclass(frozen=True)
class Stage:
    """A running stage.

    Attributes:
        name: of the stage in dvc.yaml.
        item: the task or family, if dvc.yaml runs the stage once for each.
        params: the whole of params.yaml.
        run: its run in MLflow.
    """

    name: str
    item: str | None
    params: Params
    run: StageRun

    def finish(
        self, metrics: Metrics, metrics_path: Path, out: Path, patterns: Sequence[str] = ("*",)
    ) -> None:
        """Write the metrics to `metrics_path`; log them and the files in `out`.

        Args:
            metrics: of the stage, by name.
            metrics_path: file to write.
            out: output folder of the stage.
            patterns: the files in `out` to log.
        """
        headline = HEADLINES.get(f"{self.name}/{self.item}") or HEADLINES[self.name]
        write_metrics(metrics_path, metrics, headline)
        self.run.log_metrics(metrics)
        self.run.log_folder(out, patterns)


@contextmanager
def open_stage(
    name: str,
    item: str | None = None,
    *,
    inputs: Sequence[Path] = (),
    system_metrics: bool = False,
) -> Iterator[Stage]:
    """Load the params and open the stage's run for the block.

    Args:
        name: of the stage in dvc.yaml. Its run logs the params listed for it there.
        item: the task or family, if dvc.yaml runs the stage once for each.
        inputs: input paths of the stage; their digests and data sets are logged.
        system_metrics: sample processor, memory and accelerator.

    Raises:
        InputError: params.yaml or the stage in dvc.yaml is wrong, or the store cannot be opened.
    """
    params = load_params()
    mark_smoke(params.smoke)
    compute = overridden(params.compute)
    use_compute(compute.scheduler, compute.workers)
    with stage_run(
        name,
        item=item,
        params=params,
        sections=_watched_params(name, item),
        inputs=inputs,
        system_metrics=system_metrics,
    ) as run:
        yield Stage(name, item, params, run)


def _watched_params(name: str, item: str | None) -> list[str]:
    """Return the params listed for the stage in dvc.yaml."""
    try:
        stage = read_yaml(Path("dvc.yaml"))["stages"][name]
        keys = stage.get("do", stage).get("params", [])
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError):
        raise InputError(
            f"dvc.yaml: no stage {name} can be read from it; run stages in the root of the"
            " repository, and mend the file, for example by `git checkout dvc.yaml`"
        ) from None
    if not isinstance(keys, list):
        raise InputError(f"dvc.yaml: params of the stage {name} must be a list")
    return [_fill_in(key, item) for key in keys if isinstance(key, str)]


def _fill_in(key: str, item: str | None) -> str:
    """Replace the braces of `phantom.${item.task}` by the item's name."""
    start, brace, rest = key.partition("${")
    return f"{start}{item}{rest.partition('}')[2]}" if brace else key
