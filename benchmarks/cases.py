"""Every case of what people bring, through `data check` and the stages, against what is right.

    python -m benchmarks.cases [--only REGEX] [--keep FOLDER]

Writes each input to a temporary folder, runs `data check`, download, deduplicate and prepare on it
(small pictures, montages left out), and prints a table: case | what is right | what came out |
verdict. The verdict is `right`, `refused in words` (one line that names the cause and the remedy,
where the case allows a refusal) or `wrong`; the exit code is 1 with any that is wrong. Cases on
real scans run only where SCANVOTE_MIRROR or ../shared/mirror is a folder; nothing of it is kept.
"""

import contextlib
import io
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from benchmarks import case_inputs as made
from benchmarks import case_pixels as read
from scanvote.commands.data_check_report import check_and_show
from scanvote.core.errors import InputError
from scanvote.images.decode import decode_image
from scanvote.params import Task
from tests.own_judging import Outcome, run_stages, small_params

ROOT = Path(__file__).parents[1]
MIRRORS = (os.environ.get("SCANVOTE_MIRROR", ""), str(ROOT / "../shared/mirror"))
MIRROR = next((Path(one) for one in MIRRORS if one and Path(one).is_dir()), None)
ALIKE = 0.95
"""Least correlation of pixels with those expected: the window of a volume cuts their ends off."""
MACHINE = re.compile(r"object has no attribute|Traceback|NoneType|<class ")


@dataclass
class Run:
    """What came of a case: the outcome of the stages, the text of the check, and the folder."""

    outcome: Outcome
    text: str
    out: Path

    @property
    def rows(self) -> pd.DataFrame:
        return self.outcome.manifest

    def labels(self) -> set[str]:
        return set(self.rows["label"]) if self.outcome.accepted else set()

    def keys(self, regex: str) -> pd.Series:
        """A key of each scan, the first group of `regex` in its name."""
        found = self.rows["scan_id"].str.extract(regex, expand=False)
        return found.fillna("?")

    def tied(self, regex: str, number: int) -> bool:
        """Whether each of `number` keys is one group, and no group has several."""
        if not self.outcome.accepted:
            return False
        keys, groups = self.keys(regex), self.rows["group"]
        one_to_one = len(set(zip(keys, groups, strict=True))) == groups.nunique() == number
        return one_to_one and keys.nunique() == number

    def sides(self, regex: str) -> int:
        """Keys on several sides."""
        return int((self.rows["split"].groupby(self.keys(regex)).nunique() > 1).sum())

    def findings(self) -> set[str]:
        return set(self.outcome.issues["kind"]) if len(self.outcome.issues) else set()

    def tells(self, regex: str) -> bool:
        """Whether the check, the ignored files or the findings say so."""
        issues = self.outcome.issues
        details = [*issues.get("kind", []), *issues.get("detail", [])]
        report = self.text.partition("\nparams.yaml: change")[0]  # what follows are the params
        texts = [report, *self.outcome.ignored.values(), *details]
        return any(re.search(regex, one, re.IGNORECASE) for one in texts)

    def pixels(self, path: str) -> Any:
        return decode_image(self.out / "download" / path)


Judge = Callable[[Run], bool]


@dataclass(frozen=True)
class Case:
    """A case.

    Attributes:
        name: number in the files of cases, and what it is.
        right: what is right, in words.
        task: which it is for.
        make: writes it to a folder, and returns the path to give to scanvote.
        judge: whether the outcome is right.
        refusal: regular expression of a refusal that is right, too; empty if none is.
        is_right: regular expression of a refusal that is what the case calls right.
        changes: of params.yaml.
    """

    name: str
    right: str
    task: Task
    make: Callable[[Path], Path]
    judge: Judge
    refusal: str = ""
    is_right: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)


def run_case(case: Case, folder: Path) -> Run:
    path = case.make(folder / "own")
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        try:
            params = small_params(case.task, path, {"volumes.slices": 8, **case.changes})
            outcome = run_stages(case.task, params, folder / "out")
        except InputError as error:
            outcome = Outcome("params", str(error))
    return Run(outcome, _check_text(path, case.task), folder / "out")


