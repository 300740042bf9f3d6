"""The section on the results of the segmentation, by patient."""

from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Collapsible, Section, Table, Text
from scanvote.pipeline.report.details import subgroup_table
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.patients import claim_block
from scanvote.pipeline.report.pictures import others, picture, side_by_side
from scanvote.pipeline.report.report_data import Metrics, ReportData
from scanvote.pipeline.report.summary import mask_answer
from scanvote.pipeline.report.tables import brackets, frame_table

FOLDER = "metrics/evaluate/segmentation"
_FIGURES = {
    "dice_patient_mean": "Dice of a patient, mean",
    "dice_patient_median": "Dice of a patient, median",
    "iou_patient_mean": "IoU of a patient, mean",
    "dice_slice_mean": "Dice of a slice, mean",
    "slice_sensitivity": "slices with a lesion that are found",
    "slice_specificity": "slices without one that stay empty",
    "pixel_accuracy": "pixel accuracy, which says little",
}
_DISTANCES = {
    "hd95_patient_mean": "95 % Hausdorff distance, mean",
    "surface_dice_patient_mean": "surface Dice, mean",
}
_DRAWN = {
    "dice_by_patient": (
        "Dice of each test patient, U-Net and baseline; the values stand in the folded table",
        "Dice of each test patient.",
    ),
    "dice_by_size": (
        "Dice of each test patient against the size of the lesion",
        "Dice by the size of the lesion.",
    ),
    "areas": (
        "Area of the predicted mask against that of the true one, for each test patient",
        "The areas that are marked, beside the true ones.",
    ),
}
GALLERIES = ("masks",)
_OF_A_PATIENT = ("patient", "slices", "dice", "baseline_dice", "iou", "hd95", "surface_dice")


def results_masks(facts: ReportData) -> Section:
    """The U-Net beside the baseline and empty masks, distances, slices found, figures."""
    found = facts.figures("evaluate", "segmentation")
    blocks: list[Block] = (
        [
            Text(mask_answer(facts)),
            claim_block(facts, "segmentation"),
            Text(f"A Dice counts all slices of a patient together; {_empty_rule()}."),
            _beside(found),
            *_tests(found),
            *_distances(facts, found),
            *_patients(facts),
            *subgroup_table(
                facts.table(f"{FOLDER}/subgroups.csv"),
                "The U-Net within parts of the test slices, with their counts.",
                over="patients",
            ),
            *side_by_side(
                [
                    *(
                        one
                        for name, words in _DRAWN.items()
                        for one in picture(facts, f"{FOLDER}/{name}.png", *words)
                    ),
                    *others(facts, FOLDER, (*_DRAWN, *GALLERIES)),
                ]
            ),
        ]
        if found
        else [Text(f"The results of the segmentation are {NOT_REPORTED}.")]
    )
    return Section("segmentation", "Results: segmentation", tuple(blocks))


def _empty_rule() -> str:
    # as `scanvote.metrics.segmentation` has it, which needs half a second to import
    return "two empty masks agree (1), one empty mask beside another is a miss (0)"


def _beside(found: Metrics) -> Table:
    rows = tuple(
        (
            words,
            numbers.of(found, key),
            *(_other(found, f"{other}_{key}") for other in ("baseline", "empty", "difference")),
        )
        for key, words in _FIGURES.items()
        if key in found
    )
    note = (
        f"{brackets('patients')} The difference is paired. Empty masks are what a model must beat:"
        " most slices and pixels have no lesion."
    )
    head = ("figure", "U-Net", "baseline", "empty masks", "U-Net less baseline")
    return Table("The U-Net beside a baseline without learning, and empty masks.", head, rows, note)


def _other(found: Metrics, key: str) -> str:
    return numbers.of(found, key) if key in found else "–"


def _tests(found: Metrics) -> list[Block]:
    tests = [key for key in found if key.endswith("wilcoxon_p")]
    told = "; ".join(
        f"{terms.words(key.removesuffix('wilcoxon_p')) or 'U-Net against the baseline'}:"
        f" {numbers.p_words(found, key)}"
        for key in tests
    )
    return [Text(f"Wilcoxon's signed-rank test over patients: {told}.")] if told else []


def unit(found: Metrics) -> str:
    """Of the distances: mm, or pixels of the scan where mm are not known."""
    return "mm" if found.get("distances_in_mm") else "pixels of the scan"


def _distances(facts: ReportData, found: Metrics) -> list[Block]:
    told = [
        f"{words} {numbers.of(found, key)}{f' {unit(found)}' if 'hd95' in key else ''}"
        for key, words in _DISTANCES.items()
        if key in found
    ]
    if not told:
        return [Text(f"Distances: {NOT_REPORTED}.")]
    tolerance = f"within {facts.params.evaluate.tolerance:g} {unit(found)}"
    return [Text(f"Of the outlines: {'; '.join(told)} ({tolerance}).")]


def _patients(facts: ReportData) -> list[Block]:
    table = facts.table(f"{FOLDER}/patients.csv")
    if table.empty:
        return []
    caption = f"Each test patient; distances in {unit(facts.figures('evaluate', 'segmentation'))}."
    naming = {"patient": str}
    ordered = table.sort_values(["dice", "patient"])
    shown = frame_table(ordered, caption, naming, _OF_A_PATIENT)
    return [Collapsible("Each test patient, the worst first", tuple(shown))]
