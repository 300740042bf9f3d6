"""The section on how the page comes about again: data, settings, versions, commands."""

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
    "git checkout COMMIT && make repro          # the same commit again, from data to this page",
    "dvc status                                 # is what lies here what dvc.lock says?",
)


def reproduce(facts: ReportData) -> Section:
    """Digests, commands, versions and every setting."""
    blocks: tuple[Block, ...] = (
        Text(
            "The page is an output of DVC, whose MD5 stands in `dvc.lock`: `md5sum"
            " metrics/report.html` names it, and the first command finds the commit. The commit"
            " itself is not written here, as the page would then change with every commit."
        ),
        Commands(COMMANDS),
        Heading("The data"),
        _digests(facts),
        Heading("The software"),
        _versions(),
        Collapsible("Every setting of params.yaml", (_settings(facts),)),
    )
    return Section("reproduce", "How to reproduce it", blocks)


def _digests(facts: ReportData) -> Table:
    rows = tuple((path, f"`{digest}`") for path, digest in facts.digests.items())
    caption = "SHA-256 of the manifests, which hold that of every file: as brought, judged, split."
    return Table(caption, ("manifest", "sha256"), rows)


def versions() -> dict[str, str]:
    """Of the chief libraries that are installed."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _versions() -> Table:
    rows = tuple((name, one) for name, one in versions().items())
    return Table("Versions of the chief libraries.", ("library", "version"), rows)


def _settings(facts: ReportData) -> Table:
    rows = tuple((key, _said(value)) for key, value in flatten(facts.settings, ".").items())
    caption = "Every setting with its value, as params.yaml has it."
    return Table(caption, ("setting", "value"), rows)


def _said(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