def _check_text(path: Path, task: Task) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        try:
            check_and_show(path, task)
        except InputError as error:
            print(f"scanvote: {error}")
        except Exception as error:
            print(f"crash: {type(error).__name__}: {error}")
    return out.getvalue()


def verdict(case: Case, run: Run) -> str:
    """The verdict; a message that no person can use is wrong whatever the case allows."""
    outcome = run.outcome
    if outcome.crashed or MACHINE.search(outcome.message) or "crash:" in run.text:
        return "wrong"
    if outcome.accepted:
        return "right" if case.judge(run) else "wrong"
    if case.is_right and re.search(case.is_right, outcome.message, re.IGNORECASE):
        return "right"
    if case.refusal and re.search(case.refusal, outcome.message, re.IGNORECASE):
        return "refused in words"
    return "wrong"


def came_out(run: Run, root: Path) -> str:
    """What came out, in a few words."""
    outcome = run.outcome
    if not outcome.accepted:
        return f"{outcome.stage}: {outcome.message}".replace(str(root), "PATH")[:330]
    counts = Counter(zip(run.rows["label"], run.rows["split"], strict=True))
    by_label: dict[str, list[str]] = {}
    for (label, _), count in sorted(counts.items()):
        by_label.setdefault(label or "scans", []).append(str(count))
    classes = ", ".join(f"{label} {'+'.join(several)}" for label, several in by_label.items())
    ignored = Counter(reason[:60] for reason in outcome.ignored.values())
    told = "; ".join(f"{count} × {reason}" for reason, count in ignored.most_common(3))
    findings = ", ".join(sorted(run.findings()))
    known = run.rows["patient"].replace("", np.nan).nunique()
    return f"{classes}; {run.rows['group'].nunique()} groups, {known} patients" + (
        f"; ignored {told}" * bool(told) + f"; {findings}" * bool(findings)
    )


# ---- predicates


def marks(run: Run, expected: Callable[[str], int], near: float = 0.0) -> bool:
    """Whether each scan's mask has the expected number of pixels, by the name of the scan."""
    rows = run.outcome.raw
    pairs = [
        (expected(one), n) for one, n in zip(rows["scan_id"], rows["mask_pixels"], strict=True)
    ]
    return all(abs(n - right) <= near * right for right, n in pairs)


def level_pixels(*labels: int) -> Callable[[str], int]:
    return lambda scan: int(np.isin(made.levels(int(scan[-1])), labels).sum())


def spots(scan: str) -> int:
    """Pixels of the spots of `noisy_empty_masks`."""
    patient, slice_ = scan.split("/")[-2:]
    number = 100 * int(patient[1:]) + int(slice_)
    return 0 if int(slice_) % 2 else int((made.spot(number) > 0).sum())


def no_scan_of(regex: str) -> Judge:
    def judge(run: Run) -> bool:
        used = run.outcome.raw["scan_id"].str.contains(regex).any()
        left = any(re.search(regex, name) for name in run.outcome.ignored)
        return not used and left and run.outcome.raw["scan_id"].str.contains("/CT/").all()

    return judge


def labels_are(*labels: str) -> Judge:
    return lambda run: run.labels() == set(labels)


def without(regex: str, *labels: str) -> Judge:
    """Whether the labels are these, and no scan is named like `regex`."""

    def judge(run: Run) -> bool:
        return run.labels() == set(labels) and not run.rows["scan_id"].str.contains(regex).any()

    return judge


def one_of_each(run: Run) -> bool:
    """Whether respelled classes were joined."""
    folded = {label.strip().casefold() for label in run.labels()}
    return len(folded) == len(run.labels()) == 2


