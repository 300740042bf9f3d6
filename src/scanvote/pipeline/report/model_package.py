"""The section on the model that is handed on, and whether it gives the pipeline's answers."""

from scanvote.pipeline.report import numbers
from scanvote.pipeline.report.blocks import Block, Section, Table, Text
from scanvote.pipeline.report.report_data import Metrics, ReportData

_COUNTS = {"members": "networks of the vote", "unets": "networks of the U-Net"}
_PARITY = {
    "difference_max": "largest difference of a probability from the pipeline's",
    "onnx_difference_max": "largest difference of an ONNX graph from its network",
    "masks_difference": "share of the test pixels whose mask is another than the pipeline's",
    "unet_onnx_difference_max": "largest difference of a U-Net's ONNX graph from its network",
}
_OUTSIDE = {
    "outside": "test scans outside what the vote has seen, %",
    "unet_outside": "test slices outside what the U-Net has seen, %",
}
_SIZES = {"bytes": "size, MB", "onnx_bytes": "of it ONNX graphs, MB"}


def packaged(facts: ReportData) -> Section:
    """What the package holds, and how far its answers lie from those of the pipeline."""
    found = facts.figures("package", "classification")
    blocks: tuple[Block, ...] = (Text(f"A packaged model: {numbers.NOT_REPORTED}."),)
    if found:
        caption = "What the package holds, and how far it is from what this page is about."
        table = Table(caption, ("what", "figure"), (*_rows(found), *_differing(facts, found)))
        blocks = (Text(_about(facts)), table)
    return Section("package", "The packaged model", blocks)


def _about(facts: ReportData) -> str:
    onnx = "; each network is there in ONNX, too, for sites without Python"
    seen = 100 * facts.params.package.seen
    return (
        "Members, preparation, labels, temperatures and thresholds are one model in"
        f" `models/package` and, as `{facts.params.package.name}`, in MLflow's"
        f" registry{onnx if facts.params.package.onnx else ''}. After packing it was asked about"
        " the test scans again. Of a scan that is farther from all of the training than"
        f" {seen:g} % of the validation's are, it says that it lies outside what it has seen."
    )


def _rows(found: Metrics) -> tuple[tuple[str, str], ...]:
    megabytes = {key: (found[key] or 0.0) / 1e6 for key in _SIZES if key in found}
    return (
        *((words, numbers.count(found[key])) for key, words in _COUNTS.items() if key in found),
        *((words, numbers.tiny(found[key])) for key, words in _PARITY.items() if key in found),
        *((words, _percent(found[key])) for key, words in _OUTSIDE.items() if key in found),
        *((_SIZES[key], numbers.number(size, 1)) for key, size in megabytes.items()),
    )


def _percent(share: float | None) -> str:
    return numbers.number(None if share is None else 100 * share, 1)


def _differing(facts: ReportData, found: Metrics) -> tuple[tuple[str, str], ...]:
    if "differing_scans" not in found:
        return ()
    tested = facts.figures("evaluate", "classification").get("test_scans") or 0
    told = numbers.share(found["differing_scans"] or 0, tested)
    return (("test scans that it gives another class", told),)
