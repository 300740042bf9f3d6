"""The section on the packaged model and its parity with the pipeline."""

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
    "outside": "out-of-distribution test scans for the vote, %",
    "unet_outside": "out-of-distribution test slices for the U-Net, %",
}
_SIZES = {"bytes": "size, MB", "onnx_bytes": "ONNX graphs in it, MB"}


def packaged(report: ReportData) -> Section:
    """Describe the package and its differences from the pipeline."""
    metrics = report.metrics_of("package", "classification")
    blocks: tuple[Block, ...] = (Text(f"A packaged model: {numbers.NOT_REPORTED}."),)
    if metrics:
        caption = "Contents of the package, and its differences from the models of this page."
        table = Table(caption, ("what", "value"), (*_rows(metrics), *_differing(report, metrics)))
        blocks = (Text(_about(report)), table)
    return Section("package", "The packaged model", blocks)


def _about(report: ReportData) -> str:
    onnx = "; each network is also included as ONNX, for sites without Python"
    percent = 100 * report.params.package.seen
    return (
        "Members, preprocessing, labels, temperatures and thresholds are one model in"
        f" `models/package` and, as `{report.params.package.name}`, in MLflow's"
        f" registry{onnx if report.params.package.onnx else ''}. After packaging it predicted the"
        " test scans again. It marks a scan as out-of-distribution if the scan is farther from the"
        f" training scans than {percent:g} % of the validation scans."
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