def pictures(expected: Callable[[int], Any]) -> Judge:
    """Whether all pictures are those expected by the number in their name."""

    def judge(run: Run) -> bool:
        for scan, path in zip(run.outcome.raw["scan_id"], run.outcome.raw["path"], strict=True):
            number = int(re.findall(r"\d+", scan.split("/")[-1])[0])
            pixels, right = run.pixels(path), expected(number)
            if right.ndim == 2:
                pixels = pixels[..., 0]
            if pixels.max() < 200 or min(_channels(pixels, right)) < ALIKE:
                return False
        return len(run.outcome.raw) == read.COUNT

    return judge


def _channels(pixels: Any, right: Any) -> list[float]:
    if right.ndim == 2:
        return [read.alike(pixels, right)]
    return [read.alike(pixels[..., at], right[..., at]) for at in range(3)]


def padding_is_dark(run: Run) -> bool:
    paths = run.outcome.raw["path"]
    return len(paths) == read.COUNT and all(run.pixels(one)[:8].max() < 10 for one in paths)


def stills_are_images(run: Run) -> bool:
    raw = run.outcome.raw
    planes = set(raw["plane"]) if "plane" in raw else set()
    return len(raw) == 48 and "axial" not in planes and run.sides(r"/(P\d+)/") == 0


def micrometres_told(run: Run) -> bool:
    return bool(np.allclose(run.outcome.raw["spacing"].astype(float), 0.005))


def jpegs_told(run: Run) -> bool:
    """Whether both are read, or their reason is no false one."""
    names = ("JPEG-lossy", "JPGExtended")
    used = [run.outcome.raw["scan_id"].str.contains(name).any() for name in names]
    reasons = [run.outcome.ignored.get(name, "") for name in run.outcome.ignored]
    return all(used) or not any("no whole" in reason for reason in reasons)


def patients_are(number: int) -> Judge:
    """Whether so many patients are known, and none of them is on two sides."""

    def judge(run: Run) -> bool:
        rows = run.rows[run.rows["patient"] != ""]
        return rows["patient"].nunique() == number and run.sides(r"/(\d\d)[ab]$") <= 3

    return judge


def contrasts_used_or_told(run: Run) -> bool:
    several = run.outcome.raw["scan_id"].nunique() > 8 * 8
    one_side = run.sides(r"(BRATS_\d+)") == 0
    return one_side and (several or run.tells(r"4-?D|fourth|contrasts|channels"))


def pages_used_or_told(run: Run) -> bool:
    return run.sides(r"(\w+/P\d+)") == 0 and (
        len(run.outcome.raw) > 16 or run.tells(r"several_pictures|pages")
    )


def masks_found(run: Run) -> bool:
    """Whether the true masks of DRIVE were taken."""
    rows = run.outcome.raw
    return bool((rows["mask_pixels"] < 0.2 * 64 * 64).all()) and len(rows) == 20


PARTS = ("yes", "no")
NO = lambda run: False  # noqa: E731  only a refusal is right
WORDS_FOR_READINGS = r"class_level|reading|second level|hospital|site|institution|fold|part"

