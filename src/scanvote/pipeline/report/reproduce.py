"""The section on reproducing the page: data, settings, versions and commands."""

import platform
from importlib.metadata import PackageNotFoundError, version

from scanvote.core.flatten import flatten
from scanvote.params import Task, decides_results
from scanvote.pipeline.report.blocks import (
    Block,
    Collapsible,
    Commands,
    Heading,
    Section,
    Table,
    Text,
)
from scanvote.pipeline.report.report_data import ReportData

PACKAGES = (
    "scanvote",
    "keras",
    "tensorflow-cpu",
    "tensorflow",
    "jax",
    "keras-tuner",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "statsmodels",
    "opencv-python-headless",
    "onnx",
    "mlflow",
    "dvc",
)
COMMANDS = (
    "git log --all -S MD5_OF_THIS_PAGE -- dvc.lock    # the commit, of an experiment too",
    "git checkout COMMIT && make repro                # again, from the data to this page",
    "dvc status                                       # do the files here match dvc.lock?",
)


_OF_TASK: dict[Task, tuple[str, ...]] = {
    "classification": (
        *("inflation.", "search.", "ann.", "cnn.", "transfer.", "published.", "ensemble."),
        *("explain.", "evaluate.positive", "evaluate.negative", "evaluate.min_sensitivity"),
    ),
    "segmentation": ("unet.", "baseline.", "evaluate.tolerance"),
}
"""How the keys of params.yaml begin that concern one task alone."""
_OF_DATA_SET = ("phantom", "ixi")
"""Data sets with a section of their own in params.yaml."""


def reproduce(report: ReportData) -> Section:
    """List digests, commands, versions and every setting."""
    blocks: tuple[Block, ...] = (
        Text(
            "This page is an output of DVC, and `dvc.lock` holds its MD5: `md5sum"
            " metrics/report.html` prints it, and the first command finds the commit, also that of"
            " an experiment, which is on no branch. The commit itself is not written here, because"
            " the page would then change with every commit."
        ),
        Commands(COMMANDS),
        Heading("The data"),
        _digests(report),
        Heading("The software"),
        _versions(),
        Collapsible("The settings of params.yaml", (_settings(report),)),
    )
    return Section("reproduce", "How to reproduce this page", blocks)


def _digests(report: ReportData) -> Table:
    rows = tuple((path, f"`{digest}`") for path, digest in report.digests.items())
    caption = "SHA-256 of the manifests (raw, deduplicated, split), which list every file's own."
    return Table(caption, ("manifest", "sha256"), rows)


def versions() -> dict[str, str]:
    """Return the versions of the main libraries that are installed."""
    installed = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


def _versions() -> Table:
    rows = tuple((name, one) for name, one in versions().items())
    return Table("Versions of the main libraries.", ("library", "version"), rows)


def _settings(report: ReportData) -> Table:
    written = flatten(report.settings, ".")
    settings = {key: value for key, value in written.items() if decides_results(key)}
    rows = tuple((key, _as_text(settings[key])) for key in settings if _is_used(report, key))
    caption = "The settings of this study with their values, as params.yaml has them."
    note = "" if len(rows) == len(settings) else "Settings of what is left out are not listed."
    return Table(caption, ("setting", "value"), rows, note, "params.yaml")


def _is_used(report: ReportData, key: str) -> bool:
    """Return False for a setting of a task or a data set that the study leaves out."""
    if key.endswith(".dataset"):  # says which task is left out
        return True
    sets = {one.name for data in report.tasks.values() for one in data.sets}
    unused = [name for name in _OF_DATA_SET if report.tasks and name not in sets]
    for task, sections in _OF_TASK.items():
        if not report.studies(task):
            unused += [*sections, f"{task}.", f"prepare.{task}.", f"phantom.{task}."]
    return not key.startswith(tuple(unused))


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_as_text(one) for one in value) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
