"""The section on the packaged model and its parity with the pipeline."""

from scanvote.params import Task
from scanvote.pipeline.report import numbers
from scanvote.pipeline.report.blocks import Block, Section, Table, Text
from scanvote.pipeline.report.report_data import Metrics, ReportData

_COUNTS = {"members": "networks of the vote", "unets": "networks of the U-Net"}
_PARITY = {
    "difference_max": "largest difference of a probability from the pipeline's",
    "onnx_difference_max": "largest difference of an ONNX graph from its network",
    "masks_difference": "share of the test pixels whose mask differs from the pipeline's",
    "unet_onnx_difference_max": "largest difference of a U-Net's ONNX graph from its network",
}
_OUTSIDE = {
    "outside": "test scans that the vote finds unlike the training scans, %",
    "unet_outside": "test slices that the U-Net finds unlike the training scans, %",
}
_CONTENTS: dict[tuple[Task, ...], str] = {
    ("classification", "segmentation"): "Members, U-Net, preprocessing, labels, temperatures and"
    " thresholds",
    ("classification",): "Members, preprocessing, labels, temperatures and thresholds",
    ("segmentation",): "U-Net, preprocessing, threshold and post-processing",
}
_SIZES = {"bytes": "size, MB", "onnx_bytes": "ONNX graphs in it, MB"}


def packaged(report: ReportData) -> Section:
    """Describe the package and its differences from the pipeline."""
    metrics = report.metrics_of("package", "classification")
    blocks: tuple[Block, ...] = (Text(f"A packaged model: {numbers.NOT_REPORTED}."),)
    if metrics:
        caption = "Contents of the package, and its differences from the models of this page."
        rows = (*_rows(metrics), *_differing(report, metrics))
        source = "metrics/package/classification.csv"
        blocks = (
            Text(_about(report)),
            Table(caption, ("what", "value"), rows, source=source),
        )
    return Section("package", "The packaged model", blocks)


def _about(report: ReportData) -> str:
    onnx = "; each network is also included as ONNX, for sites without Python"
    digest = report.records.get("models/package/package.json", {}).get("digest")
    known = f" Its model digest, which every answer of it bears, is `{digest}`." if digest else ""
    package = report.params.package
    return (
        f"{_CONTENTS[report.params.tasks]} are one model in `models/package` and, as"
        f" `{package.name}`, in MLflow's registry{onnx if package.onnx else ''}. After packaging it"
        " predicted the test scans again. It says that a scan is unlike the training scans if the"
        f" scan is farther from these than {100 * package.seen:g} % of the validation scans.{known}"
    )


def _rows(metrics: Metrics) -> tuple[tuple[str, str], ...]:
    megabytes = {key: (metrics[key] or 0.0) / 1e6 for key in _SIZES if key in metrics}
    return (
        *((words, numbers.count(metrics[key])) for key, words in _COUNTS.items() if key in metrics),
        *((words, numbers.tiny(metrics[key])) for key, words in _PARITY.items() if key in metrics),
        *((words, _percent(metrics[key])) for key, words in _OUTSIDE.items() if key in metrics),
        *((_SIZES[key], numbers.number(size, 1)) for key, size in megabytes.items()),
    )


def _percent(share: float | None) -> str:
    return numbers.number(None if share is None else 100 * share, 1)


def _differing(report: ReportData, metrics: Metrics) -> tuple[tuple[str, str], ...]:
    if "differing_scans" not in metrics:
        return ()
    tested = report.metrics_of("evaluate", "classification").get("test_scans") or 0
    differing = numbers.share(metrics["differing_scans"] or 0, tested)
    return (("test scans with another class than the pipeline's", differing),)