CASES = [
    Case(
        "1 two contrasts of a case, nnU-Net",
        "one group a case",
        "segmentation",
        made.nnunet,
        lambda run: run.tied(r"(MS_\d+)_", 14),
    ),
    Case(
        "1 the same, flat sub-01_T1w, _FLAIR, _seg",
        "one group a case",
        "segmentation",
        made.flat_contrasts,
        lambda run: run.tied(r"(sub-\d+)_", 14),
    ),
    Case(
        "3 black slices at the ends",
        "a group a patient; black slices tie nobody",
        "segmentation",
        made.black_ends,
        lambda run: run.tied(r"/(P\d+)/", 10),
    ),
    Case(
        "3 black slices of 15 of 20 patients",
        "a group a patient",
        "segmentation",
        made.black_of_some,
        lambda run: run.tied(r"/(P\d+)/", 20) and run.sides(r"/(P\d+)/") == 0,
    ),
    Case(
        "5 the PatientID ANONYMOUS in ten folders",
        "ten patients by their folders",
        "classification",
        made.one_identifier,
        lambda run: run.tied(r"/(P\d+)/", 10),
    ),
    Case(
        "5 sibling: one PatientID that is no known stand-in",
        "ten patients by their folders, and a line that says so",
        "classification",
        partial(made.one_identifier, name="HOSP17"),
        lambda run: run.tied(r"/(P\d+)/", 10) and run.tells(r"PatientID|header"),
        refusal=r"PatientID|header",
    ),
    Case(
        "5 sibling: a new ID for every file",
        "ten patients by their folders",
        "classification",
        made.identifier_of_every_file,
        lambda run: run.tied(r"/(P\d+)/", 10),
        refusal=r"PatientID|header",
    ),
    Case(
        "7 DICOM without TransferSyntaxUID",
        "it is read",
        "classification",
        made.no_syntax,
        lambda run: run.outcome.raw["series"].nunique() == 8,
        refusal=r"transfer syntax",
    ),
    Case(
        "7 DICOM without preamble and group 2",
        "it is read",
        "classification",
        made.no_preamble,
        lambda run: run.outcome.raw["series"].nunique() == 8,
        refusal=r"transfer syntax|preamble",
    ),
    *(
        Case(
            f"8 {name} beside the CT",
            "left out, with its reason",
            "classification",
            partial(made.beside_ct, others=kinds),
            no_scan_of("|".join(f"/{kind}/" for kind in kinds)),
        )
        for name, kinds in (
            ("SEG", ("SEG",)),
            ("SEG, dose page and localiser", ("SEG", "DOSE", "LOC")),
            ("RTDOSE", ("RTDOSE",)),
            ("RTSTRUCT, PR, KO, SR", ("TEXT",)),
        )
    ),
    Case(
        "9 masks of labels 1, 2, 4, PNG",
        "any label marks, and a finding",
        "segmentation",
        partial(made.levels_as, ending="png"),
        lambda run: marks(run, level_pixels(1, 2, 4)) and run.tells(r"mask_values|values"),
    ),
    Case(
        "9 the same, JPEG",
        "any label marks (within 5 %), and a finding",
        "segmentation",
        partial(made.levels_as, ending="jpg"),
        lambda run: marks(run, level_pixels(1, 2, 4), 0.05) and run.tells(r"mask_values|values"),
    ),
    Case(
        "9 the same, NIfTI",
        "any label marks, and a finding",
        "segmentation",
        made.levels_of_volumes,
        lambda run: (
            run.outcome.raw["mask_pixels"].max() == made.ball((24, 22, 12), 10)[:, :, 12].sum()
            and run.tells(r"mask_values|values")
        ),
        changes={"volumes.slices": None},
    ),
    Case(
        "9 sibling: mask_labels [1, 4]",
        "1 and 4 mark, 2 does not",
        "segmentation",
        partial(made.levels_as, ending="png"),
        lambda run: marks(run, level_pixels(1, 4)),
        changes={"segmentation.mask_labels": [1, 4]},
    ),
    Case(
        "9 sibling: empty masks with noise of value 2",
        "noise marks nothing, or a line about the values",
        "segmentation",
        made.noisy_empty_masks,
        lambda run: marks(run, spots) or "mask_values" in run.findings(),
    ),
    Case(
        "10 interpolated NIfTI masks",
        "half of the peak marks, and a finding",
        "segmentation",
        made.soft_masks,
        lambda run: (
            run.outcome.raw["mask_pixels"].max() == (made.soft_ball() >= 0.5).sum(axis=(0, 1)).max()
            and run.tells(r"mask_values|values")
        ),
        changes={"volumes.slices": None},
    ),
    Case(
        "11 a mask that lost its affine",
        "says that the places differ, and to copy the affine",
        "segmentation",
        made.lost_affine,
        NO,
        is_right=r"affine|origin|direction",
    ),
    Case(
        "12 pred/ beside train/ and test/",
        "yes and no; pred/ is told of",
        "classification",
        made.beside_parts,
        lambda run: labels_are(*PARTS)(run) and run.tells("pred"),
        refusal=r"pred",
    ),
    Case(
        "12 the same, official",
        "tests on test/",
        "classification",
        made.beside_parts,
        lambda run: (
            labels_are(*PARTS)(run)
            and run.rows[run.rows["split"] == "test"]["scan_id"].str.contains("/test/").all()
        ),
        refusal=r"pred",
        changes={"split.protocol": "official"},
    ),
    Case(
        "12 the tree twice",
        "yes and no, each scan once",
        "classification",
        made.twice,
        lambda run: labels_are(*PARTS)(run) and len(run.rows) == 40,
        refusal=r"brain_tumor_dataset.*(again|twice|repeat|same)|again|twice|repeat",
    ),
    Case(
        "13 hospitals above the classes",
        "the class is the second level",
        "classification",
        partial(
            made.above_classes,
            above=("berlin", "lyon", "oslo"),
            classes=("glioma", "meningioma", "normal"),
        ),
        labels_are("glioma", "meningioma", "normal"),
        refusal=WORDS_FOR_READINGS,
    ),
    Case(
        "13 folds above the classes",
        "the class is the second level",
        "classification",
        partial(made.above_classes, above=("fold_0", "fold_1", "fold_2"), classes=("all", "hem")),
        labels_are("all", "hem"),
        refusal=r"class_level|reading",
    ),
    Case(
        "13 patients above the classes",
        "the class is the second level",
        "classification",
        partial(made.above_classes, above=tuple(f"88{p}" for p in range(10)), classes=("0", "1")),
        labels_are("0", "1"),
        refusal=r"class_level|reading",
    ),
    Case(
        "13 yes/train, yes/test",
        "train and test are parts",
        "classification",
        made.parts_below,
        lambda run: labels_are(*PARTS)(run) and set(run.rows["source_split"]) == {"train", "test"},
        refusal=r"class_level|patient_level|reading",
    ),
    Case(
        "13 benign/SOB/adenosis/<patient>/40X",
        "18 patients, or a refusal that shows the levels",
        "classification",
        made.deep_patients,
        lambda run: run.rows["patient"].nunique() == 18,
        refusal=r"patient_level|reading",
    ),
    *(
        Case(
            f"14 {name}",
            "one line that names the spellings, or joined",
            "classification",
            partial(made.respelled, one=one, other=other),
            one_of_each,
            is_right=r"spell|differ only|Yes|one class",
        )
        for name, one, other in (
            ("yes and Yes", ("yes", "no"), ("Yes", "No")),
            ("a trailing space", ("yes", "no"), ("yes ", "no")),
            ("letters composed and decomposed", ("glüom", "no"), ("glu\u0308om", "no")),
        )
    ),
    Case(
        "14 1 and 1.0 in a table",
        "one line that names the spellings, or joined",
        "classification",
        made.numbers_in_table,
        lambda run: len(run.labels()) == 2,
        is_right=r"1\.0|0\.0",
    ),
    Case(
        "14 official, a class of the test part alone",
        "refused, c is named",
        "classification",
        partial(made.parts, of_train=("a", "b"), of_test=("a", "c")),
        NO,
        is_right=r"'c'.*train|train.*'c'",
        changes={"split.protocol": "official"},
    ),
    *(
        Case(
            f"15 {scan.format(1)} beside {mask.format(1)} in folders of classes",
            "no mask is used as a scan, or a line",
            "classification",
            partial(made.pairs_in_classes, scan=scan, mask=mask),
            without(regex, "benign", "malignant"),
            refusal=r"mask|lesion",
        )
        for scan, mask, regex in (
            ("{:03d}_image.png", "{:03d}_mask.png", "mask"),
            ("img_{}.png", "mask_{}.png", "mask"),
            ("IMD{:03d}.bmp", "IMD{:03d}_lesion.bmp", "lesion"),
        )
    ),
    *(
        Case(
            f"16 the patient {gap}",
            "24 patients; unknown where it is missing",
            "classification",
            partial(made.table_with_na, gap=gap),
            patients_are(24),
        )
        for gap in ("NA", "n/a", "None", ".", "[Not Available]", "nan", "-")
    ),
    Case(
        "16 the label NA",
        "refused with the line, or left out with a line",
        "classification",
        partial(made.table_with_na, gap="NA", column="label"),
        lambda run: run.labels() == {"AD", "CN"} and run.tells(r"label"),
        is_right=r"line \d+.*label",
    ),
    Case(
        "17 2-D NIfTI",
        "24 volumes of one slice",
        "segmentation",
        made.planes_2d,
        lambda run: len(run.outcome.raw) == 24,
    ),
    Case(
        "18 a NIfTI of four contrasts",
        "contrasts of one patient, or a line",
        "segmentation",
        made.four_axes,
        contrasts_used_or_told,
    ),
    Case(
        "18 pages of a TIFF with masks",
        "slices of one scan, or a finding",
        "segmentation",
        made.pages_with_masks,
        lambda run: pages_used_or_told(run) and run.outcome.raw["mask_pixels"].max() > 0,
        refusal=r"pages",
    ),
    Case(
        "18 pages of a TIFF in classes",
        "slices of one scan, or a finding",
        "classification",
        made.pages_in_classes,
        pages_used_or_told,
        refusal=r"pages",
    ),
    Case(
        "19 patients called T1, N1",
        "24 patients, none on two sides",
        "classification",
        made.named_like_contrasts,
        lambda run: run.tied(r"/([TN]\d+)/", 24),
    ),
    Case(
        "20 BIDS with participants.tsv",
        "the group is the class, sub-* the patient",
        "classification",
        made.bids,
        lambda run: run.labels() == {"control", "patient"} and run.tied(r"(sub-\d+)/", 12),
        refusal=r"participants\.tsv.*table|table.*participants\.tsv|sub-.*table",
    ),
    Case(
        "20 BIDS with masks in derivatives",
        "paired, or a clear line",
        "segmentation",
        partial(made.bids, masks=True),
        lambda run: run.tied(r"(sub-\d+)/", 12),
        refusal=r"no image goes with|derivatives|have no image",
    ),
    Case(
        "21 classes 0, 1, 2, renamed by numbers",
        "named",
        "classification",
        made.numbers,
        labels_are("healthy", "mild", "severe", "10"),
        changes={"classification.labels": {0: "healthy", 1: "mild", 2: "severe"}},
    ),
    Case(
        "22 masks in the alpha channel",
        "the alpha is the mask",
        "segmentation",
        made.alpha_masks,
        lambda run: marks(run, lambda scan: int((made.spot(int(scan[-2:])) > 0).sum())),
        refusal=r"alpha",
    ),
    Case(
        "22 a field of view for a mask",
        "refused, or said in a line of its own",
        "segmentation",
        made.field_of_view,
        lambda run: (
            masks_found(run) or run.tells(r"field.of.view|every mask|all masks|nearly everything")
        ),
        is_right=r"field of view|more than half|nearly everything|every mask|several masks",
    ),
    Case(
        "23 a picture of 1.2 gigapixels",
        "told by its size",
        "classification",
        made.gigapixel,
        lambda run: run.tells(r"40,?000\s?x\s?30,?000") and not run.tells("no whole image"),
    ),
    Case(
        "i1 16-bit RGB TIFF",
        "its pixels",
        "classification",
        partial(read.tiffs, pixels=read.colours, photometric="rgb"),
        pictures(read.colours),
    ),
    Case(
        "i1 the same, separate planes",
        "its pixels, or refused by its header",
        "classification",
        read.separate_colours,
        pictures(read.colours),
        refusal=r"plane|planar|284",
    ),
    Case(
        "i2 pydicom's own SEG and RTDOSE",
        "left out, with their reason",
        "classification",
        read.objects_of_pydicom,
        lambda run: (
            not run.outcome.raw["scan_id"].str.contains("liver|rtdose").any()
            and {"yes/liver_1frame.dcm", "yes/rtdose.dcm"} <= set(run.outcome.ignored)
        ),
    ),
    Case(
        "i3 a series parted by -0",
        "24 series",
        "classification",
        read.jittered,
        lambda run: run.outcome.raw["series"].nunique() == 24 and run.sides(r"(s\d+)_") == 0,
    ),
    Case(
        "i4 16-bit MinIsWhite TIFF",
        "not its negative",
        "classification",
        partial(read.tiffs, pixels=read.deep, photometric="miniswhite"),
        pictures(lambda number: 255.0 - made.head(number)),
    ),
    Case(
        "i5 ultrasound stills of one series",
        "48 images, no plane, a patient on one side",
        "classification",
        read.stills,
        stills_are_images,
    ),
    Case(
        "i5 stills of two sizes",
        "48 images",
        "classification",
        partial(read.stills, sizes=(64, 48)),
        stills_are_images,
    ),
    Case("i6 NIfTI in µm", "0.005 mm", "classification", read.micrometres, micrometres_told),
    Case(
        "i10 JPEG of 12 bits",
        "read, or its syntax is named",
        "classification",
        read.twelve_bit_jpegs,
        jpegs_told,
    ),
    Case(
        "i11 Modality LUT Sequence",
        "applied",
        "classification",
        read.modality_luts,
        pictures(lambda number: 255.0 - made.head(number)),
    ),
    Case(
        "i12 padding of a MONOCHROME1 film",
        "dark",
        "classification",
        read.padded_films,
        padding_is_dark,
    ),
    Case(
        "i13 8-bit TIFF with unassociated alpha",
        "its colours",
        "classification",
        partial(read.tiffs, pixels=read.with_alpha, photometric="rgb", extrasamples=["unassalpha"]),
        pictures(made.head),
    ),
    Case(
        "i13 16-bit grey TIFF with alpha",
        "windowed",
        "classification",
        partial(
            read.tiffs,
            pixels=read.grey_with_alpha,
            photometric="minisblack",
            extrasamples=["unassalpha"],
        ),
        pictures(made.head),
    ),
]

