"""The section on the segmentation results, by patient."""

from scanvote.metrics.bootstrap import too_few
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Collapsible, Section, Table, Text
from scanvote.pipeline.report.details import subgroup_table
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.patients import claim_block, patients_of
from scanvote.pipeline.report.pictures import others, picture, side_by_side
from scanvote.pipeline.report.report_data import Metrics, ReportData
from scanvote.pipeline.report.summary import task_answer
from scanvote.pipeline.report.tables import frame_table, interval_note

FOLDER = "metrics/evaluate/segmentation"
FLAT = "metrics/evaluate/segmentation.csv"
_METRICS = {
    "dice_patient_mean": "Dice of a patient, mean",
    "dice_patient_median": "Dice of a patient, median",
    "iou_patient_mean": "IoU of a patient, mean",
    "dice_slice_mean": "Dice of a slice, mean",
    "slice_sensitivity": "sensitivity: slices with a lesion that get a mask",
    "slice_specificity": "specificity: slices without a lesion that stay empty",
    "pixel_accuracy": "pixel accuracy (uninformative: most pixels have no lesion)",
}
_DISTANCES = {
    "hd95_patient_mean": "95 % Hausdorff distance, mean",
    "surface_dice_patient_mean": "surface Dice, mean",
}
_CAPTIONS = {
    "dice_by_patient": (
        "Dice of each test patient, U-Net and baseline; the values are in the folded table",
        "Dice of each test patient.",
    ),
    "dice_by_size": (
        "Dice of each test patient against the size of the lesion",
        "Dice by the size of the lesion.",
    ),
    "areas": (
        "Area of the predicted mask against that of the true one, for each test patient",
        "Predicted area against true area of each test patient.",
    ),
}
GALLERIES = ("masks",)
_PATIENT_COLUMNS = ("patient", "slices", "dice", "baseline_dice", "iou", "hd95", "surface_dice")


def results_masks(report: ReportData) -> Section:
    """Describe the U-Net beside baseline and empty masks, distances, patients and subgroups."""
    metrics = report.metrics_of("evaluate", "segmentation")
    blocks: list[Block] = (
        [
            Text(task_answer(report, "segmentation")),
            claim_block(report, "segmentation"),
            Text(_about(report)),
            _comparison(metrics),
            *_tests(metrics),
            *_distances(report, metrics),
            *_patients(report),
            *subgroup_table(
                report,
                "segmentation",
                "The U-Net in subgroups of the test slices, with their counts.",
                over="patients",
            ),
            *side_by_side(
                [
                    *(
                        one
                        for name, words in _CAPTIONS.items()
                        for one in picture(report, f"{FOLDER}/{name}.png", *words)
                    ),
                    *others(report, FOLDER, (*_CAPTIONS, *GALLERIES)),
                ]
            ),
        ]
        if metrics
        else [Text(f"The results of the segmentation are {NOT_REPORTED}.")]
    )
    return Section("segmentation", "Results: segmentation", tuple(blocks))


def _about(report: ReportData) -> str:
    # the rule of `scanvote.metrics.segmentation`, whose import takes half a second
    words = (
        "The masks are those after post-processing, which was chosen on validation. The Dice is"
        " computed over all slices of a patient together; two empty masks agree (1), and if only"
        " one of them is empty, the Dice is 0."
    )
    patients = patients_of(report, "segmentation")
    all_known = patients is None or patients.known["test"] == patients.scans["test"]
    return words + ("" if all_known else " A slice of an unknown patient counts as a patient.")


def _comparison(metrics: Metrics) -> Table:
    rows = tuple(
        (
            words,
            numbers.metric(metrics, key),
            *(
                _metric_or_dash(metrics, f"{other}_{key}")
                for other in ("baseline", "empty", "difference")
            ),
        )
        for key, words in _METRICS.items()
        if key in metrics
    )
    note = (
        f"{interval_note(rows, 'patients', metrics.get('test_patients'))} The difference is paired."
        " A model must beat empty masks, because most slices and pixels have no lesion."
    )
    head = ("metric", "U-Net", "baseline", "empty masks", "U-Net minus baseline")
    caption = (
        "The U-Net after post-processing, a baseline without learning, and empty masks, on the test"
        " patients."
    )
    return Table(caption, head, rows, note.strip(), FLAT)


def _metric_or_dash(metrics: Metrics, key: str) -> str:
    return numbers.metric(metrics, key) if key in metrics else "–"


def _tests(metrics: Metrics) -> list[Block]:
    if too_few(int(metrics.get("test_patients") or 0)):
        return []
    tests = [key for key, p in metrics.items() if key.endswith("wilcoxon_p") and p is not None]
    p_values = "; ".join(
        f"{terms.words(key.removesuffix('wilcoxon_p')) or 'U-Net against the baseline'}:"
        f" {numbers.p_words(metrics, key)}"
        for key in tests
    )
    return [Text(f"Wilcoxon's signed-rank test over patients: {p_values}.")] if p_values else []


def unit(metrics: Metrics) -> str:
    """Return the unit of distances: mm, or pixels without known spacing."""
    return "mm" if metrics.get("distances_in_mm") else "pixels of the scan"


def _distances(report: ReportData, metrics: Metrics) -> list[Block]:
    distances = [
        f"{words} {numbers.metric(metrics, key)}{f' {unit(metrics)}' if 'hd95' in key else ''}"
        for key, words in _DISTANCES.items()
        if key in metrics
    ]
    if not distances:
        return [Text(f"Distances: {NOT_REPORTED}.")]
    tolerance = f"tolerance {report.params.evaluate.tolerance:g} {unit(metrics)}"
    return [Text(f"Distances of the outlines: {'; '.join(distances)} ({tolerance}).")]


def _patients(report: ReportData) -> list[Block]:
    source = f"{FOLDER}/patients.csv"
    table = report.table(source)
    if table.empty:
        return []
    distance_unit = unit(report.metrics_of("evaluate", "segmentation"))
    caption = f"Metrics of each test patient; distances in {distance_unit}."
    naming = {"patient": str}
    ordered = table.sort_values(["dice", "patient"])
    shown = frame_table(ordered, caption, naming, _PATIENT_COLUMNS, source=source)
    return [Collapsible("Each test patient, the worst first", tuple(shown))]
