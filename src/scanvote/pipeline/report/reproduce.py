"""The section on reproducing the page: data, settings, versions and commands."""

import platform
from importlib.metadata import PackageNotFoundError, version

from scanvote.core.flatten import flatten
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
    "git log -S MD5_OF_THIS_PAGE -- dvc.lock    # the commit that made it",
    "git checkout COMMIT && make repro          # that commit again, from the data to this page",
    "dvc status                                 # do the files here match dvc.lock?",
)


def reproduce(report: ReportData) -> Section:
    """List digests, commands, versions and every setting."""
    blocks: tuple[Block, ...] = (
        Text(
            "This page is an output of DVC, and `dvc.lock` holds its MD5: `md5sum"
            " metrics/report.html` prints it, and the first command finds the commit. The commit"
            " itself is not written here, because the page would then change with every commit."
        ),
        Commands(COMMANDS),
        Heading("The data"),
        _digests(report),
        Heading("The software"),
        _versions(),
        Collapsible("Every setting of params.yaml", (_settings(report),)),
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
    rows = tuple((key, _as_text(value)) for key, value in flatten(report.settings, ".").items())
    caption = "Every setting with its value, as params.yaml has it."
    return Table(caption, ("setting", "value"), rows)


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_as_text(one) for one in value) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