if MIRROR:
    CASES += [
        Case(
            "1 real: LGG slices as volumes of two contrasts",
            "one group a case",
            "segmentation",
            partial(made.lgg_contrasts, mirror=MIRROR),
            lambda run: run.tied(r"(LGG_\d+)_", 24),
        ),
        Case(
            "12 real: the yes/no archive twice",
            "yes and no",
            "classification",
            partial(made.twice_real, mirror=MIRROR),
            lambda run: labels_are(*PARTS)(run) and len(run.rows) <= 80,
            refusal=r"again|twice|repeat",
        ),
    ]


def main(
    only: Annotated[str, typer.Option(help="Regular expression of the cases to run.")] = "",
    keep: Annotated[Path | None, typer.Option(help="New folder for the inputs.")] = None,
) -> None:
    """Run the cases; a Markdown table on standard output."""
    os.chdir(ROOT)  # the check reads params.yaml
    os.cpu_count = lambda: 1  # type: ignore[assignment]
    print("| case | what is right | what came out | verdict |\n|---|---|---|---|", flush=True)
    verdicts: Counter[str] = Counter()
    for number, case in enumerate(CASES):
        if not re.search(only, case.name):
            continue
        with tempfile.TemporaryDirectory(prefix="cases-") as place:
            folder = keep / str(number) if keep else Path(place)
            run = run_case(case, folder)
            found = verdict(case, run)
            told = came_out(run, folder).replace("|", "/").replace("\n", " ")
        verdicts[found] += 1
        print(f"| {case.name} | {case.right} | {told} | {found} |", flush=True)
    print(f"\n{', '.join(f'{count} {name}' for name, count in sorted(verdicts.items()))}")
    sys.exit(verdicts["wrong"] > 0)


if __name__ == "__main__":
    typer.run(main)
