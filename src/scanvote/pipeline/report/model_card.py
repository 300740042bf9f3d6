"""The model card, filled from what the pipeline knows.

Mitchell M, Wu S, Zaldivar A, et al. Model Cards for Model Reporting. Conference on Fairness,
Accountability, and Transparency, 2019.
"""

from scanvote.datasets.base import METADATA_FIELDS
from scanvote.pipeline.report import numbers, terms
from scanvote.pipeline.report.blocks import Block, Bullets, QuestionList, Section, Table, Text
from scanvote.pipeline.report.details import missed_patients
from scanvote.pipeline.report.limits import limitations
from scanvote.pipeline.report.numbers import NOT_REPORTED
from scanvote.pipeline.report.page import rendered, title
from scanvote.pipeline.report.patients import audit_claim, claim_block
from scanvote.pipeline.report.report_data import TASKS, ReportData
from scanvote.pipeline.report.reproduce import versions
from scanvote.pipeline.report.results_classes import results_classes
from scanvote.pipeline.report.results_masks import results_masks
from scanvote.pipeline.report.search import voters
from scanvote.pipeline.report.split import PROTOCOLS, leaked
from scanvote.pipeline.report.summary import class_answer, mask_answer, question
from scanvote.splits.groups import SPLITS

_COUNTED = ("scans", "scans_patient_known", "groups")


def card(facts: ReportData) -> str:
    """The card as Markdown, in the sections of Mitchell et al."""
    parts = [
        Section("", "Model details", (_details(facts),)),
        Section("", "Intended use", (_use(facts),)),
        Section("", "Factors", (_factors(facts),)),
        Section("", "Metrics", (_metrics(facts),)),
        Section("", "Evaluation data", tuple(_data(facts, ("test",)))),
        Section("", "Training data", tuple(_data(facts, ("train", "validation")))),
        Section("", "Quantitative analyses", tuple(_analyses(facts))),
        Section("", "Ethical considerations", (_ethics(facts),)),
        Section("", "Caveats and recommendations", (Bullets(tuple(limitations(facts))),)),
    ]
    heading = f"Model card: {title(facts).removeprefix('scanvote: ')}"
    return rendered("card.md", heading, parts, facts.params.smoke, markdown=True)


def _details(facts: ReportData) -> QuestionList:
    ensemble = facts.params.ensemble
    unet = numbers.counted(facts.figures("unet", "segmentation"), "best_parameters")
    return QuestionList(
        (
            ("Person or organisation", NOT_REPORTED),
            ("Version", "the MD5 of `models/package` in dvc.lock"),
            ("Type", f"{terms.rule(ensemble.rule)} of {ensemble.top} networks; a U-Net"),
            ("Members", "; ".join(voters(facts)) or NOT_REPORTED),
            ("Parameters of the U-Net", unet),
            ("Made with", ", ".join(f"{name} {one}" for name, one in versions().items())),
            ("Licence, contact", NOT_REPORTED),
        )
    )


def _use(facts: ReportData) -> QuestionList:
    return QuestionList(
        (
            ("Question", question(facts)),
            ("Intended use", "research on methods of learning from images, and teaching"),
            ("Intended users", "researchers who can judge the limits below"),
            ("Out of scope", "diagnosis, and any decision about a patient"),
        )
    )


def _factors(facts: ReportData) -> QuestionList:
    there = {
        task: [one for one in METADATA_FIELDS if one in known.scans]
        for task, known in facts.known.items()
    }
    told = "; ".join(f"{task}: {terms.listed(one) or 'none'}" for task, one in there.items())
    table = facts.table("metrics/evaluate/classification/subgroups.csv")
    evaluated = f"{len(table)} rows in the report" if len(table) else NOT_REPORTED
    return QuestionList(
        (
            ("Known of a scan", told or NOT_REPORTED),
            ("Evaluated by subgroup", evaluated),
            ("Age, sex, origin of the patients", f"{NOT_REPORTED}, unless they stand above"),
        )
    )


def _metrics(facts: ReportData) -> QuestionList:
    return QuestionList(
        (
            (
                "Measures",
                "accuracy, macro F1, AUROC, Brier score and calibration error of the vote; Dice of"
                f" a patient for the masks{_finding(facts)}",
            ),
            ("Uncertainty", "95 % intervals by bootstrap over groups of scans, or patients"),
            ("Decision threshold", missed_patients(facts) or "none: the class with most votes"),
        )
    )


def _finding(facts: ReportData) -> str:
    """Where the classes with the finding are evaluated alone."""
    if "vote_positive_classes_macro_f1" not in facts.figures("evaluate", "classification"):
        return ""
    negative = terms.words(str(facts.params.evaluate.negative))
    return f"; accuracy and macro F1 also of the classes other than {negative} alone"


def _data(facts: ReportData, splits: tuple[str, ...]) -> list[Block]:
    protocol = facts.params.split.protocol
    pairs = sum(leaked(facts).values())
    rows = tuple(
        (
            f"{task}, {split}",
            ", ".join(one.name for one in facts.known[task].sets),
            *(numbers.counted(found, f"{split}_{what}") for what in _COUNTED),
        )
        for task in TASKS
        if task in facts.known and (found := facts.figures("prepare", task))
        for split in SPLITS
        if split in splits
    )
    words = (
        f"{PROTOCOLS[protocol]} Pairs of scans on two sides that are known to have something in"
        f" common: {pairs:,}."
    )
    if not rows:
        return [Text(NOT_REPORTED)]
    claims = Bullets(
        tuple(
            f"{task.capitalize()}: {audit_claim(facts, task)}"
            for task in TASKS
            if task in facts.known
        )
    )
    head = ("part", "data sets", "scans", "of known patients", "groups")
    return [Text(words), claims, Table("", head, rows)]


def _analyses(facts: ReportData) -> list[Block]:
    """The answers, and the tables of the page."""
    blocks: list[Block] = []
    if facts.figures("evaluate", "classification"):
        blocks += [Text(class_answer(facts)), claim_block(facts, "classification")]
        blocks += _tables(results_classes(facts))
    if facts.figures("evaluate", "segmentation"):
        blocks += [Text(mask_answer(facts)), claim_block(facts, "segmentation")]
        blocks += _tables(results_masks(facts))
    return blocks or [Text(NOT_REPORTED)]


def _tables(section: Section) -> list[Block]:
    return [block for block in section.blocks if isinstance(block, Table)]


def _ethics(facts: ReportData) -> QuestionList:
    licences = {one.name: one.licence for known in facts.known.values() for one in known.sets}
    return QuestionList(
        (
            (
                "Data of patients",
                "; ".join(f"{name}: {licence}" for name, licence in licences.items())
                or NOT_REPORTED,
            ),
            ("Consent and review by a board", NOT_REPORTED),
            ("Harm", "a wrong answer about a patient, if the models were used beyond research"),
        )
    )
